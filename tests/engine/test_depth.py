"""Bounded queues: no more jobs before their start than a queue, and a tenant in it, may have."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import JobType, Limits, NewJob, Queue, Status
from cotiza_queue.engine.intake import intake_of
from cotiza_queue.errors import CotizaError, InvalidInput, QueueFull, RetryableError
from cotiza_queue.model.ids import occurrence_job_id
from cotiza_queue.model.job import Enqueued
from cotiza_queue.store.ids import stored

CAP = 10_000


def refused(answers: list[Enqueued | CotizaError]) -> list[QueueFull]:
    return [answer for answer in answers if isinstance(answer, QueueFull)]


@pytest.mark.row("A10")
async def test_fifty_concurrent_producers_never_exceed_a_cap_of_ten_thousand(
    redis_url: str, queue: Queue, kind: str
) -> None:
    await queue.limit(kind, Limits(depth=CAP))
    seen: list[int] = []

    async def produce(n: int, own: Queue) -> list[Enqueued | CotizaError]:
        answers = await own.enqueue_many(
            [NewJob(type=kind, payload=n, tenant=f"t{n % 7}") for _ in range(240)]
        )
        seen.append((await own.metrics(kind))[0].waiting)
        return answers

    async with Queue(redis_url) as second, Queue(redis_url) as third:
        producers = [produce(n, (queue, second, third)[n % 3]) for n in range(50)]
        answers = [answer for made in await asyncio.gather(*producers) for answer in made]
    assert len(refused(answers)) == 50 * 240 - CAP
    assert max(seen) <= CAP
    assert (await queue.metrics(kind))[0].waiting == CAP


@pytest.mark.row("A10")
async def test_a_tenants_cap_is_its_own_and_the_queues_is_everybodys(
    queue: Queue, kind: str
) -> None:
    await queue.limit(kind, Limits(depth=5))
    await queue.limit(kind, Limits(depth=2), tenant="small")

    async def add(tenant: str, **options: Any) -> str:
        try:
            await queue.enqueue(kind, {}, tenant=tenant, options=options)
        except QueueFull as full:
            return full.code
        return "taken"

    assert [await add("small") for _ in range(3)] == ["taken", "taken", "tenant_queue_full"]
    assert await add("small", delay=1000) == "tenant_queue_full"
    assert [await add("large", delay=60_000) for _ in range(3)] == ["taken"] * 3
    assert await add("large") == "queue_full"
    await queue.limit(kind, Limits())
    assert await add("large") == "taken"
    assert await add("small") == "tenant_queue_full"


async def test_a_full_queue_still_knows_the_jobs_that_it_has(queue: Queue, kind: str) -> None:
    await queue.limit(kind, Limits(depth=1))
    first = await queue.enqueue(kind, {}, options={"uniqueKey": "k"}, idempotency_key="once")
    assert (await queue.enqueue(kind, {}, options={"uniqueKey": "k"})).job_id == first.job_id
    again = await queue.enqueue(kind, {}, options={"uniqueKey": "k"}, idempotency_key="once")
    assert again.job_id == first.job_id
    with pytest.raises(QueueFull):
        await queue.enqueue(kind, {}, idempotency_key="other")
    await queue.cancel(first.job_id)
    assert (await queue.enqueue(kind, {}, idempotency_key="other")).created


async def test_many_are_taken_up_to_the_cap_and_each_refusal_says_when_to_come_back(
    queue: Queue, kind: str
) -> None:
    await queue.limit(kind, Limits(depth=150))
    answers = await queue.enqueue_many([NewJob(type=kind, payload=n) for n in range(250)])
    assert [isinstance(answer, Enqueued) for answer in answers] == [True] * 150 + [False] * 100
    assert all(1000 <= full.retry_after_ms <= 60_000 for full in refused(answers))


async def test_what_is_there_already_comes_back_into_a_full_queue(
    queue: Queue, kind: str, working: Any
) -> None:
    began = asyncio.Event()
    go = asyncio.Event()

    async def run(payload: Any, context: Any) -> None:
        began.set()
        await go.wait()
        if context.attempt == 1:
            raise RetryableError("again", retry_after_ms=1)

    await queue.limit(kind, Limits(depth=1))
    first = await queue.enqueue(kind, {}, options={"backoff": {"type": "fixed", "delay": 1}})
    async with working({kind: run}, concurrency=1):
        await began.wait()
        second = await queue.enqueue(kind, {})
        go.set()
        ended = [await queue.wait(job.job_id) for job in (first, second)]
    assert [(job.status, job.attempt) for job in ended] == [(Status.COMPLETED, 2)] * 2


async def test_an_occurrence_of_a_schedule_is_never_refused(queue: Queue, kind: str) -> None:
    await queue.limit(kind, Limits(depth=1))
    waiting = await queue.enqueue(kind, {}, options={"delay": 60_000})
    schedule = await queue.add_recurring(kind, {}, "* * * * *")
    moment = schedule.next_ms
    assert moment is not None
    job_id = occurrence_job_id(schedule.id, moment, kind, "default")
    intake = intake_of(NewJob(type=kind, payload={}), JobType(kind), stored(job_id, kind))
    assert await queue._link.commands.fire(kind, schedule.id, moment, moment + 60_000, intake)
    found = await queue.get(job_id)
    assert (found.status, (await queue.get(waiting.job_id)).status) == ("waiting", "delayed")
    with pytest.raises(QueueFull):
        await queue.enqueue(kind, {})


@pytest.mark.parametrize("depth", [0, -1, 100_000_001, 1.5, "many"])
async def test_a_depth_out_of_range_is_refused(queue: Queue, kind: str, depth: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        await queue.limit(kind, {"depth": depth})
    assert [fault.field for fault in caught.value.fields] == ["limits.depth"]


async def test_the_smallest_and_the_largest_depth_are_taken(queue: Queue, kind: str) -> None:
    for depth in (1, 100_000_000):
        await queue.limit(kind, {"depth": depth})
