"""CPU-bound work through a worker: the process is really killed, and the worker goes on."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from cotiza_queue import Queue, Status
from engine.child_work import die, spin, steps


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def pid_in(path: Path) -> int:
    while not (path.exists() and path.read_text()):
        await asyncio.sleep(0.01)
    return int(path.read_text())


async def test_work_in_a_child_reports_progress_and_returns(
    queue: Queue, kind: str, working: Any
) -> None:
    async def count(payload: Any, context: Any) -> int:
        return int(await context.run_in_process(steps, payload))

    async with working({kind: count}):
        job = await queue.enqueue(kind, 5)
        assert await queue.result(job.job_id) == 5
        assert (await queue.get(job.job_id)).progress.message == "4 of 5"


@pytest.mark.row("C9", "C10")
async def test_cancelling_a_running_analysis_kills_its_process(
    queue: Queue, kind: str, working: Any, tmp_path: Path
) -> None:
    async def burn(payload: Any, context: Any) -> None:
        await context.run_in_process(spin, payload)

    async with working({kind: burn}, concurrency=1, processes=1):
        where = tmp_path / "pid"
        job = await queue.enqueue(kind, str(where))
        pid = await pid_in(where)
        await queue.cancel(job.job_id)
        while not gone(pid):
            await asyncio.sleep(0.01)
        again = await queue.enqueue(
            kind, str(tmp_path / "pid2"), options={"timeout": 500, "attempts": 1}
        )
        second = await pid_in(tmp_path / "pid2")
        done = await queue.wait(again.job_id)
        while not gone(second):
            await asyncio.sleep(0.01)
    assert (done.status, done.failure and done.failure.code) == (Status.FAILED, "timeout")


@pytest.mark.row("C7")
async def test_a_child_that_dies_costs_one_attempt_of_one_job(
    queue: Queue, kind: str, working: Any
) -> None:
    async def risky(payload: Any, context: Any) -> int:
        if payload == "die" and context.attempt == 1:
            await context.run_in_process(die)
        return int(await context.run_in_process(steps, 3))

    async with working({kind: risky}, processes=2):
        options = {"backoff": {"type": "fixed", "delay": 1}}
        neighbours = [await queue.enqueue(kind, "live", options=options) for _ in range(4)]
        victim = await queue.enqueue(kind, "die", options=options)
        done = await queue.wait(victim.job_id)
        for job in neighbours:
            assert (await queue.wait(job.job_id)).attempt == 1
    assert (done.status, done.attempt) == (Status.COMPLETED, 2)
    assert [failure.code for failure in done.failures] == ["process_died"]
