"""What processors do that they should not, and what must not come of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import JobType, NewJob, Queue, Status
from cotiza_queue.errors import InvalidInput, PermanentError, RetryableError
from cotiza_queue.store.commands import Commands
from cotiza_queue.store.connection import Connection


class Panic(BaseException):
    """As a native library may raise."""


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "error",
    [
        Panic("native"),
        Mute(),
        PermanentError("bad name \udcff.stl"),
        PermanentError("x", details={"what": object()}),
        PermanentError("x", details={"what": "y" * 10_000}),
        PermanentError("\ud800" * 10, remedy="\udfff"),
    ],
)
async def test_whatever_a_processor_raises_ends_its_attempt(
    queue: Queue, kind: str, working: Any, error: BaseException
) -> None:
    async def work(payload: Any, context: Any) -> None:
        if payload == "bad":
            raise error

    async with working({kind: work}):
        bad = await queue.enqueue(kind, "bad", options={"attempts": 1})
        good = await queue.enqueue(kind, "good")
        done = await queue.wait(bad.job_id)
        assert (await queue.wait(good.job_id)).status is Status.COMPLETED
    assert (done.status, done.attempt, done.stalls) == (Status.FAILED, 1, 0)


@pytest.mark.parametrize("span", [5000.5, 10**17, float("inf"), float("nan"), -5])
async def test_no_retry_after_poisons_the_queue(
    queue: Queue, kind: str, working: Any, span: Any
) -> None:
    async def work(payload: Any, context: Any) -> None:
        if payload == "bad" and context.attempt == 1:
            raise RetryableError("later", retry_after_ms=span)

    async with working({kind: work}):
        bad = await queue.enqueue(kind, "bad")
        async for event in queue.events(bad.job_id, after="0-0"):
            if event.name in ("delayed", "completed"):
                break
        good = await queue.enqueue(kind, "good")
        assert (await queue.wait(good.job_id)).status is Status.COMPLETED
    assert (await queue.get(bad.job_id)).status in (
        Status.DELAYED,
        Status.WAITING,
        Status.COMPLETED,
    )


async def test_progress_is_bounded(queue: Queue, kind: str, working: Any) -> None:
    async def chatty(payload: Any, context: Any) -> None:
        context.progress(10, "s" * 1000, "m" * 10_000, blob="x" * 2_000_000)

    async with working({kind: chatty}):
        job = await queue.enqueue(kind, 1)
        await queue.wait(job.job_id)
        progress = (await queue.get(job.job_id)).progress
    assert (len(progress.step), len(progress.message), progress.metadata) == (64, 500, None)


async def test_one_callers_retention_never_touches_another_tenants_jobs(
    queue: Queue, kind: str, working: Any
) -> None:
    async def echo(payload: Any, context: Any) -> Any:
        return payload

    async with working({kind: echo}):
        for n in range(6):
            await queue.wait((await queue.enqueue(kind, n, tenant="victim")).job_id)
        for n in range(3):
            job = await queue.enqueue(kind, n, tenant="other", options={"removeOnComplete": 1})
            await queue.wait(job.job_id)
    assert len((await queue.list("victim", job_type=kind)).items) == 6
    assert [job.payload for job in (await queue.list("other", job_type=kind)).items] == [2]


async def test_unique_keys_of_two_tenants_never_meet(queue: Queue, kind: str) -> None:
    one = await queue.enqueue(kind, 1, tenant="acme", options={"uniqueKey": "eu:k"})
    two = await queue.enqueue(kind, 1, tenant="acme:eu", options={"uniqueKey": "k"})
    assert one.created
    assert two.created


async def test_behind_many_cancelled_jobs_every_turn_says_look_again_at_once(
    redis_url: str, queue: Queue, kind: str
) -> None:
    # A tenant each, so that none of them waits in a backlog.
    jobs = await queue.enqueue_many(
        [NewJob(type=kind, payload=n, tenant=f"t{n}") for n in range(1500)]
    )
    for job in jobs:
        await queue.cancel(job.job_id)  # type: ignore[union-attr]
    live = await queue.enqueue(kind, "live")
    connection = Connection(redis_url)
    commands = Commands(connection)
    turns = [await commands.turn(kind, "w", 1, [])]
    while not turns[-1].deliveries:
        assert turns[-1].next_due_ms == turns[-1].now_ms
        turns.append(await commands.turn(kind, "w", 1, []))
    await connection.close()
    assert [delivery.id for delivery in turns[-1].deliveries] == [live.job_id]
    assert len(turns) <= 16


async def test_a_schedule_whose_payload_no_longer_fits_holds_up_no_other(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    import msgspec

    class Now(msgspec.Struct, forbid_unknown_fields=True):
        good: int

    async def echo(payload: Any, context: Any) -> Any:
        return None

    bad = await queue.add_recurring(kind, {"bad": 1}, "* * * * *", key="bad")
    good = await queue.add_recurring(kind, {"good": 1}, "* * * * *", key="good")
    connection = Connection(redis_url)
    now = int((await connection.command("TIME"))[0]) * 1000
    for schedule, moment in ((bad, now - 2000), (good, now - 1000)):
        await connection.command("ZADD", f"{{cq:{kind}}}:schedules", moment, schedule.id)
    await connection.close()
    async with working({JobType(kind, Now): echo}):
        while (await queue.get_schedule(good.id)).fired == 0:
            await asyncio.sleep(0.01)
    assert (await queue.get_schedule(bad.id)).fired == 0


async def test_adding_a_schedule_again_keeps_it_paused_and_its_next_occurrence(
    queue: Queue, kind: str
) -> None:
    first = await queue.add_recurring(kind, 1, "0 0 1 1 *", key="k")
    await queue.pause_schedule(first.id)
    again = await queue.add_recurring(kind, 2, "0 0 1 1 *", key="k")
    assert (again.id, again.paused, again.payload) == (first.id, True, 2)
    resumed = await queue.resume_schedule(first.id)
    assert (resumed.paused, resumed.next_ms) == (False, first.next_ms)


async def test_an_idempotency_key_gives_the_first_answer_for_a_day(
    queue: Queue, kind: str, working: Any
) -> None:
    async def ask(payload: Any, tenant: str = "a") -> Any:
        return await queue.enqueue(kind, payload, tenant=tenant, idempotency_key="k1")

    answers = await asyncio.gather(*(ask({"n": 1}) for _ in range(40)))
    assert len({answer.job_id for answer in answers}) == 1
    assert [answer.created for answer in answers].count(True) == 1
    with pytest.raises(InvalidInput) as caught:
        await ask({"n": 2})
    assert caught.value.code == "idempotency_key_reused"
    assert (await ask({"n": 2}, tenant="b")).created


async def test_a_rare_status_is_found_behind_many_others(queue: Queue, kind: str) -> None:
    old = await queue.enqueue(kind, "old")
    await queue.enqueue_many([NewJob(type=kind, payload=n) for n in range(1300)])
    await queue.cancel(old.job_id)
    page = await queue.list(None, job_type=kind, status=Status.CANCELLED, limit=5)
    assert [job.id for job in page.items] == [old.job_id]


async def test_a_tenants_events_resume_over_all_its_queues_without_loss(
    redis_url: str, kind: str
) -> None:
    names = [f"{kind}-a", f"{kind}-b"]
    async with Queue(redis_url, job_types=[JobType(name) for name in names]) as queue:
        stream = queue.tenant_events("t")
        pending = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        while not pending.done():
            last = await queue.enqueue(names[0], "first", tenant="t")
            await asyncio.sleep(0.02)
        seen = [await pending]
        while seen[-1].job_id != last.job_id:
            seen.append(await anext(stream))
        for n in range(6):
            await queue.enqueue(names[n % 2], n, tenant="t")
        seen = [*seen, *[await anext(stream) for _ in range(6)]]
        await stream.aclose()
        resumed = queue.tenant_events("t", after=seen[-5].id)
        again = [(await anext(resumed)).job_id for _ in range(4)]
        await resumed.aclose()
    assert sorted(again) == sorted(event.job_id for event in seen[-4:])
