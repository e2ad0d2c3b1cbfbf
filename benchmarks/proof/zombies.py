"""100 times: a worker process is frozen (SIGSTOP) in the middle of a job past its lease, another
worker finishes the job, the frozen one wakes (SIGCONT) and writes its own end: that is refused,
counted, and changes nothing.

The victims hold their event loop while they are frozen, so that each of them writes before it can
learn that it has lost the job: the refusal is the server's, not the worker's tact.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Any

from cotiza_queue import Job, JobContext, Queue, Worker, WorkerOptions
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.events import EventReader
from cotiza_queue.telemetry import Silent

from .common import (
    LOOK_S,
    ROOT,
    Journal,
    Reader,
    Report,
    Server,
    main,
    raw,
    until,
)

KIND = "zombies"
LEASE_MS = 1000
VICTIMS = 10
PATIENCE_S = 15.0


class Tally:
    """What went otherwise than promised, over all rounds."""

    def __init__(self) -> None:
        self.frozen = self.changed = self.by_victim = 0
        self.events: Counter[str] = Counter()


async def prove(server: Server, report: Report, asked: argparse.Namespace) -> None:
    rounds, victims = (1, 5) if asked.quick else (10, VICTIMS)
    tally = Tally()
    folder = Path(tempfile.mkdtemp(dir=server.folder))
    crew = [
        await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "benchmarks.proof.zombies",
                "--victim",
                server.url,
                str(folder),
            ),
            cwd=ROOT,
        )
        for _ in range(victims)
    ]
    try:
        reader = Reader(folder)
        await until(lambda: reader.count("ready") == victims)
        async with Queue(server.url) as queue, raw(server) as connection:
            for n in range(rounds):
                await _round(queue, connection, (reader, folder / f"go-{n}", victims), tally)
            refused, completed = await _counts(connection, "total_refused", "total_completed")
            tally.events = await _finals(connection)
    finally:
        for victim in crew:
            victim.kill()
            await victim.wait()
    total = rounds * victims
    report.figure("workers frozen past their lease, and woken", tally.frozen)
    report.count("writes refused (total_refused)", refused, str(total), refused == total)
    report.count("jobs changed by a woken worker", tally.changed, "0", tally.changed == 0)
    report.count("results of a woken worker kept", tally.by_victim, "0", tally.by_victim == 0)
    report.count("ends counted (total_completed)", completed, str(total), completed == total)
    twice = sum(times > 1 for times in tally.events.values())
    report.count("jobs that ended twice", twice, "0", twice == 0)


async def _round(
    queue: Queue, connection: Connection, stage: tuple[Reader, Path, int], tally: Tally
) -> None:
    reader, go, victims = stage
    before, (refused,) = reader.count("start"), await _counts(connection, "total_refused")
    jobs = [(await queue.enqueue(KIND, str(go))).job_id for _ in range(victims)]
    await until(lambda: reader.count("start") == before + victims)
    pids = {line.pid for line in reader.lines if line.job in jobs}
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    tally.frozen += len(pids)
    finished = await _finish(queue, jobs)
    go.touch()
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    with suppress(TimeoutError):  # a write that was accepted would never be refused
        async with asyncio.timeout(PATIENCE_S):
            while (await _counts(connection, "total_refused"))[0] < refused + victims:
                await asyncio.sleep(LOOK_S)
    after = [await queue.get(job) for job in jobs]
    tally.changed += sum(a != b for a, b in zip(finished, after, strict=True))
    tally.by_victim += sum(job.result != "other" for job in after)


async def _finish(queue: Queue, jobs: list[str]) -> list[Job]:
    """Another worker does the jobs, once the leases of those that hold them have run out."""

    async def work(payload: Any, context: JobContext) -> str:
        return "other"

    options = WorkerOptions(lease_ms=LEASE_MS, handle_signals=False)
    worker = Worker({KIND: work}, queue.url, options=options)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        finished = [await queue.wait(job) for job in jobs]
        worker.stop()
    return finished


async def _counts(connection: Connection, *names: str) -> list[int]:
    values = await connection.command("HMGET", f"{{cq:{KIND}}}:counts", *names)
    return [int(value or 0) for value in values]


async def _finals(connection: Connection) -> Counter[str]:
    """How often each job was announced as completed."""
    history = EventReader(connection, Silent()).history(KIND, "0-0")
    return Counter([event.job_id async for event in history if event.name == "completed"])


async def _victim(url: str, folder: Path) -> None:
    journal = Journal(folder / f"{os.getpid()}.jsonl")

    async def work(payload: str, context: JobContext) -> str:
        journal.note("start", job=context.job_id, token=context.token)
        while not Path(payload).exists():
            sleep(LOOK_S)
        return "victim"

    options = WorkerOptions(concurrency=1, lease_ms=LEASE_MS)
    worker = Worker({KIND: work}, url, options=options)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        await worker.ready.wait()
        journal.note("ready")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--victim"]:
        asyncio.run(_victim(sys.argv[2], Path(sys.argv[3])))
    else:
        sys.exit(main("zombies", prove, sys.argv[1:]))
