"""Deadlines: never started after, stopped at, never retried past."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from cotiza_queue import Queue, Status
from cotiza_queue.errors import InvalidInput, JobFailed, RetryableError
from cotiza_queue.model.policy import MAX_DELAY_MS
from cotiza_queue.store.commands import Commands, Settlement, Turn
from cotiza_queue.store.connection import Connection

pytestmark = pytest.mark.row("C13")


async def test_a_hundred_expired_jobs_end_without_a_call_of_their_processor(
    queue: Queue, kind: str, working: Any
) -> None:
    calls = []

    async def work(payload: Any, context: Any) -> None:
        calls.append(context.job_id)

    await queue.pause(kind)
    jobs = [await queue.enqueue(kind, n, options={"deadline": 1}) for n in range(100)]
    alive = await queue.enqueue(kind, "alive", options={"deadline": 3_600_000})
    async with working({kind: work}):
        await asyncio.sleep(0.01)  # all of their milliseconds are over
        await queue.resume(kind)
        ends = [await queue.wait(job.job_id) for job in jobs]
        assert (await queue.wait(alive.job_id)).status is Status.COMPLETED
    assert calls == [alive.job_id]
    assert {(end.status, end.failure and end.failure.code) for end in ends} == {
        (Status.FAILED, "deadline_exceeded")
    }


async def test_a_job_taken_in_its_last_moment_is_not_started(
    queue: Queue, kind: str, working: Any
) -> None:
    """The server hands it out in time; when the worker is about to begin, nothing is left."""
    calls = []

    async def work(payload: Any, context: Any) -> None:
        calls.append(payload)

    async def early(self: Commands, *args: Any, **named: Any) -> Turn:
        turn = await genuine(self, *args, **named)
        last = [msgspec.structs.replace(d, deadline_ms=turn.now_ms) for d in turn.deliveries]
        return msgspec.structs.replace(turn, deliveries=last)

    genuine = Commands.turn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Commands, "turn", early)
        async with working({kind: work}):
            options = {"attempts": 5, "deadline": 60_000}
            job = await queue.enqueue(kind, 1, options=options)
            end = await queue.wait(job.job_id)
    assert calls == []
    assert (end.status, end.attempt) == (Status.FAILED, 1)
    assert end.failure is not None
    assert end.failure.code == "deadline_exceeded"


async def test_a_running_job_is_stopped_at_its_deadline_and_not_retried(
    queue: Queue, kind: str, working: Any
) -> None:
    stopped = asyncio.Event()

    async def long(payload: Any, context: Any) -> None:
        assert 0 < context.deadline_left_ms <= 400
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with working({kind: long}):
        job = await queue.enqueue(kind, 1, options={"deadline": 400, "attempts": 5})
        with pytest.raises(JobFailed) as caught:
            await queue.result(job.job_id)
        end = await queue.get(job.job_id)
    assert stopped.is_set()
    assert caught.value.code == "deadline_exceeded"
    assert end.attempt == 1
    assert (end.finished_ms or 0) >= (end.deadline_ms or 0)
    assert (await queue.dead_letter(job.job_id)).failures[-1].code == "deadline_exceeded"


async def test_a_timeout_before_the_deadline_is_a_timeout(
    queue: Queue, kind: str, working: Any
) -> None:
    async def long(payload: Any, context: Any) -> None:
        await asyncio.Event().wait()

    async with working({kind: long}):
        options = {"deadline": 3_600_000, "timeout": 100, "attempts": 1}
        job = await queue.enqueue(kind, 1, options=options)
        end = await queue.wait(job.job_id)
    assert end.failure is not None
    assert end.failure.code == "timeout"


async def test_a_retry_that_would_come_after_the_deadline_is_a_dead_letter_at_once(
    queue: Queue, kind: str, working: Any
) -> None:
    async def busy(payload: Any, context: Any) -> None:
        raise RetryableError("busy", code="busy", retry_after_ms=7_200_000)

    async with working({kind: busy}):
        job = await queue.enqueue(kind, 1, options={"deadline": 3_600_000, "attempts": 5})
        end = await queue.wait(job.job_id)
    assert end.status is Status.FAILED
    assert [failure.code for failure in end.failures] == ["busy", "deadline_exceeded"]


async def test_a_deadline_outlives_a_lost_worker_and_a_hand_back(
    redis_url: str, queue: Queue, kind: str
) -> None:
    connection = Connection(redis_url)
    commands = Commands(connection)
    job = await queue.enqueue(kind, 1, options={"deadline": 3_600_000})
    deadline = (await queue.get(job.job_id)).deadline_ms
    assert deadline is not None
    seen = []
    for worker in ("w1", "w2", "w3"):
        [delivery] = (await commands.turn(kind, worker, 1, [])).deliveries
        seen.append(delivery.deadline_ms)
        if worker == "w1":
            release = Settlement("release", delivery.stored, delivery.token)
            await commands.turn(kind, worker, 0, [release])
        else:
            await asyncio.sleep(0.01)
            found = await commands.stale(kind, 1)
            assert await commands.reclaim(kind, "w9", 1, 9, found) == [(job.job_id, "waiting")]
    await connection.close()
    assert seen == [deadline] * 3


async def test_a_processor_can_hand_what_is_left_of_its_deadline_to_other_jobs(
    queue: Queue, kind: str, working: Any
) -> None:
    async def parent(payload: Any, context: Any) -> str:
        options = {"deadline": context.deadline_left_ms, "delay": 1000}
        child = await queue.enqueue(kind, "child", options=options)
        return child.job_id

    async def none(payload: Any, context: Any) -> Any:
        return context.deadline_left_ms

    async with working({kind: parent, f"{kind}x": none}):
        job = await queue.enqueue(kind, "parent", options={"deadline": 60_000})
        child = await queue.get(await queue.result(job.job_id))
        free = await queue.enqueue(f"{kind}x", 1)
        assert await queue.result(free.job_id) is None
    made = await queue.get(job.job_id)
    assert made.deadline_ms is not None
    assert child.deadline_ms is not None
    assert made.created_ms < child.deadline_ms <= made.deadline_ms + 50


async def test_deadlines_have_bounds(queue: Queue, kind: str) -> None:
    for good in (1, MAX_DELAY_MS):
        await queue.enqueue(kind, 1, options={"deadline": good})
    for bad in (0, -1, MAX_DELAY_MS + 1, 1.5):
        with pytest.raises(InvalidInput):
            await queue.enqueue(kind, 1, options={"deadline": bad})
