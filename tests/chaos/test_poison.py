"""A job that kills its worker, in real processes: quarantined, and nobody goes down with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chaos.test_crashes import Crew, crew
from cotiza_queue import NewJob, Queue, Status
from cotiza_queue.engine.reclaimer import MAX_STALLS

pytestmark = pytest.mark.row("D7")


async def _replace_the_dead(workers: Crew) -> None:
    while True:
        await workers.processes[-1].wait()
        await workers.hire()


async def test_a_job_that_kills_its_worker_is_poisoned_after_three_and_all_others_complete(
    redis_url: str, queue: Queue, kind: str, tmp_path: Path
) -> None:
    async with crew(redis_url, kind, tmp_path) as workers:
        poison = await queue.enqueue(kind, {"n": 0, "ms": 100, "poison": True})
        jobs = await queue.enqueue_many(
            [NewJob(type=kind, payload={"n": n, "ms": 300}) for n in range(20)]
        )
        await workers.hire()
        async with asyncio.TaskGroup() as group:
            replacing = group.create_task(_replace_the_dead(workers))
            end = await queue.wait(poison.job_id, timeout_ms=120_000)
            ends = [await queue.wait(job.job_id, timeout_ms=120_000) for job in jobs]  # type: ignore[union-attr]
            replacing.cancel()
        deaths = [process for process in workers.processes if process.returncode == 3]
    assert (end.status, end.stalls) == (Status.FAILED, MAX_STALLS)
    assert len(deaths) <= MAX_STALLS
    assert len([line for line in workers.lines("start") if line[1] == poison.job_id]) <= MAX_STALLS
    assert {job.status for job in ends} == {Status.COMPLETED}
    # Stalls are no attempts: each of them ended in its first.
    assert {job.attempt for job in ends} == {1}
    letter = await queue.dead_letter(poison.job_id)
    assert [failure.code for failure in letter.failures] == [
        "worker_lost",
        "worker_lost",
        "poisoned",
    ]
