"""Attempts that put their job off, and jobs that nobody needs any more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import JobType, NewJob, Queue, RetryPolicy, Status
from cotiza_queue.errors import (
    Discard,
    InvalidData,
    InvalidInput,
    JobFailed,
    NotFound,
    RetryableError,
    Snooze,
)
from cotiza_queue.model.policy import MAX_DELAY_MS, MAX_SNOOZES


@pytest.mark.row("C12")
async def test_fifty_snoozes_and_then_success_is_one_attempt(
    queue: Queue, kind: str, working: Any
) -> None:
    seen = []

    async def patient(payload: Any, context: Any) -> str:
        seen.append((context.attempt, context.snoozed))
        if context.snoozed < 50:
            raise Snooze(1, "the supplier has not answered")
        return "done"

    async with working({kind: patient}):
        job = await queue.enqueue(kind, 1, options={"attempts": 1})
        assert await queue.result(job.job_id) == "done"
    done = await queue.get(job.job_id)
    assert seen == [(1, n) for n in range(51)]
    assert (done.attempt, done.snoozed, done.failures) == (1, 50, ())


@pytest.mark.row("C12")
@pytest.mark.parametrize("cap", [0, 3])
async def test_one_snooze_more_than_allowed_is_a_dead_letter(
    queue: Queue, kind: str, working: Any, cap: int
) -> None:
    async def never(payload: Any, context: Any) -> None:
        raise Snooze(1, "still closed")

    async with working({kind: never}):
        job = await queue.enqueue(kind, 1, options={"maxSnoozes": cap, "attempts": 5})
        end = await queue.wait(job.job_id)
    assert (end.status, end.snoozed, end.attempt) == (Status.FAILED, cap, 1)
    assert end.failure is not None
    assert end.failure.code == "snoozed_too_often"
    assert "still closed" in end.failure.message
    assert (await queue.dead_letter(job.job_id)).failures[-1].code == "snoozed_too_often"


@pytest.mark.row("C12")
async def test_a_snoozed_job_waits_as_long_as_it_asked_and_says_why(
    queue: Queue, kind: str, working: Any
) -> None:
    async def later(payload: Any, context: Any) -> None:
        raise Snooze(3_600_000, "closed on Sundays")

    async with working({kind: later}):
        job = await queue.enqueue(kind, 1)
        async for event in queue.events(job.job_id, after="0-0"):
            if event.name == "delayed":
                break
    found = await queue.get(job.job_id)
    assert event.data == {"reason": "closed on Sundays", "snoozed": 1}
    assert (found.status, found.attempt, found.snoozed) == (Status.DELAYED, 0, 1)
    assert (found.due_ms or 0) - (found.started_ms or 0) >= 3_600_000


@pytest.mark.row("C12")
async def test_a_snooze_past_the_deadline_ends_the_job(
    queue: Queue, kind: str, working: Any
) -> None:
    async def later(payload: Any, context: Any) -> None:
        raise Snooze(7_200_000)

    async with working({kind: later}):
        job = await queue.enqueue(kind, 1, options={"deadline": 3_600_000})
        end = await queue.wait(job.job_id)
    assert end.failure is not None
    assert (end.status, end.failure.code) == (Status.FAILED, "deadline_exceeded")


@pytest.mark.row("C12")
@pytest.mark.parametrize("span", [0, -5, 0.5, float("nan"), float("inf"), "soon", 10**30])
async def test_no_snooze_poisons_the_queue(
    queue: Queue, kind: str, working: Any, span: Any
) -> None:
    async def work(payload: Any, context: Any) -> None:
        if payload == "odd" and not context.snoozed:
            raise Snooze(span)

    async with working({kind: work}):
        odd = await queue.enqueue(kind, "odd")
        async for event in queue.events(odd.job_id, after="0-0"):
            if event.name == "delayed":
                break
        good = await queue.enqueue(kind, "good")
        assert (await queue.wait(good.job_id)).status is Status.COMPLETED
    assert ((await queue.get(odd.job_id)).due_ms or 0) - odd.created_ms <= MAX_DELAY_MS + 60_000


@pytest.mark.row("C12")
async def test_a_replayed_job_may_be_put_off_as_often_again(
    queue: Queue, kind: str, working: Any
) -> None:
    async def never(payload: Any, context: Any) -> None:
        raise Snooze(1)

    async with working({kind: never}):
        job = await queue.enqueue(kind, 1, options={"maxSnoozes": 2})
        await queue.wait(job.job_id)
    again = await queue.replay(job.job_id)
    assert (again.status, again.snoozed, again.attempt) == (Status.WAITING, 0, 0)


@pytest.mark.row("C12")
async def test_the_number_of_snoozes_has_bounds(queue: Queue, kind: str) -> None:
    for good in (0, MAX_SNOOZES):
        await queue.enqueue(kind, 1, options={"maxSnoozes": good})
    for bad in (-1, MAX_SNOOZES + 1):
        with pytest.raises(InvalidInput) as caught:
            await queue.enqueue(kind, 1, options={"maxSnoozes": bad})
        assert caught.value.fields[0].field == "options.maxSnoozes"


@pytest.mark.row("D5")
async def test_a_discarded_job_ends_cancelled_with_its_reason_and_without_a_dead_letter(
    queue: Queue, kind: str, working: Any
) -> None:
    async def unneeded(payload: Any, context: Any) -> None:
        raise Discard("the quote was withdrawn")

    async with working({kind: unneeded}):
        job = await queue.enqueue(kind, 1)
        with pytest.raises(JobFailed) as caught:
            await queue.result(job.job_id)
    end = await queue.get(job.job_id)
    assert (caught.value.code, end.status, end.attempt) == ("cancelled", Status.CANCELLED, 1)
    assert end.failure is not None
    assert (end.failure.code, end.failure.message) == ("discarded", "the quote was withdrawn")
    with pytest.raises(NotFound):
        await queue.dead_letter(job.job_id)
    assert (await queue.replay(job.job_id)).status is Status.WAITING


@pytest.mark.row("D5")
async def test_invalid_data_is_a_dead_letter_after_one_attempt(
    queue: Queue, kind: str, working: Any
) -> None:
    async def read(payload: Any, context: Any) -> None:
        raise InvalidData("not an STL file")

    async with working({kind: read}):
        job = await queue.enqueue(kind, 1, options={"attempts": 25})
        end = await queue.wait(job.job_id)
    assert (end.status, end.attempt) == (Status.FAILED, 1)
    assert [f.code for f in (await queue.dead_letter(job.job_id)).failures] == ["invalid_data"]


@pytest.mark.row("D5")
async def test_after_a_429_with_retry_after_30_the_next_try_is_due_30_seconds_later(
    queue: Queue, kind: str, working: Any
) -> None:
    async def limited(payload: Any, context: Any) -> None:
        raise RetryableError("429", retry_after_ms=30_000)

    async with working({kind: limited}):
        job = await queue.enqueue(kind, 1)
        async for event in queue.events(job.job_id, after="0-0"):
            if event.name == "delayed":
                break
    found = await queue.get(job.job_id)
    failure = found.failure
    assert failure is not None
    # Counted from the moment when the server was told of the failure.
    assert found.due_ms == event.at_ms + 30_000


@pytest.mark.row("D4", "D5")
async def test_a_job_type_says_what_follows_which_error(
    queue: Queue, kind: str, working: Any
) -> None:
    async def work(payload: Any, context: Any) -> None:
        if context.attempt > 1:
            return
        raise {"os": ConnectionResetError, "key": KeyError, "data": InvalidData}[payload]("no")

    retries: Any = {
        OSError: RetryPolicy("fixed", 1),
        LookupError: "discard",
        "invalid_data": RetryPolicy("fixed", 2),
        Exception: "never",
    }
    async with working({JobType(kind, retries=retries): work}):
        jobs = await queue.enqueue_many(
            [NewJob(type=kind, payload=each) for each in ("os", "key", "data")]
        )
        ends = [await queue.wait(job.job_id) for job in jobs]  # type: ignore[union-attr]
    assert [(end.status, end.attempt) for end in ends] == [
        (Status.COMPLETED, 2),
        (Status.CANCELLED, 1),
        (Status.COMPLETED, 2),
    ]


@pytest.mark.row("D4")
async def test_after_retry_for_a_failure_is_final_and_says_so(
    queue: Queue, kind: str, working: Any
) -> None:
    async def slow(payload: Any, context: Any) -> None:
        await asyncio.sleep(0.05)
        raise RetryableError("busy", code="busy")

    async with working({kind: slow}):
        options = {"attempts": 25, "retryFor": 40, "backoff": {"type": "fixed", "delay": 1}}
        job = await queue.enqueue(kind, 1, options=options)
        end = await queue.wait(job.job_id)
    assert (end.status, end.attempt) == (Status.FAILED, 1)
    assert end.failure is not None
    assert end.failure.code == "busy"
    assert end.failure.details["retryForMs"] == 40
