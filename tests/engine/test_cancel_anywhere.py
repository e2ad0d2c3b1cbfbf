"""Cancelling a running job: from another process, with its message lost, against its end."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import Any

import pytest
from redis.asyncio import Redis

from cotiza_queue import Queue, Status
from cotiza_queue.errors import Conflict
from cotiza_queue.store import keys
from cotiza_queue.store.ids import stored
from cotiza_queue.store.library import library

pytestmark = pytest.mark.row("C10")
CANCEL = """
import asyncio, sys
from cotiza_queue import Queue

async def main(url, job_id):
    async with Queue(url) as queue:
        await queue.cancel(job_id, by="another process")

asyncio.run(main(*sys.argv[1:]))
"""


class Hanging:
    """A processor that hangs until it is cancelled."""

    def __init__(self) -> None:
        self.started, self.stopped = asyncio.Event(), asyncio.Event()

    async def __call__(self, payload: Any, context: Any) -> None:
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped.set()


async def test_a_cancel_from_another_process_stops_the_running_coroutine(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    hanging = Hanging()
    async with working({kind: hanging}):
        job = await queue.enqueue(kind, 1)
        await hanging.started.wait()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CANCEL, redis_url, job.job_id
        )
        assert await process.wait() == 0
        await hanging.stopped.wait()
    found = await queue.get(job.job_id)
    assert found.status is Status.CANCELLED
    assert (await queue.history(job.job_id))[-1].by == "another process"


async def test_a_cancel_whose_message_is_lost_arrives_with_the_next_renewal(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    hanging = Hanging()
    async with working({kind: hanging}, lease_ms=600), Redis.from_url(redis_url) as redis:
        job = await queue.enqueue(kind, 1)
        await hanging.started.wait()
        # One after the other on the server: nobody listens when the message goes out.
        pipeline = redis.pipeline(transaction=True)
        pipeline.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        cancel, lies = library().functions["cancel"], stored(job.job_id, kind)
        pipeline.execute_command("FCALL", cancel, 1, keys.meta(kind), lies, "", "")
        killed, answer = await pipeline.execute()
        assert (killed > 0, answer) == (True, b"ok")
        await hanging.stopped.wait()
    assert (await queue.get(job.job_id)).status is Status.CANCELLED


async def test_a_cancel_and_a_completion_at_once_leave_one_end(
    queue: Queue, kind: str, working: Any
) -> None:
    async def quick(payload: Any, context: Any) -> int:
        await asyncio.sleep(payload / 1000)
        return 1

    async def cancel(job_id: str, ms: float) -> str:
        await asyncio.sleep(ms / 1000)
        try:
            await queue.cancel(job_id)
            return "cancelled"
        except Conflict as conflict:
            return conflict.code.removeprefix("already_")

    async with working({kind: quick}, concurrency=20):
        jobs = [await queue.enqueue(kind, n % 5) for n in range(100)]
        said = await asyncio.gather(*(cancel(job.job_id, n % 7) for n, job in enumerate(jobs)))
        ends = [await queue.wait(job.job_id) for job in jobs]
    assert [str(end.status) for end in ends] == said
    for end in ends:
        names = Counter([event.name async for event in queue.events(end.id, after="0-0")])
        assert sum(names[final] for final in ("completed", "cancelled", "failed")) == 1
        assert (end.result == 1) == (end.status is Status.COMPLETED)
