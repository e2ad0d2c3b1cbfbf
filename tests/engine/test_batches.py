"""One call for many jobs, each with a fate of its own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from cotiza_queue import NewJob, Queue, Status, Worker, WorkerOptions
from cotiza_queue.batch import MAX_SIZE, MAX_WAIT_MS, Batched, BatchItem
from cotiza_queue.errors import ConfigurationError, PermanentError

Items = Sequence[BatchItem[Any]]
FIXED = {"backoff": {"type": "fixed", "delay": 1}}
LONG_MS = 30_000


async def ended(queue: Queue, ids: Sequence[str]) -> list[Any]:
    return [await queue.wait(job_id) for job_id in ids]


async def enqueue(queue: Queue, kind: str, payloads: Sequence[Any], **options: Any) -> list[str]:
    return [
        (await queue.enqueue(kind, payload, options={**FIXED, **options})).job_id
        for payload in payloads
    ]


@pytest.mark.row("C6")
async def test_a_thousand_jobs_take_at_most_21_calls_and_three_that_fail_retry_alone(
    queue: Queue, kind: str, working: Any
) -> None:
    first: list[int] = []
    again: list[int] = []

    async def send(items: Items) -> list[int | Exception]:
        retried = [item.payload for item in items if item.context.attempt > 1]
        again.extend(retried)
        if not retried:
            first.append(len(items))
        return [
            OSError("greylisted")
            if item.payload in (7, 500, 999) and item.context.attempt == 1
            else item.payload * 2
            for item in items
        ]

    jobs = [NewJob(type=kind, payload=n) for n in range(1000)]
    ids = [answer.job_id for answer in await queue.enqueue_many(jobs)]  # type: ignore[union-attr]
    async with working({kind: Batched(send, size=50, wait_ms=200)}, concurrency=50):
        done = await ended(queue, ids)
    assert [job.result for job in done] == [n * 2 for n in range(1000)]
    assert len(first) <= 21
    assert sorted(again) == [7, 500, 999]
    assert Counter(job.attempt for job in done) == {1: 997, 2: 3}


@pytest.mark.row("C6")
async def test_a_lone_job_waits_for_company_only_so_long(
    queue: Queue, kind: str, working: Any
) -> None:
    sizes: list[int] = []

    async def note(items: Items) -> list[None]:
        sizes.append(len(items))
        return [None] * len(items)

    async with working({kind: Batched(note, size=10, wait_ms=20)}):
        await ended(queue, await enqueue(queue, kind, [1]))
        await ended(queue, await enqueue(queue, kind, [2]))
    assert sizes == [1, 1]


@pytest.mark.row("C6")
async def test_what_the_function_raises_is_everybodys(
    queue: Queue, kind: str, working: Any
) -> None:
    async def refuse(items: Items) -> list[Any]:
        raise PermanentError("the mail server is gone", code="gone")

    async with working({kind: Batched(refuse, size=3, wait_ms=LONG_MS)}):
        done = await ended(queue, await enqueue(queue, kind, [1, 2, 3]))
    assert [(job.status, job.failure.code) for job in done] == [(Status.FAILED, "gone")] * 3


@pytest.mark.parametrize("fault", [SystemExit("bye"), asyncio.CancelledError()])
async def test_not_even_an_exit_in_a_batch_harms_the_worker(
    queue: Queue, kind: str, working: Any, fault: BaseException
) -> None:
    async def leave(items: Items) -> list[str]:
        if items[0].context.attempt == 1:
            raise fault
        return ["fine"] * len(items)

    async with working({kind: Batched(leave, size=2, wait_ms=20)}):
        done = await ended(queue, await enqueue(queue, kind, [1, 2]))
    assert [(job.result, job.attempt) for job in done] == [("fine", 2)] * 2


async def test_a_function_that_answers_too_few_fails_the_batch(
    queue: Queue, kind: str, working: Any
) -> None:
    async def forget(items: Items) -> list[int]:
        return [1]

    async with working({kind: Batched(forget, size=2, wait_ms=LONG_MS)}):
        done = await ended(queue, await enqueue(queue, kind, [1, 2], attempts=1))
    assert {job.failure.code for job in done} == {"batch_answers"}


@pytest.mark.row("C6")
async def test_a_job_that_is_cancelled_leaves_its_batch_and_the_rest_goes_on(
    queue: Queue, kind: str, working: Any
) -> None:
    running, go = asyncio.Event(), asyncio.Event()

    async def slow(items: Items) -> list[int]:
        running.set()
        await go.wait()
        return [item.payload for item in items]

    async with working({kind: Batched(slow, size=3, wait_ms=LONG_MS)}) as worker:
        ids = await enqueue(queue, kind, [1, 2, 3])
        await running.wait()
        await queue.cancel(ids[1])
        while sum(station.slots.used for station in worker._stations) > 2:
            await asyncio.sleep(0.01)
        go.set()
        done = await ended(queue, ids)
    assert [(job.status, job.result) for job in done] == [
        (Status.COMPLETED, 1),
        (Status.CANCELLED, None),
        (Status.COMPLETED, 3),
    ]


@pytest.mark.row("C6")
async def test_a_call_that_all_its_jobs_have_left_is_cancelled(
    queue: Queue, kind: str, working: Any
) -> None:
    running, stopped = asyncio.Event(), asyncio.Event()

    async def endless(items: Items) -> list[int]:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return []

    async with working({kind: Batched(endless, size=2, wait_ms=LONG_MS)}):
        ids = await enqueue(queue, kind, [1, 2])
        await running.wait()
        for job_id in ids:
            await queue.cancel(job_id)
        await stopped.wait()


async def test_a_job_that_times_out_leaves_its_batch_alone(
    queue: Queue, kind: str, working: Any
) -> None:
    left = asyncio.Event()

    async def patient(items: Items) -> list[int]:
        await left.wait()
        return [item.payload for item in items]

    async with working({kind: Batched(patient, size=2, wait_ms=LONG_MS)}):
        hasty = await enqueue(queue, kind, [1], timeout=100, attempts=1)
        calm = await enqueue(queue, kind, [2])
        gone = await ended(queue, hasty)
        left.set()
        stayed = await ended(queue, calm)
    assert [job.failure.code for job in gone] == ["timeout"]
    assert [job.result for job in stayed] == [2]


async def test_who_leaves_before_the_call_is_not_in_it(
    queue: Queue, kind: str, working: Any
) -> None:
    seen: list[int] = []

    async def note(items: Items) -> list[None]:
        seen.extend(item.payload for item in items)
        return [None] * len(items)

    async with working({kind: Batched(note, size=2, wait_ms=LONG_MS)}) as worker:
        gone = await enqueue(queue, kind, [1])
        while (await queue.get(gone[0])).status is not Status.ACTIVE:
            await asyncio.sleep(0.01)
        await queue.cancel(gone[0])
        while worker._stations[0].slots.used:
            await asyncio.sleep(0.01)
        await ended(queue, await enqueue(queue, kind, [2, 3]))
    assert seen == [2, 3]


async def test_a_worker_that_is_told_to_leave_hands_back_a_whole_batch(
    queue: Queue, kind: str, working: Any
) -> None:
    running = asyncio.Event()

    async def endless(items: Items) -> list[int]:
        running.set()
        await asyncio.Event().wait()
        return []

    async with working({kind: Batched(endless, size=2, wait_ms=LONG_MS)}, drain_ms=0):
        ids = await enqueue(queue, kind, [1, 2])
        await running.wait()
    left = [await queue.get(job_id) for job_id in ids]
    assert [(job.status, job.attempt) for job in left] == [(Status.WAITING, 0)] * 2


@pytest.mark.row("C6")
async def test_fewer_slots_than_a_batch_holds_are_refused_at_the_start(
    redis_url: str, kind: str
) -> None:
    async def nothing(items: Items) -> list[None]:
        return [None] * len(items)

    options = WorkerOptions(concurrency={kind: 4}, handle_signals=False)
    with pytest.raises(ConfigurationError, match="whose batches hold 5 jobs"):
        await Worker({kind: Batched(nothing, size=5)}, redis_url, options=options).run()


async def test_the_bounds_of_size_and_wait_hold_at_their_edges() -> None:
    async def nothing(items: Items) -> list[None]:
        return []

    for size, wait_ms in ((1, 0), (MAX_SIZE, MAX_WAIT_MS)):
        assert Batched(nothing, size=size, wait_ms=wait_ms).needs_slots == size
    for size, wait_ms in ((0, 0), (MAX_SIZE + 1, 0), (1, -1), (1, MAX_WAIT_MS + 1)):
        with pytest.raises(ConfigurationError, match="batches of"):
            Batched(nothing, size=size, wait_ms=wait_ms)
