"""Callers who enqueue at the same time share calls, and nothing but calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from cotiza_queue import JobOptions, JobType, NewJob, Queue, Status
from cotiza_queue.engine import commit
from cotiza_queue.engine.intake import intake_of
from cotiza_queue.engine.loop import Background
from cotiza_queue.errors import CotizaError, InvalidInput, QueueUnavailable
from cotiza_queue.model.job import Enqueued
from cotiza_queue.store.asked import Intake
from cotiza_queue.store.commands import Answered
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import stored


async def calls_of(queue: Queue) -> int:
    """How often the server was called so far."""
    info = await queue._link.connection.command("INFO", "commandstats")
    return int(info.get("cmdstat_fcall", {}).get("calls", 0))


async def test_concurrent_callers_share_calls_and_each_gets_its_own_answer(
    queue: Queue, kind: str
) -> None:
    await queue.enqueue(kind, "first")
    before = await calls_of(queue)
    answers = await asyncio.gather(*(queue.enqueue(kind, n) for n in range(1000)))
    calls = await calls_of(queue) - before
    assert calls <= 1000 / commit.PAGE + 2 * commit.CALLS
    assert len({answer.job_id for answer in answers}) == 1000
    for n in (0, 1, 500, 999):
        assert (await queue.get(answers[n].job_id)).payload == n


async def test_a_caller_alone_is_answered_by_a_call_of_its_own(queue: Queue, kind: str) -> None:
    await queue.enqueue(kind, 0)
    before = await calls_of(queue)
    for n in range(5):
        await queue.enqueue(kind, n)
    assert await calls_of(queue) - before == 5


async def test_one_half_of_a_crowd_is_served_while_the_other_half_prepares(kind: str) -> None:
    sizes: list[int] = []

    async def send(job_type: str, intakes: Sequence[Intake]) -> list[Answered]:
        sizes.append(len(intakes))
        for _ in range(3):  # as long as a server takes, in turns of the loop
            await asyncio.sleep(0)
        at = {"type": job_type, "status": Status.WAITING, "created_ms": 1}
        return [Enqueued(job_id=intake.id, **at) for intake in intakes]

    job = intake_of(NewJob(type=kind, payload=1), JobType(kind), stored("id", kind))
    line = commit.GroupCommit(send, Background())

    async def caller(calls: int) -> None:
        for _ in range(calls):
            await line.enqueue(kind, job)

    await asyncio.gather(*(caller(40) for _ in range(50)))
    assert sum(sizes) == 50 * 40
    assert Counter(sizes)[25] >= len(sizes) - 8
    sizes.clear()
    await caller(10)
    assert sizes == [1] * 10


async def test_a_bad_job_among_many_is_refused_alone(queue: Queue, kind: str) -> None:
    bad = queue.enqueue(kind, 1, options={"jobId": "same"}, idempotency_key="k", tenant="t")
    await bad
    answers = await asyncio.gather(
        *(queue.enqueue(kind, n, tenant="t", idempotency_key=f"k{n % 10}") for n in range(50)),
        return_exceptions=True,
    )
    kinds = Counter(type(answer) for answer in answers)
    assert (kinds[InvalidInput], len(answers) - kinds[InvalidInput]) == (40, 10)


async def test_a_cancelled_caller_disturbs_no_other(queue: Queue, kind: str) -> None:
    callers = [asyncio.create_task(queue.enqueue(kind, n)) for n in range(300)]
    await asyncio.sleep(0)
    for n in (0, 1, 2, 3, 150, 299):
        callers[n].cancel()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    cancelled = [n for n, answer in enumerate(answers) if isinstance(answer, BaseException)]
    assert cancelled == [0, 1, 2, 3, 150, 299]
    assert all(isinstance(answers[n], asyncio.CancelledError) for n in cancelled)


async def test_when_redis_is_away_every_caller_is_told(redis_url: str, kind: str) -> None:
    async with Queue(redis_url) as queue:
        await queue.enqueue(kind, 0)
        queue._link.commands._connection = Connection("redis://127.0.0.1:1")
        answers = await asyncio.gather(
            *(queue.enqueue(kind, n) for n in range(20)), return_exceptions=True
        )
    assert {type(answer) for answer in answers} == {QueueUnavailable}


async def test_closing_the_queue_leaves_no_caller_waiting(redis_url: str, kind: str) -> None:
    queue = await Queue(redis_url).open()
    await queue.enqueue(kind, 0)
    callers = [asyncio.create_task(queue.enqueue(kind, n)) for n in range(500)]
    await asyncio.sleep(0)
    await queue.close()
    _, left = await asyncio.wait(callers, timeout=30)
    assert not left
    for caller in callers:
        if (error := caller.exception()) is not None:
            assert isinstance(error, CotizaError), error


async def test_a_queue_that_is_closed_amid_calls_and_opened_again_serves_as_before(
    redis_url: str, kind: str
) -> None:
    """Tasks that make calls may be ended before they have begun."""
    async with Queue(redis_url) as queue:
        await queue.enqueue(kind, 0)
        callers = [asyncio.create_task(queue.enqueue(kind, n)) for n in range(6)]
        await asyncio.sleep(0)
        await queue.close()
        answers = await asyncio.gather(*callers, return_exceptions=True)
        assert QueueUnavailable in {type(answer) for answer in answers}
        await queue.open()
        async with asyncio.timeout(10):
            await asyncio.gather(*(queue.enqueue(kind, n) for n in range(6)))


@pytest.mark.parametrize("size", [200_000])
async def test_large_payloads_are_spread_over_calls(queue: Queue, kind: str, size: int) -> None:
    await queue.enqueue(kind, 0)
    before = await calls_of(queue)
    await asyncio.gather(*(queue.enqueue(kind, "x" * size) for _ in range(30)))
    assert await calls_of(queue) - before >= 30 * size / (commit.PAGE_BYTES + size)


async def test_heavy_jobs_are_spread_over_calls(queue: Queue, kind: str) -> None:
    await queue.enqueue(kind, 0)
    before = await calls_of(queue)
    options = JobOptions(delay=60_000, tags=tuple(f"tag-{n}" for n in range(16)))
    await asyncio.gather(*(queue.enqueue(kind, n, options=options) for n in range(300)))
    calls, weight = await calls_of(queue) - before, 1 + 1 + 4
    assert calls >= 300 * weight / (commit.PAGE + weight)
    assert (await queue.metrics(kind))[0].delayed == 300
