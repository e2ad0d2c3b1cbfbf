"""A worker on standby, and what goes wrong around it: none is told of a job that is not there, and
what the server has forgotten confuses nobody.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chaos.servers import KINDS, Server
from cotiza_queue import JobContext, Queue, Status, Worker, WorkerOptions
from cotiza_queue.errors import AccessRefused
from cotiza_queue.store import keys
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.wire import pack
from engine.line import Fate, line_to, until

SECRET = "a password of this test"
LEASE_MS = 1500


async def on_standby(connection: Connection, kind: str) -> None:
    """Wait until some worker is, and listens."""
    while not await connection.command("HEXISTS", keys.meta(kind), "standby"):
        await asyncio.sleep(0.005)
    while not await connection.command("PUBSUB", "SHARDCHANNELS", keys.handed(kind, "*")):
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("server", KINDS, indirect=True)
async def test_nobody_is_told_of_a_job_that_could_not_be_written_down(
    server: Server, kind: str
) -> None:
    ran: list[Any] = []

    async def work(payload: Any, context: Any) -> None:
        ran.append(payload)

    connection = Connection(server.url)
    user = ("ACL", "SETUSER", "poor", "on", f">{SECRET}", "~*", "&*", "+@all", "-rpush")
    await connection.command(*user)
    options = WorkerOptions(handle_signals=False, lease_ms=LEASE_MS)
    async with (
        Queue(server.url) as queue,
        Queue(f"unix://{server.socket}?username=poor&password={SECRET}") as poor,
        asyncio.TaskGroup() as group,
    ):
        worker = Worker({kind: work}, server.url, options=options)
        running = group.create_task(worker.run())
        await on_standby(connection, kind)
        with pytest.raises(AccessRefused):
            await poor.enqueue(kind, "refused")
        job = await queue.enqueue(kind, "taken")
        assert (await queue.wait(job.job_id)).status is Status.COMPLETED
        worker.stop()
        await running
    await connection.close()
    assert ran == ["taken"]


@pytest.mark.parametrize("server", KINDS, indirect=True)
async def test_a_caller_that_may_tell_nobody_of_a_job_has_it_taken_in_all_the_same(
    server: Server, kind: str
) -> None:
    async def work(payload: Any, context: Any) -> Any:
        return payload

    connection = Connection(server.url)
    user = ("ACL", "SETUSER", "mute", "on", f">{SECRET}", "~*", "&*", "+@all", "-spublish")
    await connection.command(*user)
    options = WorkerOptions(handle_signals=False, lease_ms=LEASE_MS)
    async with (
        Queue(f"unix://{server.socket}?username=mute&password={SECRET}") as mute,
        asyncio.TaskGroup() as group,
    ):
        worker = Worker({kind: work}, server.url, options=options)
        running = group.create_task(worker.run())
        await on_standby(connection, kind)
        end = await mute.wait((await mute.enqueue(kind, "taken")).job_id)
        worker.stop()
        await running
    await connection.close()
    assert (end.status, end.stalls, end.result) == (Status.COMPLETED, 0, "taken")


async def test_who_does_not_listen_any_more_leaves_the_job_to_all_who_are_idle(
    redis_url: str, queue: Queue, kind: str
) -> None:
    async def work(payload: Any, context: Any) -> None:
        """Its work."""

    connection, hints = Connection(redis_url), []
    listening = await connection.own(pushed=hints.append)
    # Who reads all channels is not taken for the worker.
    await listening.ask(pack(("PSUBSCRIBE", "*")) + pack(("PING",)))
    async with line_to(redis_url) as line, asyncio.TaskGroup() as group:
        worker = Worker({kind: work}, line.url, options=WorkerOptions(handle_signals=False))
        running = group.create_task(worker.run())
        await on_standby(connection, kind)
        for word in (b"SUBSCRIBE", b"PING"):
            line.instead(word, Fate.CUT_BEFORE)
        while await connection.command("PUBSUB", "SHARDCHANNELS", keys.handed(kind, "*")):
            await asyncio.sleep(0.005)
        while not await connection.command("HEXISTS", keys.meta(kind), "standby"):
            await asyncio.sleep(0.005)
        job = await queue.enqueue(kind, 1)
        await until(lambda: [said for said in hints if said[2] == keys.wake(kind).encode()])
        assert (await queue.wait(job.job_id)).status is Status.COMPLETED
        line.heal()
        worker.stop()
        await running
    listening.close()
    await connection.close()


async def test_a_token_that_the_server_gives_a_second_time_is_not_taken_for_one_heard_of(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    """A server that lost its last second gives out again the token of the last job."""
    tokens: list[int] = []

    async def work(payload: Any, context: JobContext) -> None:
        tokens.append(context.token)

    connection = Connection(redis_url)
    async with working({kind: work}, lease_ms=LEASE_MS):
        await on_standby(connection, kind)
        await queue.wait((await queue.enqueue(kind, 1)).job_id)
        await on_standby(connection, kind)
        await connection.command("HSET", keys.meta(kind), "token", tokens[0] - 1)
        done = await queue.wait((await queue.enqueue(kind, 2)).job_id)
    await connection.close()
    assert (done.status, done.stalls) == (Status.COMPLETED, 0)
    assert len(tokens) == 2


@pytest.mark.parametrize("server", KINDS, indirect=True)
async def test_a_job_that_a_server_has_forgotten_the_end_of_runs_again_before_its_lease_is_over(
    server: Server, kind: str
) -> None:
    """The server's data are those of a moment ago, and connections begin anew: as after a crash
    with a slow disk, or a failover.
    """
    begun, go_on = asyncio.Event(), asyncio.Event()
    runs: list[int] = []

    async def work(payload: Any, context: JobContext) -> None:
        runs.append(context.token)
        begun.set()
        await go_on.wait()

    connection = Connection(server.url)
    options = WorkerOptions(handle_signals=False, lease_ms=600_000)
    async with Queue(server.url) as queue, asyncio.TaskGroup() as group:
        worker = Worker({kind: work}, server.url, options=options)
        running = group.create_task(worker.run())
        job = await queue.enqueue(kind, 1)
        await begun.wait()
        assert (await queue.get(job.job_id)).status is Status.ACTIVE
        kept = {
            name: await connection.command("DUMP", name)
            for name in await connection.command("KEYS", f"{{cq:{kind}}}:*")
        }
        go_on.set()
        assert (await queue.wait(job.job_id)).status is Status.COMPLETED
        for name, dump in kept.items():
            await connection.command("RESTORE", name, 0, dump, "REPLACE")
        for sort in ("normal", "pubsub"):
            await connection.command("CLIENT", "KILL", "TYPE", sort, "SKIPME", "yes")
        done = await queue.wait(job.job_id, timeout_ms=60_000)
        worker.stop()
        await running
    await connection.close()
    assert (done.status, done.stalls, len(runs)) == (Status.COMPLETED, 0, 2)
