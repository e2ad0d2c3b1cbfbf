"""Real servers that are there and won't write: the disk is full, the primary is a replica now, its
replicas are missing, somebody's script never ends. Workers wait, and lose and repeat nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result

from api_support import Process, bearer
from chaos.servers import KINDS, Server
from cotiza_queue import Queue, Status, Worker, WorkerOptions
from cotiza_queue.cli.admin import cli
from cotiza_queue.errors import QueueUnavailable
from cotiza_queue.store.connection import Connection
from cotiza_queue.telemetry import Silent, Telemetry
from engine.line import line_to

pytestmark = pytest.mark.row("D9")
LEASE_MS = 900
NOWHERE = ("REPLICAOF", "127.0.0.1", "1")
Act = Callable[[Connection, Server], Awaitable[object]]


async def fill_the_disk(connection: Connection, server: Server) -> None:
    """No snapshot can be written where a folder stands in its place."""
    (server.folder / "dump.rdb" / "occupied").mkdir(parents=True)
    await connection.command("CONFIG", "SET", "save", "3600 1")
    await connection.command("BGSAVE")
    while b"MISCONF" not in await _said_to_a_write(connection):
        await asyncio.sleep(0.02)


async def free_the_disk(connection: Connection, server: Server) -> None:
    (server.folder / "dump.rdb" / "occupied").rmdir()
    (server.folder / "dump.rdb").rmdir()
    await connection.command("BGSAVE")
    while await _said_to_a_write(connection):
        await asyncio.sleep(0.02)


async def cut_off(connection: Connection, _: Server) -> None:
    await connection.command("CONFIG", "SET", "replica-serve-stale-data", "no")
    await connection.command(*NOWHERE)


async def keep_busy(connection: Connection, server: Server) -> None:
    await connection.command("CONFIG", "SET", "lua-time-limit", "20")
    script = Connection(server.url)
    endless = asyncio.ensure_future(script.command("EVAL", "while true do end", 0))
    while b"BUSY" not in await _said_to_a_write(connection):
        await asyncio.sleep(0.02)
    endless.cancel()
    await script.close()


async def end_the_script(connection: Connection, _: Server) -> None:
    await connection.command("SCRIPT", "KILL")
    while await _said_to_a_write(connection):
        await asyncio.sleep(0.01)


async def _said_to_a_write(connection: Connection) -> bytes:
    """The word with which it is refused, if it is."""
    try:
        await connection.command("SET", "probe", 1)
    except QueueUnavailable as error:
        return error.said.encode()
    return b""


def command(*words: str) -> Act:
    return lambda connection, _: connection.command(*words)


class Trouble(NamedTuple):
    """How it begins and ends, and what to do about it."""

    begin: Act
    end: Act
    remedy: str


TROUBLES = {
    "MISCONF": Trouble(fill_the_disk, free_the_disk, "disk"),
    "READONLY": Trouble(command(*NOWHERE), command("REPLICAOF", "NO", "ONE"), "primary"),
    "MASTERDOWN": Trouble(cut_off, command("REPLICAOF", "NO", "ONE"), "primary"),
    "NOREPLICAS": Trouble(
        command("CONFIG", "SET", "min-replicas-to-write", "1"),
        command("CONFIG", "SET", "min-replicas-to-write", "0"),
        "replicas",
    ),
    "BUSY": Trouble(keep_busy, end_the_script, "SCRIPT KILL"),
}


class Told(Silent):
    """Counts what was told."""

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()
        self.troubles: Counter[tuple[str, str]] = Counter()

    def say(self, name: str, **fields: Any) -> None:
        self.names[name] += 1

    def warn(self, name: str, **fields: Any) -> None:
        self.names[name] += 1
        self.troubles[name, str(fields.get("error"))] += 1


@asynccontextmanager
async def workers(
    server: Server, processors: dict[str, Any], telemetries: Sequence[Telemetry]
) -> AsyncIterator[None]:
    """As many as there are telemetries."""
    options = WorkerOptions(handle_signals=False, lease_ms=LEASE_MS, drain_ms=2000)
    several = [
        Worker(processors, server.url, options=options, telemetry=each) for each in telemetries
    ]
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(worker.run()) for worker in several]
        for worker in several:
            await worker.ready.wait()
        yield
        for worker in several:
            worker.stop()
        await asyncio.gather(*running)


@pytest.mark.parametrize("server", KINDS, indirect=True)
@pytest.mark.parametrize("word", TROUBLES)
async def test_what_ends_while_redis_refuses_to_write_for_longer_than_a_lease_ends_once(
    server: Server, kind: str, word: str
) -> None:
    runs: Counter[Any] = Counter()
    go, over = asyncio.Event(), asyncio.Event()

    async def work(payload: Any, context: Any) -> Any:
        runs[payload] += 1
        await (go if payload % 2 else over).wait()
        return payload

    trouble, connection, told = TROUBLES[word], Connection(server.url), [Told(), Told()]
    async with Queue(server.url) as queue, workers(server, {kind: work}, told):
        jobs = [await queue.enqueue(kind, n) for n in range(16)]
        late = await queue.enqueue(kind, 17, options={"delay": 100})
        while len(runs) < 17:
            await asyncio.sleep(0.01)
        await trouble.begin(connection, server)
        with pytest.raises(QueueUnavailable) as caught:
            await queue.enqueue(kind, "refused")
        go.set()
        await asyncio.sleep(2 * LEASE_MS / 1000)  # that is the fault, not a wait for a fact
        await trouble.end(connection, server)
        over.set()
        for job in (*jobs, late):
            assert (await queue.wait(job.job_id, timeout_ms=30_000)).status is Status.COMPLETED
        metrics = (await queue.metrics(kind))[0]
        assert (await queue.doctor()).counts == {}
    await connection.close()
    assert not caught.value.indeterminate
    assert caught.value.said in (word, "READONLY" if word == "MASTERDOWN" else word)
    assert trouble.remedy in str(caught.value.remedy)
    assert (metrics.completed, metrics.active, metrics.waiting) == (17, 0, 0)
    assert set(runs.values()) == {1}
    for each in told:
        assert set(each.troubles.values()) == {1}
        assert each.names["turn.failed"] > 0
        assert each.names["turn.recovered"] == 1


@pytest.mark.parametrize("server", KINDS, indirect=True)
async def test_who_listens_to_a_primary_that_became_a_replica_goes_where_the_calls_go(
    server: Server, redis_url: str, kind: str
) -> None:
    async def work(payload: Any, context: Any) -> Any:
        return payload

    old, new = Connection(server.url), Connection(redis_url)
    channel = f"{{cq:{kind}}}:wake"

    async def listens(connection: Connection) -> bool:
        said = await connection.command("PUBSUB", "NUMSUB", channel)
        return bool(dict(said).get(channel.encode()) if isinstance(said, dict) else said[1])

    options = WorkerOptions(handle_signals=False, lease_ms=LEASE_MS)
    async with line_to(server.url) as line, Queue(line.url) as queue, asyncio.TaskGroup() as group:
        worker = Worker({kind: work}, line.url, options=options)
        running = group.create_task(worker.run())
        await worker.ready.wait()
        while not await listens(old):
            await asyncio.sleep(0.01)
        line.server = redis_url
        await old.command(*NOWHERE)
        while await listens(old) or not await listens(new):
            await asyncio.sleep(0.01)
        with suppress(QueueUnavailable):  # the call that finds out
            await queue.enqueue(kind, 1)
        job = await queue.enqueue(kind, 2)
        assert (await queue.wait(job.job_id)).status is Status.COMPLETED
        worker.stop()
        await running
    await old.close()
    await new.close()


def _doctor(url: str) -> Result:
    return CliRunner().invoke(cli, ["doctor", "-q", url], obj={})


@pytest.mark.parametrize("server", KINDS, indirect=True)
@pytest.mark.parametrize("word", [word for word in TROUBLES if word != "BUSY"])
@pytest.mark.row("D8")
async def test_the_doctor_says_of_a_server_that_refuses_us_what_is_wrong_with_it(
    server: Server, kind: str, word: str
) -> None:
    trouble, connection = TROUBLES[word], Connection(server.url)
    async with Queue(server.url) as queue:
        await queue.enqueue(kind, 1)
        await trouble.begin(connection, server)
        report = await queue.doctor(fix=True)
        failed = {one.check: one for one in report.server if one.level == "fail"}
        assert word in failed["calls"].text
        assert trouble.remedy in failed["calls"].remedy
        assert failed.keys() - {"calls"} <= {"persistence", "replicas"}
        assert (report.clean, report.looked, report.findings) == (False, False, [])
        shell = await asyncio.to_thread(_doctor, server.url)
        assert shell.exit_code == 1
        assert word in shell.stdout
        assert "not looked at" in shell.stdout
        await trouble.end(connection, server)
        report = await queue.doctor()
        assert (report.clean, report.looked) == (True, True)
    await connection.close()


async def test_the_api_begins_reads_and_says_when_to_try_again_while_redis_refuses_to_write(
    server: Server, tmp_path: Path
) -> None:
    trouble, connection = TROUBLES["READONLY"], Connection(server.url)
    report = {"reportType": "quote", "entityId": "Q", "format": "pdf"}
    job = {"type": "report-generation", "data": report}
    async with Queue(server.url) as queue:
        known = await queue.enqueue("report-generation", {}, tenant="acme")
        await queue.get(known.job_id)  # what has just come has its place by then
    await trouble.begin(connection, server)
    api = Process(tmp_path / "api", REDIS_URL=server.url)
    async with api.client(bearer()) as client:
        refused = await client.post("/api/v1/jobs", json=job)
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (503, "queue_unavailable")
        assert int(refused.headers["retry-after"]) > 0
        assert trouble.remedy in problem["remedy"]
        assert problem["detail"] == "Redis can't serve us now"
        assert (await client.get(f"/api/v1/jobs/{known.job_id}")).status_code == 200
        await trouble.end(connection, server)
        assert (await client.post("/api/v1/jobs", json=job)).status_code == 201
    assert api.stop() == 0
    await connection.close()


async def test_a_type_is_put_on_the_list_again_by_who_has_to_connect_anew(
    server: Server, kind: str
) -> None:
    connection = Connection(server.url)
    async with Queue(server.url) as queue:
        await queue.enqueue(kind, 1)
        await connection.command("SREM", "cq:types", kind)
        await queue.enqueue(kind, 2)
        assert not await connection.command("SISMEMBER", "cq:types", kind)
        await connection.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        taken = 0
        while taken < 2:  # The first one finds out that it has to connect.
            with suppress(QueueUnavailable):
                await queue.enqueue(kind, 3)
                taken += 1
        assert await connection.command("SISMEMBER", "cq:types", kind)
    await connection.close()
