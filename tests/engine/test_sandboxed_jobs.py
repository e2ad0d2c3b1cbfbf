"""CPU work in child processes, seen from its jobs: leases, caps, timeouts, crashes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cotiza_queue import NewJob, Queue, Status
from engine.child_work import allocate, hold_interpreter, segfault, spin, steps
from engine.processes import LINUX, is_alive, until

MIB = 1024 * 1024
PAGE_BYTES = 4096


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


@pytest.mark.row("C7", "D2")
async def test_a_child_that_holds_its_interpreter_for_many_leases_is_run_once_and_hurts_no_other(
    queue: Queue, kind: str, working: Any
) -> None:
    runs = []

    async def work(payload: Any, context: Any) -> int:
        if payload == "short":
            return 0
        runs.append(context.token)
        return int(await context.run_in_process(hold_interpreter, 2.0))

    async with working({kind: work}, lease_ms=300, concurrency=5):
        long = await queue.enqueue(kind, "long")
        while (await queue.get(long.job_id)).progress.step != "holding":
            await asyncio.sleep(0.01)
        short = await queue.enqueue_many([NewJob(type=kind, payload="short")] * 50)
        for job in short:
            assert (await queue.wait(job.job_id)).status is Status.COMPLETED  # type: ignore[union-attr]
        assert (await queue.get(long.job_id)).status is Status.ACTIVE
        done = await queue.wait(long.job_id)
    assert (done.status, done.attempt, done.stalls) == (Status.COMPLETED, 1, 0)
    assert len(runs) == 1
    assert (done.finished_ms or 0) - (done.started_ms or 0) > 5 * 300


@pytest.mark.row("C7")
async def test_a_segfault_in_a_child_kills_only_that_job(
    queue: Queue, kind: str, working: Any
) -> None:
    async def work(payload: Any, context: Any) -> int:
        if payload == "crash":
            await context.run_in_process(segfault)
        return int(await context.run_in_process(steps, 50))

    async with working({kind: work}, processes=2):
        neighbours = [await queue.enqueue(kind, "live") for _ in range(4)]
        victim = await queue.enqueue(kind, "crash", options={"attempts": 1})
        end = await queue.wait(victim.job_id)
        ends = [await queue.wait(job.job_id) for job in neighbours]
    assert end.failure is not None
    assert (end.status, end.failure.code, end.stalls) == (Status.FAILED, "process_died", 0)
    assert {(job.status, job.attempt) for job in ends} == {(Status.COMPLETED, 1)}


@pytest.mark.row("C8")
@pytest.mark.skipif(not LINUX, reason="macOS does not keep RLIMIT_AS")
async def test_two_gib_under_a_cap_of_512_mib_cost_one_attempt_and_the_worker_no_memory(
    queue: Queue, kind: str, working: Any
) -> None:
    async def greedy(payload: Any, context: Any) -> int:
        return int(await context.run_in_process(allocate, payload * MIB, memory_bytes=512 * MIB))

    async with working({kind: greedy}, processes=1):
        warm = await queue.enqueue(kind, 10)
        assert await queue.result(warm.job_id) == 10 * MIB
        before = _resident_bytes()
        job = await queue.enqueue(kind, 2048)
        end = await queue.wait(job.job_id)
        grown = _resident_bytes() - before
        again = await queue.enqueue(kind, 100)
        assert await queue.result(again.job_id) == 100 * MIB
    assert end.failure is not None
    assert (end.status, end.failure.code) == (Status.FAILED, "memory_limit")
    assert end.attempt == 1
    assert grown < 64 * MIB


@pytest.mark.row("C9")
async def test_an_endless_loop_in_a_child_is_killed_at_its_timeout_and_its_slot_is_used_again(
    queue: Queue, kind: str, working: Any, tmp_path: Path
) -> None:
    async def work(payload: Any, context: Any) -> int:
        if payload == "loop":
            await context.run_in_process(spin, str(tmp_path / "pid"))
        return int(await context.run_in_process(steps, 3))

    async with working({kind: work}, concurrency=1, processes=1):
        job = await queue.enqueue(kind, "loop", options={"timeout": 500, "attempts": 1})
        after = await queue.enqueue(kind, "next")
        end = await queue.wait(job.job_id)
        assert await queue.result(after.job_id) == 3
        pid = int((tmp_path / "pid").read_text())
        await until(lambda: not is_alive(pid))
    assert end.failure is not None
    assert (end.status, end.failure.code) == (Status.FAILED, "timeout")


@pytest.mark.row("C9")
async def test_a_coroutine_that_is_stopped_is_told_why(
    queue: Queue, kind: str, working: Any
) -> None:
    told: dict[str, Any] = {}
    started = asyncio.Event()

    async def work(payload: Any, context: Any) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            told[payload] = error.args
            raise

    async with working({kind: work}, drain_ms=1):
        for payload, options in (("timeout", {"timeout": 100}), ("deadline", {"deadline": 100})):
            job = await queue.enqueue(kind, payload, options={**options, "attempts": 1})
            await queue.wait(job.job_id)
        started.clear()
        lost = await queue.enqueue(kind, "lost")
        await started.wait()
        await queue.cancel(lost.job_id)
        while "lost" not in told:
            await asyncio.sleep(0.01)
        started.clear()
        await queue.enqueue(kind, "drain")
        await started.wait()
    assert told == {reason: (reason,) for reason in ("timeout", "deadline", "lost", "drain")}
