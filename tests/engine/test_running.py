"""What becomes of a job that runs: results, retries, failures, timeouts, progress."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from cotiza_queue import JobType, Queue, Status
from cotiza_queue.errors import (
    InvalidInput,
    JobFailed,
    PermanentError,
    ResultTimeout,
    RetryableError,
    TooLarge,
)


async def echo(payload: Any, context: Any) -> Any:
    return payload


async def test_a_job_runs_and_its_result_can_be_awaited(
    queue: Queue, kind: str, working: Any
) -> None:
    async with working({kind: echo}):
        job = await queue.enqueue(kind, {"a": [1, "ñ", None]})
        assert await queue.result(job.job_id) == {"a": [1, "ñ", None]}
        done = await queue.get(job.job_id)
    assert (done.status, done.attempt, done.tenant) == (Status.COMPLETED, 1, "default")
    assert done.created_ms <= (done.started_ms or 0) <= (done.finished_ms or 0)


async def test_waiting_for_a_job_that_does_not_end_times_out(queue: Queue, kind: str) -> None:
    job = await queue.enqueue(kind, 1)
    with pytest.raises(ResultTimeout):
        await queue.wait(job.job_id, timeout_ms=50)


async def test_an_error_is_retried_until_it_works(queue: Queue, kind: str, working: Any) -> None:
    async def third_time_lucky(payload: Any, context: Any) -> int:
        if context.attempt < 3:
            raise ConnectionError("not yet")
        return int(context.attempt)

    async with working({kind: third_time_lucky}):
        job = await queue.enqueue(kind, 1, options={"backoff": {"type": "fixed", "delay": 20}})
        assert await queue.result(job.job_id) == 3
        done = await queue.get(job.job_id)
    assert [failure.message for failure in done.failures] == ["ConnectionError: not yet"] * 2


async def test_attempts_are_effective_exactly(queue: Queue, kind: str, working: Any) -> None:
    starts = 0

    async def never(payload: Any, context: Any) -> None:
        nonlocal starts
        starts += 1
        raise OSError("no")

    async with working({kind: never}):
        options = {"attempts": 4, "backoff": {"type": "fixed", "delay": 1}}
        job = await queue.enqueue(kind, {"keep": "me"}, options=options, tenant="acme")
        with pytest.raises(JobFailed):
            await queue.result(job.job_id)
    assert starts == 4
    letter = await queue.dead_letter(job.job_id, tenant="acme")
    assert letter.payload == {"keep": "me"}
    assert letter.options["attempts"] == 4
    assert [failure.attempt for failure in letter.failures] == [1, 2, 3, 4]


async def test_invalid_data_is_a_dead_letter_at_once(queue: Queue, kind: str, working: Any) -> None:
    async def refuse(payload: Any, context: Any) -> None:
        raise PermanentError("that is not a part", code="NOT_A_SOLID", remedy="Close the mesh.")

    async with working({kind: refuse}):
        job = await queue.enqueue(kind, 1, options={"attempts": 5})
        with pytest.raises(JobFailed) as caught:
            await queue.result(job.job_id)
    assert caught.value.code == "NOT_A_SOLID"
    done = await queue.get(job.job_id)
    assert (done.status, done.attempt) == (Status.FAILED, 1)
    assert done.failure is not None
    assert done.failure.remedy == "Close the mesh."


async def test_a_payload_that_does_not_fit_is_refused_before_redis(queue: Queue, kind: str) -> None:
    class Part(msgspec.Struct, forbid_unknown_fields=True):
        name: str
        quantity: int

    part = JobType(kind, Part)
    cases: list[tuple[Any, str]] = [
        ({"name": "x"}, "data.quantity"),
        ({"name": 1, "quantity": 1}, "data.name"),
        ({"name": "x", "quantity": 1, "colour": "red"}, "data.colour"),
    ]
    for payload, field in cases:
        with pytest.raises(InvalidInput) as caught:
            await queue.enqueue(part, payload)
        assert [fault.field for fault in caught.value.fields] == [field]
    assert (await queue.list("default", job_type=kind)).items == []


async def test_a_payload_over_the_limit_is_refused(queue: Queue, kind: str) -> None:
    await queue.enqueue(kind, "x" * (256 * 1024 - 2))
    with pytest.raises(TooLarge):
        await queue.enqueue(kind, "x" * (256 * 1024 - 1))


async def test_retry_after_of_an_error_decides_the_delay(
    queue: Queue, kind: str, working: Any
) -> None:
    async def busy(payload: Any, context: Any) -> int:
        if context.attempt == 1:
            raise RetryableError("busy", retry_after_ms=3_600_000)
        return 1

    async with working({kind: busy}):
        job = await queue.enqueue(kind, 1)
        async for event in queue.events(job.job_id, after="0-0"):
            if event.name == "delayed":
                break
        waiting = await queue.get(job.job_id)
    assert waiting.status is Status.DELAYED
    assert waiting.due_ms is not None
    assert waiting.due_ms - waiting.created_ms >= 3_600_000


@pytest.mark.row("C9")
async def test_a_timeout_stops_the_code_and_is_retried(
    queue: Queue, kind: str, working: Any
) -> None:
    stopped = asyncio.Event()

    async def hang_once(payload: Any, context: Any) -> str:
        if context.attempt == 1:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()
        return "second"

    async with working({kind: hang_once}):
        options = {"timeout": 150, "backoff": {"type": "fixed", "delay": 1}}
        job = await queue.enqueue(kind, 1, options=options)
        names = [event.name async for event in queue.events(job.job_id, after="0-0")]
    assert stopped.is_set()
    assert names == [
        "waiting", "active", "stalled", "delayed", "waiting", "active", "completed",
    ]  # fmt: skip


@pytest.mark.row("C9")
async def test_code_that_ignores_its_timeout_loses_its_job_anyway(
    queue: Queue, kind: str, working: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cotiza_queue.engine.runner.STOP_GRACE_S", 0.2)
    let_go = asyncio.Event()

    async def stubborn(payload: Any, context: Any) -> str:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        return "too late"

    async with working({kind: stubborn}):
        job = await queue.enqueue(kind, 1, options={"timeout": 100, "attempts": 1})
        done = await queue.wait(job.job_id)
        let_go.set()
    assert done.status is Status.FAILED
    assert done.failure is not None
    assert done.failure.code == "timeout"
    assert (await queue.get(job.job_id)).result is None


async def test_progress_is_seen_and_its_last_value_is_kept(
    queue: Queue, kind: str, working: Any
) -> None:
    async def steps(payload: Any, context: Any) -> None:
        for done in range(100):
            context.progress(done, "counting", f"{done} of 100", done=done)

    async with working({kind: steps}):
        job = await queue.enqueue(kind, 1)
        await queue.wait(job.job_id)
        found = await queue.get(job.job_id)
    assert (found.progress.percentage, found.progress.step) == (99, "counting")
    assert found.progress.metadata == {"done": 99}


async def test_a_result_that_is_not_json_fails_the_attempt(
    queue: Queue, kind: str, working: Any
) -> None:
    async def strange(payload: Any, context: Any) -> object:
        return object()

    async with working({kind: strange}):
        job = await queue.enqueue(kind, 1, options={"attempts": 1})
        done = await queue.wait(job.job_id)
    assert done.status is Status.FAILED


async def test_a_processor_that_calls_exit_fails_only_its_job(
    queue: Queue, kind: str, working: Any
) -> None:
    async def leave(payload: Any, context: Any) -> None:
        if payload == "exit":
            raise SystemExit(3)

    async with working({kind: leave}):
        first = await queue.enqueue(kind, "exit", options={"attempts": 1})
        second = await queue.enqueue(kind, "stay")
        assert (await queue.wait(first.job_id)).status is Status.FAILED
        assert (await queue.wait(second.job_id)).status is Status.COMPLETED
