"""A worker process for the crash tests: notes each start and end of a job in a file."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from cotiza_queue import Worker, WorkerOptions


async def main(redis_url: str, kind: str, log: str) -> None:
    fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(*words: object) -> None:
        os.write(fd, (" ".join(map(str, words)) + "\n").encode())

    async def work(payload: Any, context: Any) -> int:
        note("start", context.job_id, context.token, os.getpid())
        if payload.get("poison"):
            await asyncio.sleep(payload["ms"] / 1000)
            os._exit(3)
        await pause(payload["ms"] / 1000, payload.get("stubborn", False))
        if payload.get("fail") == "once" and context.attempt == 1:
            raise RuntimeError("once")
        note("end", context.job_id, context.token, os.getpid())
        return int(payload["n"])

    options = WorkerOptions(concurrency=10, lease_ms=1500, drain_ms=3000)
    worker = Worker({kind: work}, redis_url, options=options)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        await worker.ready.wait()
        note("ready", os.getpid())


async def pause(seconds: float, stubborn: bool) -> None:
    """Sleep; a stubborn job does not let itself be cancelled."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while (left := until - loop.time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            if not stubborn:
                raise


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
