"""Who has fallen silent is found at once, however many others are at work."""

from __future__ import annotations

import asyncio

from cotiza_queue import NewJob, Queue
from cotiza_queue.store.commands import Commands
from cotiza_queue.store.connection import Connection

CROWD = 350
"""More than three pages of a look (lua/lib/59_delayed.lua)."""


async def test_one_look_finds_a_dead_workers_job_behind_hundreds_of_live_ones(
    redis_url: str, queue: Queue, kind: str
) -> None:
    connection = Connection(redis_url)
    commands = Commands(connection)
    await queue.enqueue_many([NewJob(type=kind, payload=n) for n in range(CROWD + 1)])
    living = (await commands.turn(kind, "living", CROWD, [])).deliveries
    dead = (await commands.turn(kind, "dead", 1, [])).deliveries
    assert (len(living), len(dead)) == (CROWD, 1)
    await asyncio.sleep(0.05)  # the silence that is looked for
    held = [(job.stored, job.token) for job in living]
    assert await commands.renew(kind, "living", b"{}", 60_000, held) == []
    found = await commands.stale(kind, 50)
    recovered = await commands.reclaim(kind, "third", 50, 3, found)
    assert dead[0].id in [job for job, _ in recovered]
    await connection.close()


async def test_one_look_finds_all_jobs_of_a_dead_worker(
    redis_url: str, queue: Queue, kind: str
) -> None:
    connection = Connection(redis_url)
    commands = Commands(connection)
    await queue.enqueue_many([NewJob(type=kind, payload=n) for n in range(CROWD)])
    dead = (await commands.turn(kind, "dead", CROWD, [])).deliveries
    await asyncio.sleep(0.01)
    found = await commands.stale(kind, 10)
    assert len(dead) == len(found) == len(set(found)) == CROWD
    recovered = await commands.reclaim(kind, "third", 10, 3, found)
    assert {job for job, _ in recovered} == {job.id for job in dead}
    await connection.close()
