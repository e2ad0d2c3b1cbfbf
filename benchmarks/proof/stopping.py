"""Code that will not stop is stopped: an endless loop and a 2 GiB allocation in a child process end
at the timeout and at the cap, and their worker goes on. A running job that is cancelled from
another process, by the library or over HTTP, is interrupted within 100 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic, time
from typing import Any, NamedTuple

import httpx2
import jwt

from cotiza_queue import Job, JobContext, Queue, Worker, WorkerOptions

from .common import ROOT, Journal, Line, Reader, Report, Server, main, ms, share, until

KIND = "report-generation"
"""One that the HTTP API knows; the processor here is another."""
TIMEOUT_MS = 2000
GRACE_S = 0.25
"""Between SIGTERM and SIGKILL, see engine/sandbox.py."""
SLACK_S = 0.25
"""For a busy machine's scheduling, in what is printed as kept or missed."""
CAP_BYTES = 512 * 1024**2
WANTED_BYTES = 2 * 1024**3
CANCEL_S = 0.1


class Stage(NamedTuple):
    """Where jobs are cancelled, and how often."""

    report: Report
    queue: Queue
    reader: Reader
    times: int


def spin(report: Callable[[float, str, str], None], path: str) -> None:
    """Never returns."""
    Path(path).write_text(str(os.getpid()))
    while True:
        pass


def hoard(report: Callable[[float, str, str], None], path: str) -> int:
    """Wants more than it may have."""
    Path(path).write_text(str(os.getpid()))
    return len(bytearray(WANTED_BYTES))


async def prove(server: Server, report: Report, asked: argparse.Namespace) -> None:
    folder = Path(tempfile.mkdtemp(dir=server.folder))
    command = (sys.executable, "-m", "benchmarks.proof.stopping", "--worker", server.url)
    worker = await asyncio.create_subprocess_exec(*command, str(folder), cwd=ROOT)
    reader = Reader(folder)
    try:
        await until(lambda: reader.count("ready"))
        async with Queue(server.url) as queue:
            await _timeout(report, queue, reader, folder)
            await _memory(report, queue, folder, worker.pid)
            await _unharmed(report, queue, worker)
            times = 20 if asked.quick else 200
            stage = Stage(report, queue, reader, times)
            await _cancels(stage, "Queue.cancel", queue.cancel)
            async with _api(server, folder) as client:
                await _cancels(
                    stage, "HTTP DELETE", lambda job: client.delete(f"/api/v1/jobs/{job}")
                )
            await _unharmed(report, queue, worker)
    finally:
        worker.kill()
        await worker.wait()


async def _timeout(report: Report, queue: Queue, reader: Reader, folder: Path) -> None:
    pid_file = folder / "spin"
    payload = {"do": "spin", "path": str(pid_file)}
    job = await queue.enqueue(KIND, payload, options={"timeout": TIMEOUT_MS, "attempts": 1})
    end_of_job = asyncio.create_task(queue.wait(job.job_id))
    await until(lambda: pid_file.exists() or end_of_job.done())
    if not pid_file.exists():  # The machine is so busy that its process has not come that far.
        report.count("endless loop: it began", "False", "True", False)
        return
    gone, ended = await _gone(pid_file), await end_of_job
    start = _line(reader, "start", job.job_id)
    assert start is not None
    took, bound, end = gone - start.t, TIMEOUT_MS / 1000 + GRACE_S + SLACK_S, _end(ended)
    report.count(
        "endless loop: how the job ended", end, "failed, timeout", end == "failed, timeout"
    )
    report.time("  the process is gone after", ms(took), f"≤ {ms(bound)}", took <= bound)


async def _memory(report: Report, queue: Queue, folder: Path, worker: int) -> None:
    pid_file, before = folder / "hoard", _resident(worker)
    began = monotonic()
    job = await queue.enqueue(KIND, {"do": "hoard", "path": str(pid_file)}, options={"attempts": 1})
    ended = await queue.wait(job.job_id)
    took, code = monotonic() - began, _end(ended)
    wanted = "failed, memory_limit"
    report.count("2 GiB under a cap of 512 MiB: the end", code, wanted, code == wanted)
    report.time("  after", ms(took), "≤ 1000 ms", took <= 1.0)
    grown = (_resident(worker) - before) / 1024**2
    report.count("  the worker's memory grew by", f"{grown:.1f} MiB", "< 16 MiB", grown < 16)
    await _gone(pid_file)


async def _unharmed(report: Report, queue: Queue, worker: asyncio.subprocess.Process) -> None:
    """Its only slot takes the next job, and it is the same process."""
    job = await queue.enqueue(KIND, {"do": "answer"})
    found = await queue.result(job.job_id)
    same = found == worker.pid
    report.count("then the same worker and slot run a job", same, "True", same)


async def _cancels(stage: Stage, name: str, cancel: Callable[[str], Awaitable[object]]) -> None:
    """From before the call until the processor is interrupted, in the worker's process."""
    report, queue, reader, times = stage
    delays = []
    for _ in range(times):
        job = (await queue.enqueue(KIND, {"do": "hang"})).job_id
        await until(lambda: _line(reader, "start", job), look_s=0.002)  # noqa: B023 - awaited here
        began = monotonic()
        await cancel(job)
        await until(lambda: _line(reader, "stopped", job), look_s=0.002)  # noqa: B023
        line = _line(reader, "stopped", job)
        assert line is not None
        delays.append(line.t - began)
        assert (await queue.get(job)).status == "cancelled"
    p99 = share(delays, 99)
    report.count(
        f"{name} of running jobs: interrupted", len(delays), str(times), len(delays) == times
    )
    report.figure("  after, p50", ms(share(delays, 50)))
    report.time("  after, p99", ms(p99), f"< {ms(CANCEL_S)}", p99 < CANCEL_S)


def _line(reader: Reader, op: str, job: str) -> Line | None:
    reader.more()
    return next((line for line in reversed(reader.lines) if (line.op, line.job) == (op, job)), None)


def _end(job: Job) -> str:
    return f"{job.status}, {job.failure.code if job.failure else ''}"


async def _gone(pid_file: Path) -> float:
    """When the process whose pid is in the file was seen to be gone."""
    pid = int(pid_file.read_text())
    await until(lambda: not Path(f"/proc/{pid}").exists(), look_s=0.005)
    return monotonic()


def _resident(pid: int) -> int:
    """Bytes of memory of a process."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else 0


@asynccontextmanager
async def _api(server: Server, folder: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """The HTTP API as a process of its own, and a client with a token for it."""
    secret = secrets.token_hex(32)
    environment = {**os.environ, "REDIS_URL": server.url, "JWT_SECRET": secret}
    environment["COTIZA_DATA_DIR"] = str(folder / "data")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cotiza_api", "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
    )
    try:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().split()[-1]
        now = int(time())
        claims = {
            "sub": "proof",
            "tenantId": "default",
            "role": "admin",
            "iat": now,
            "exp": now + 3600,
        }
        headers = {"Authorization": f"Bearer {jwt.encode(claims, secret, algorithm='HS256')}"}
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            yield client
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _worker(url: str, folder: Path) -> None:
    journal = Journal(folder / f"{os.getpid()}.jsonl")

    async def work(payload: dict[str, Any], context: JobContext) -> int:
        journal.note("start", job=context.job_id)
        match payload["do"]:
            case "spin":
                await context.run_in_process(spin, payload["path"])
            case "hoard":
                await context.run_in_process(hoard, payload["path"], memory_bytes=CAP_BYTES)
            case "hang":
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    journal.note("stopped", job=context.job_id)
                    raise
        return os.getpid()

    worker = Worker({KIND: work}, url, options=WorkerOptions(concurrency=1))
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        await worker.ready.wait()
        journal.note("ready")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        # The child processes import the functions above by the module's name, not as __main__.
        from benchmarks.proof import stopping

        asyncio.run(stopping._worker(sys.argv[2], Path(sys.argv[3])))
    else:
        sys.exit(main("stopping", prove, sys.argv[1:]))
