"""A worker that was handed a job leaves its core for a moment to who has brought it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import JobContext, Queue, Worker, WorkerOptions
from cotiza_queue.engine import loop, taker
from cotiza_queue.store.wire import REST_S


async def test_a_worker_steps_aside_after_a_rest_once_the_job_that_it_was_handed_has_begun(
    queue: Queue, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    genuine = taker.step_aside

    def spy(rested_s: float) -> None:
        seen.append("aside")
        assert rested_s >= 0
        genuine(rested_s)

    async def body(payload: Any, context: JobContext) -> None:
        seen.append("begun")

    monkeypatch.setattr(taker, "step_aside", spy)
    worker = Worker({kind: body}, queue.url, options=WorkerOptions(handle_signals=False))
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        jobs = 0
        while "aside" not in seen:  # As long as it does not yet listen, nothing is handed to it.
            jobs += 1
            await queue.wait((await queue.enqueue(kind, 1)).job_id)
        worker.stop()
    assert seen == ["begun"] * jobs + ["aside"]


def test_who_has_not_rested_does_not_step_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    loop.step_aside(REST_S / 2)
    assert slept == []
    loop.step_aside(2 * REST_S)
    assert len(slept) == 1
