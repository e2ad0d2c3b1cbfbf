"""Workers with nothing to do, killed and frozen as a job is handed to them: as real processes."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

from chaos.test_crashes import crew, events_of, until
from cotiza_queue import Queue, Status


async def test_each_job_that_comes_alone_ends_once_whoever_of_the_idle_is_killed(
    redis_url: str, queue: Queue, kind: str, tmp_path: Path
) -> None:
    ids: list[str] = []

    async def post() -> None:
        job = await queue.enqueue(kind, {"n": len(ids), "ms": 0})
        ids.append(job.job_id)

    async with crew(redis_url, kind, tmp_path) as workers:
        await workers.hire()
        await workers.hire()
        for _ in range(4):
            for _ in range(12):
                await post()
                await until(lambda: len(workers.lines("end")) >= len(ids) - 3, look_s=0.001)
            for dead in workers.processes[-2:]:
                await post()
                dead.kill()
                await post()
                await dead.wait()
            await workers.hire()
            await workers.hire()
        for job_id in ids:
            assert (await queue.wait(job_id, timeout_ms=60_000)).status is Status.COMPLETED
    finals = Counter(job for job, name in await events_of(redis_url, kind) if name == "completed")
    assert finals == dict.fromkeys(ids, 1)


async def test_a_job_handed_to_a_worker_that_froze_runs_with_another(
    redis_url: str, queue: Queue, kind: str, tmp_path: Path
) -> None:
    async with crew(redis_url, kind, tmp_path) as workers:
        frozen = await workers.hire()
        for n in range(3):
            job = await queue.enqueue(kind, {"n": n, "ms": 0})
            await queue.wait(job.job_id)
        os.kill(frozen.pid, signal.SIGSTOP)
        job = await queue.enqueue(kind, {"n": 7, "ms": 0})
        assert (await queue.get(job.job_id)).status in (Status.ACTIVE, Status.WAITING)
        await workers.hire()
        done = await queue.wait(job.job_id, timeout_ms=60_000)
        os.kill(frozen.pid, signal.SIGCONT)
        frozen.send_signal(signal.SIGTERM)
        assert await frozen.wait() == 0
        assert await queue.get(job.job_id) == done
    assert (done.status, done.result) == (Status.COMPLETED, 7)
    finals = Counter(job for job, name in await events_of(redis_url, kind) if name == "completed")
    assert finals[job.job_id] == 1
