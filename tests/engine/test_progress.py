"""Progress: written seldom, however often it is told; its last value kept; by the owner only."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from cotiza_queue import Queue
from cotiza_queue.store.commands import Commands
from cotiza_queue.store.connection import Connection

pytestmark = pytest.mark.row("F3")
CALLS = 1000


async def test_of_a_thousand_calls_few_are_written_and_the_last_value_is_kept(
    queue: Queue, kind: str, working: Any
) -> None:
    took = []

    async def talk(payload: Any, context: Any) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for n in range(1, CALLS + 1):
            context.progress(100 * n / CALLS, "counting", f"{n}", n=n)
            await asyncio.sleep(0.001)
        took.append(loop.time() - began)

    async with working({kind: talk}):
        job = await queue.enqueue(kind, 1)
        done = await queue.wait(job.job_id)
    names = Counter([event.name async for event in queue.events(job.job_id, after="0-0")])
    # One each tenth of a second, one that was under way when it began, and the last one.
    assert 1 <= names["progress"] <= took[0] * 10 + 2
    assert (done.progress.percentage, done.progress.metadata) == (100, {"n": CALLS})


async def test_the_last_value_is_kept_when_the_attempt_fails_or_is_stopped(
    queue: Queue, kind: str, working: Any
) -> None:
    async def talk(payload: Any, context: Any) -> None:
        context.progress(50, "half")
        if payload == "fail":
            raise ValueError("no")
        await asyncio.Event().wait()

    async with working({kind: talk}):
        for payload in ("fail", "hang"):
            options = {"attempts": 1, "timeout": 100}
            job = await queue.enqueue(kind, payload, options=options)
            assert (await queue.wait(job.job_id)).progress.step == "half"


async def test_a_stale_attempt_writes_no_progress(redis_url: str, queue: Queue, kind: str) -> None:
    connection = Connection(redis_url)
    commands = Commands(connection)
    job = await queue.enqueue(kind, 1)
    [old] = (await commands.turn(kind, "w1", 1, [])).deliveries
    assert await commands.progress(kind, job.job_id, old.token, b'{"step":"old"}')
    await asyncio.sleep(0.01)
    await commands.reclaim(kind, "w2", 1, 9, await commands.stale(kind, 1))
    [new] = (await commands.turn(kind, "w2", 1, [])).deliveries
    assert await commands.progress(kind, job.job_id, new.token, b'{"step":"new"}')
    assert not await commands.progress(kind, job.job_id, old.token, b'{"step":"late"}')
    assert (await queue.get(job.job_id)).progress.step == "new"
    await connection.close()
