"""Waiting for an end without polling: no wake-up is lost, whatever comes first."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from cotiza_queue import Queue, Status, Worker, WorkerOptions
from cotiza_queue.store.connection import Connection

pytestmark = pytest.mark.row("F2")
JOBS, WAITERS, ROUNDS = 50, 20, 10


async def double(payload: Any, context: Any) -> Any:
    return 2 * payload


async def test_ten_thousand_waits_that_race_their_jobs_completion_all_end(
    queue: Queue, kind: str, working: Any
) -> None:
    chance = random.Random(7)
    ended = 0

    async def one(job_id: str, turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        result: int = await queue.result(job_id, timeout_ms=60_000)
        return result

    async with working({kind: double}):
        for _ in range(ROUNDS):
            made = [await queue.enqueue(kind, n) for n in range(JOBS)]
            waits = [one(job.job_id, chance.randrange(200)) for job in made for _ in range(WAITERS)]
            results = await asyncio.gather(*waits)
            assert results == [2 * n for n in range(JOBS) for _ in range(WAITERS)]
            ended += len(results)
    assert ended == 10_000


async def test_a_wait_whose_connections_are_cut_goes_on_and_hears_the_end(
    tmp_path: Path, kind: str
) -> None:
    """On a server of its own: every client of it is cut off."""
    go = asyncio.Event()

    async def hold(payload: Any, context: Any) -> Any:
        await go.wait()
        return payload

    async with Queue(data_dir=tmp_path) as queue, asyncio.TaskGroup() as group:
        connection = Connection(queue.url)
        made = await queue.enqueue(kind, 5)
        worker = Worker({kind: hold}, queue.url, options=WorkerOptions(handle_signals=False))
        group.create_task(worker.run())
        wait = asyncio.ensure_future(queue.result(made.job_id, timeout_ms=60_000))
        while (await queue.get(made.job_id)).status is not Status.ACTIVE:
            await asyncio.sleep(0.02)
        while not queue._link.events._listeners:
            await asyncio.sleep(0.02)
        for kind_of in ("normal", "pubsub"):
            await connection.command("CLIENT", "KILL", "TYPE", kind_of, "SKIPME", "yes")
        go.set()
        assert await wait == 5
        worker.stop()
        await connection.close()


async def test_a_wait_that_was_given_up_is_taken_up_again(
    queue: Queue, kind: str, working: Any
) -> None:
    made = await queue.enqueue(kind, 5)
    wait = asyncio.ensure_future(queue.wait(made.job_id))
    await asyncio.sleep(0.05)
    wait.cancel()
    await asyncio.gather(wait, return_exceptions=True)
    again = asyncio.ensure_future(queue.wait(made.job_id))
    async with working({kind: double}):
        assert (await again).result == 10
        assert (await queue.wait(made.job_id)).result == 10
