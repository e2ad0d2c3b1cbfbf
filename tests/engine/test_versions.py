"""Two versions of a program on one queue: nothing newer for the old one, nothing lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest

from cotiza_queue import JobType, Queue, Status
from cotiza_queue.errors import ConfigurationError
from cotiza_queue.model.job import MAX_VERSION
from cotiza_queue.store.connection import Connection


class PartV1(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class PartV2(msgspec.Struct, forbid_unknown_fields=True):
    title: str
    count: int


def to_v2(payload: dict[str, Any]) -> dict[str, Any]:
    return {"title": payload["name"], "count": 1}


def types(kind: str) -> tuple[JobType[Any], JobType[Any]]:
    """The job type as the old program knows it, and as the new one does."""
    return JobType(kind, PartV1), JobType(kind, PartV2, version=2, upcasts={1: to_v2})


@pytest.mark.row("G8")
async def test_a_mixed_fleet_fails_and_loses_nothing_and_the_old_worker_sees_no_new_payload(
    queue: Queue, kind: str, working: Any
) -> None:
    old, new = types(kind)
    seen: Counter[str] = Counter()

    async def before(payload: Any, context: Any) -> str:
        assert isinstance(payload, PartV1)
        seen["old"] += 1
        return "old"

    async def after(payload: Any, context: Any) -> str:
        assert isinstance(payload, PartV2)
        seen["new"] += 1
        return payload.title

    # The producer is deployed first: for a while nobody knows what it makes.
    async with working({old: before}, concurrency=3):
        early = [await queue.enqueue(new, {"title": f"e{n}", "count": n}) for n in range(50)]
        first = [await queue.enqueue(old, {"name": f"f{n}"}) for n in range(50)]
        for job in first:
            assert (await queue.wait(job.job_id)).status is Status.COMPLETED
        assert seen == {"old": 50}
        assert {(await queue.get(job.job_id)).status for job in early} == {Status.WAITING}
        async with working({new: after}, concurrency=2):
            late = []
            for n in range(100):
                late.append(await queue.enqueue(old, {"name": f"l{n}"}))
                late.append(await queue.enqueue(new, {"title": f"n{n}", "count": n}))
            done = [await queue.wait(job.job_id) for job in [*early, *late]]
    assert {job.status for job in done} == {Status.COMPLETED}
    assert {job.attempt for job in done} == {1}
    assert [job.result for job in done[:50]] == [f"e{n}" for n in range(50)]
    metrics = (await queue.metrics(kind))[0]
    assert (metrics.waiting, metrics.failed, metrics.completed) == (0, 0, 300)
    assert seen.total() == 300


@pytest.mark.row("G8")
async def test_a_new_worker_reads_old_payloads_through_every_upcast(
    queue: Queue, kind: str, working: Any
) -> None:
    newest = JobType(
        kind,
        dict[str, int],
        version=4,
        upcasts={1: lambda p: {**p, "b": 1}, 3: lambda p: {"c": p["a"] + p["b"]}},
    )
    second = JobType(kind, version=2)

    async def work(payload: Any, context: Any) -> Any:
        return payload

    async with working({newest: work}):
        first = await queue.enqueue(JobType(kind), {"a": 1})
        middle = await queue.enqueue(second, {"a": 2, "b": 5})
        last = await queue.enqueue(newest, {"c": 9})
        results = [await queue.result(job.job_id) for job in (first, middle, last)]
    assert results == [{"c": 2}, {"c": 7}, {"c": 9}]


@pytest.mark.row("G8")
async def test_a_job_put_apart_can_be_cancelled_and_run_again_and_leaves_nothing(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    old, new = types(kind)

    async def work(payload: Any, context: Any) -> str:
        return "ran"

    connection = Connection(redis_url)
    async with working({old: work}):
        jobs = [await queue.enqueue(new, {"title": "t", "count": n}) for n in range(3)]
        while len(await connection.command("ZRANGE", f"{{cq:{kind}}}:newer", 0, -1)) < 3:
            await asyncio.sleep(0.005)
        why = await queue.why(jobs[0].job_id)
        assert why.facts == {"needed": 2, "highest": 1}
        await queue.cancel(jobs[0].job_id)
        await queue.cancel(jobs[1].job_id)
        await queue.replay(jobs[1].job_id)
        async with working({new: work}):
            for job in jobs[1:]:
                assert await queue.result(job.job_id) == "ran"
    assert (await queue.get(jobs[0].job_id)).status is Status.CANCELLED
    assert await connection.command("EXISTS", f"{{cq:{kind}}}:newer") == 0
    await connection.close()


@pytest.mark.row("G8")
async def test_a_type_that_no_worker_knows_waits_for_one_that_does(
    queue: Queue, kind: str, working: Any
) -> None:
    async def work(payload: Any, context: Any) -> str:
        return str(context.job_type)

    unknown = f"{kind}new"
    async with working({kind: work}):
        ahead = await queue.enqueue(unknown, 1)
        known = await queue.enqueue(kind, 1)
        assert await queue.result(known.job_id) == kind
        assert (await queue.get(ahead.job_id)).status is Status.WAITING
    async with working({unknown: work}):
        assert await queue.result(ahead.job_id) == unknown


@pytest.mark.row("G8")
async def test_a_schedule_of_an_older_version_goes_on_with_the_new_worker(
    redis_url: str, kind: str, working: Any
) -> None:
    old, new = types(kind)

    async def work(payload: Any, context: Any) -> str:
        return str(payload.title)

    async with Queue(redis_url, job_types=[old]) as before:
        made = await before.add_recurring(old, {"name": "weekly"}, "0 0 1 1 *")
    async with Queue(redis_url, job_types=[new]) as after, working({new: work}):
        job = await after.run_schedule(made.id)
        assert await after.result(job.job_id) == "weekly"


@pytest.mark.parametrize(
    ("version", "upcasts"),
    [(0, {}), (MAX_VERSION + 1, {}), (2, {2: to_v2}), (2, {0: to_v2})],
)
def test_a_version_or_upcast_out_of_range_is_refused(version: int, upcasts: Any) -> None:
    with pytest.raises(ConfigurationError):
        JobType("t", version=version, upcasts=upcasts)
    JobType("t", version=MAX_VERSION, upcasts={MAX_VERSION - 1: to_v2})
