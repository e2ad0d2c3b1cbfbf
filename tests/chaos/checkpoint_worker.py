"""A worker process whose jobs save checkpoints: notes each step and each item in a file."""

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

    async def part(n: int, stop_at: int) -> int:
        note("step", n)
        if n == stop_at:
            await asyncio.Event().wait()
        return n * 10

    async def five_steps(payload: Any, context: Any) -> list[int]:
        # Only the first life is held up: the test kills it there.
        stop_at = payload["hold"] if os.environ.get("FIRST_LIFE") else 0
        return [await context.step(f"part-{n}", part, n, stop_at) for n in range(1, 6)]

    async def loop(payload: Any, context: Any) -> int:
        first = await context.cursor("item", 0)
        for item in range(first, payload["items"]):
            if item == payload["stop_at"] and os.environ.get("FIRST_LIFE"):
                await asyncio.Event().wait()
            note("item", item)
            await context.save_cursor("item", item + 1, every=payload["every"])
        return first

    async def work(payload: Any, context: Any) -> Any:
        return await (five_steps if "hold" in payload else loop)(payload, context)

    worker = Worker({kind: work}, redis_url, options=WorkerOptions(lease_ms=1500))
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        await worker.ready.wait()
        note("ready", os.getpid())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
