"""Why a job is not running: each cause in the situation that brings it about."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import JobType, NewJob, Queue, Status
from cotiza_queue.errors import NotFound, Snooze
from cotiza_queue.model.why import Cause, Why
from cotiza_queue.store.connection import Connection

pytestmark = pytest.mark.row("G7")


async def echo(payload: Any, context: Any) -> Any:
    if payload == "bad":
        raise ValueError("bad")
    return payload


class Gate:
    """A processor that holds every job until it is opened."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, payload: Any, context: Any) -> Any:
        await self.open.wait()


@pytest.fixture
def gate() -> Gate:
    return Gate()


async def until_active(queue: Queue, kind: str, n: int = 1) -> None:
    while (await queue.metrics(kind))[0].active < n:
        await asyncio.sleep(0.02)


async def asked(queue: Queue, kind: str, **options: Any) -> Why:
    """Of one more job."""
    job = await queue.enqueue(kind, 1, options=options)
    return await queue.why(job.job_id)


async def test_queue_paused(queue: Queue, kind: str, working: Any) -> None:
    async with working({kind: echo}):
        await queue.pause(kind, for_ms=3_600_000, reason="the printer is out of resin")
        why = await asked(queue, kind)
    assert why.cause is Cause.QUEUE_PAUSED
    assert why.facts["until_ms"] - why.facts["since_ms"] == 3_600_000
    assert why.facts["reason"] == "the printer is out of resin"
    assert f"The queue {kind} is paused since 20" in why.sentence
    assert why.sentence.endswith(": the printer is out of resin")


async def test_tenant_paused(queue: Queue, kind: str, working: Any) -> None:
    async with working({kind: echo}):
        await queue.pause(kind, tenant="default", for_ms=3_600_000, reason="unpaid")
        why = await asked(queue, kind)
        assert why.cause is Cause.TENANT_PAUSED
        assert why.facts["until_ms"] - why.facts["since_ms"] == 3_600_000
        assert why.sentence.endswith("Z: unpaid")
        await queue.pause(kind, tenant="default")
        assert "until it is resumed" in (await queue.why(why.job_id)).sentence


async def test_delayed(queue: Queue, kind: str, working: Any) -> None:
    async with working({kind: echo}):
        made = await queue.schedule(kind, 1, 3_600_000)
        why = await queue.why(made.job_id)
    assert (why.cause, why.facts["until_ms"]) == (Cause.DELAYED, made.due_ms)


async def test_retrying(queue: Queue, kind: str, working: Any) -> None:
    late = {"backoff": {"type": "fixed", "delay": 3_600_000}}
    async with working({kind: echo}):
        made = await queue.enqueue(kind, "bad", options=late)
        while (await queue.get(made.job_id)).status is not Status.DELAYED:
            await asyncio.sleep(0.02)
        why = await queue.why(made.job_id)
    assert why.cause is Cause.RETRYING
    assert (why.facts["attempt"], why.facts["code"]) == (1, "unexpected_error")
    assert why.facts["until_ms"] == (await queue.get(made.job_id)).due_ms


async def test_tenant_concurrency(queue: Queue, kind: str, working: Any, gate: Gate) -> None:
    await queue.limit(kind, {"concurrency": 2}, tenant="default")
    async with working({kind: gate}):
        for n in range(2):
            await queue.enqueue(kind, n)
        await until_active(queue, kind, 2)
        why = await asked(queue, kind)
        assert (why.cause, why.facts) == (Cause.TENANT_CONCURRENCY, {"active": 2, "limit": 2})
        gate.open.set()


async def test_tenant_rate(queue: Queue, kind: str, working: Any) -> None:
    await queue.limit(kind, {"rate": {"count": 1, "perMs": 3_600_000}}, tenant="default")
    async with working({kind: echo}):
        first = await queue.enqueue(kind, 0)
        await queue.wait(first.job_id)
        why = await asked(queue, kind)
    assert why.cause is Cause.TENANT_RATE
    assert 3_500_000 < why.facts["until_ms"] - first.created_ms < 3_700_000


async def test_queue_concurrency(queue: Queue, kind: str, working: Any, gate: Gate) -> None:
    await queue.limit(kind, {"concurrency": 1})
    async with working({kind: gate}):
        await queue.enqueue(kind, 0, tenant="other")
        await until_active(queue, kind)
        why = await asked(queue, kind)
        assert (why.cause, why.facts) == (Cause.QUEUE_CONCURRENCY, {"active": 1, "limit": 1})
        gate.open.set()


async def test_queue_rate(queue: Queue, kind: str, working: Any) -> None:
    await queue.limit(kind, {"rate": {"count": 1, "perMs": 3_600_000}})
    async with working({kind: echo}):
        first = await queue.enqueue(kind, 0, tenant="other")
        await queue.wait(first.job_id, tenant="other")
        why = await asked(queue, kind)
    assert why.cause is Cause.QUEUE_RATE
    assert 3_500_000 < why.facts["until_ms"] - first.created_ms < 3_700_000


async def test_better_lanes(queue: Queue, kind: str, working: Any, gate: Gate) -> None:
    async with working({kind: gate}, concurrency=1):
        await queue.enqueue(kind, 0)
        await until_active(queue, kind)
        for n in range(7):
            await queue.enqueue(kind, n, options={"priority": 1})
        await queue.enqueue(kind, 0, tenant="other", options={"priority": 2})
        why = await asked(queue, kind, priority=5)
        assert (why.cause, why.facts) == (Cause.BETTER_LANES, {"count": 8})
        assert why.sentence == "8 jobs of better priority go first."
        gate.open.set()


async def test_behind_others_in_its_own_line(
    queue: Queue, kind: str, working: Any, gate: Gate
) -> None:
    async with working({kind: gate}, concurrency=1):
        await queue.enqueue(kind, 0)
        await until_active(queue, kind)
        made = [await queue.enqueue(kind, n) for n in range(7)]
        await queue.cancel(made[3].job_id)
        for n, behind in ((1, 1), (2, 2), (6, 5)):
            why = await queue.why(made[n].job_id)
            assert (why.cause, why.facts["count"]) == (Cause.BEHIND, behind)
        crowd = [NewJob(type=kind, payload=n) for n in range(1100)]
        last = (await queue.enqueue_many(crowd))[-1]
        why = await queue.why(last.job_id)  # type: ignore[union-attr]
        assert why.facts["more"] is True
        assert why.sentence.startswith("More than 1,0")
        for job_ in (await queue.list("default", job_type=kind, limit=500)).items:
            if job_.status is Status.WAITING:
                await queue.cancel(job_.id)
        gate.open.set()


async def test_no_worker(queue: Queue, kind: str) -> None:
    why = await asked(queue, kind)
    assert why.cause is Cause.NO_WORKER
    assert why.sentence == f"No live worker runs jobs of type {kind}."


async def test_all_busy(queue: Queue, kind: str, working: Any, gate: Gate) -> None:
    async with working({kind: gate}, concurrency=2):
        for n in range(2):
            await queue.enqueue(kind, n)
        await until_active(queue, kind, 2)
        while not await queue.workers():
            await asyncio.sleep(0.02)
        why = await asked(queue, kind)
        assert (why.cause, why.facts) == (Cause.ALL_BUSY, {"slots": 2, "workers": 1})
        gate.open.set()


async def test_deadline_passed(queue: Queue, kind: str) -> None:
    made = await queue.enqueue(kind, 1, options={"deadline": 1})
    await asyncio.sleep(0.01)
    assert (await queue.why(made.job_id)).cause is Cause.DEADLINE_PASSED


async def test_running_and_ended_do_not_wait(
    queue: Queue, kind: str, working: Any, gate: Gate
) -> None:
    async with working({kind: gate}):
        made = await queue.enqueue(kind, 0)
        await until_active(queue, kind)
        why = await queue.why(made.job_id)
        assert (why.cause, why.facts["attempt"]) == (Cause.RUNNING, 1)
        gate.open.set()
        await queue.wait(made.job_id)
        why = await queue.why(made.job_id)
        assert (why.cause, why.facts["status"]) == (Cause.ENDED, "completed")


async def test_what_nothing_holds_back_is_next(
    redis_url: str, queue: Queue, kind: str, working: Any, gate: Gate
) -> None:
    """A worker that lives and has a slot, and has not turned yet."""
    connection = Connection(redis_url)
    made = await queue.enqueue(kind, 0)
    async with working({f"{kind}-2": gate}) as worker:
        info = b'{"id":"w","queues":{"%s":{"slots":2,"running":0}}}' % kind.encode()
        await queue._link.commands.renew(kind, worker.id, info, 60_000, [])
        assert (await queue.why(made.job_id)).cause is Cause.NEXT
    await connection.close()


async def test_the_answer_is_its_tenants_alone_and_changes_nothing(queue: Queue, kind: str) -> None:
    made = await queue.enqueue(kind, 1, tenant="a")
    before = await queue.get(made.job_id)
    with pytest.raises(NotFound):
        await queue.why(made.job_id, tenant="b")
    assert (await queue.why(made.job_id, tenant="a")).cause is Cause.NO_WORKER
    assert await queue.get(made.job_id) == before


async def test_snoozed(queue: Queue, kind: str, working: Any) -> None:
    async def later(payload: Any, context: Any) -> None:
        raise Snooze(3_600_000)

    made = await queue.enqueue(kind, 1)
    async with working({kind: later}):
        while (await queue.get(made.job_id)).status is not Status.DELAYED:
            await asyncio.sleep(0.02)
        why = await queue.why(made.job_id)
    assert why.cause is Cause.SNOOZED
    assert why.facts["until_ms"] == (await queue.get(made.job_id)).due_ms


async def test_blocked_behind_another_job(
    queue: Queue, kind: str, working: Any, gate: Gate
) -> None:
    options = {"uniqueKey": "one", "onDuplicate": "next"}
    async with working({kind: gate}):
        first = await queue.enqueue(kind, 0, options=options)
        await until_active(queue, kind)
        behind = await queue.enqueue(kind, 1, options=options)
        why = await queue.why(behind.job_id)
        assert (why.cause, why.facts) == (Cause.BLOCKED, {"job_id": first.job_id})
        gate.open.set()
        await queue.wait(behind.job_id)


async def test_no_able_worker(queue: Queue, kind: str, working: Any) -> None:
    async with working({JobType(kind, version=2): echo}):
        made = await queue.enqueue(JobType(kind, version=3), 1)
        while not await queue.workers():
            await asyncio.sleep(0.02)
        why = await queue.why(made.job_id)
    assert (why.cause, why.facts) == (Cause.NO_ABLE_WORKER, {"needed": 3, "highest": 2})
    assert why.sentence == f"It needs version 3 of {kind}; the workers know up to 2."
