"""What Redis may answer, row by row: which error of ours a caller gets, that nothing is sent twice,
and that a worker survives it and goes on.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest

from cotiza_queue import Queue, Status, Worker, WorkerOptions
from cotiza_queue.errors import (
    AccessRefused,
    ConfigurationError,
    CotizaError,
    QueueDamaged,
    QueueUnavailable,
)
from cotiza_queue.store.commands import Commands
from cotiza_queue.store.connection import LOADS, Connection
from cotiza_queue.telemetry import LogTelemetry
from engine.line import Fate, Line, line_to, until

pytestmark = pytest.mark.row("D9")


class Reply(NamedTuple):
    """A row of the table. ``indeterminate``: None for errors that have no such question."""

    text: str
    error: type[CotizaError]
    indeterminate: bool | None = False
    reconnects: bool = False


TEMPORARY = {
    "LOADING": Reply(
        "LOADING Redis is loading the dataset in memory", QueueUnavailable, reconnects=True
    ),
    "MISCONF": Reply("MISCONF Errors writing to the AOF file: No space left", QueueUnavailable),
    "BUSY": Reply("BUSY Redis is busy running a script.", QueueUnavailable),
    "OOM": Reply("OOM command not allowed when used memory > 'maxmemory'.", QueueUnavailable),
    "TRYAGAIN": Reply("TRYAGAIN Multiple keys request during rehashing", QueueUnavailable),
    "CLUSTERDOWN": Reply("CLUSTERDOWN The cluster is down", QueueUnavailable),
    "ASK": Reply("ASK 1234 127.0.0.1:7001", QueueUnavailable),
    "MASTERDOWN": Reply("MASTERDOWN Link with MASTER is down", QueueUnavailable, reconnects=True),
    "READONLY": Reply(
        "READONLY You can't write against a read only replica.", QueueUnavailable, reconnects=True
    ),
    "NOREPLICAS": Reply(
        "NOREPLICAS Not enough good replicas to write.", QueueUnavailable, reconnects=True
    ),
    "UNBLOCKED": Reply(
        "UNBLOCKED force unblock from blocking operation", QueueUnavailable, reconnects=True
    ),
}
LASTING = {
    "MOVED": Reply("MOVED 1234 127.0.0.1:7001", ConfigurationError, None),
    "NOPERM": Reply(
        "NOPERM this user has no permissions to run the 'fcall' command", AccessRefused, None
    ),
    "NOAUTH": Reply("NOAUTH Authentication required.", AccessRefused, None, reconnects=True),
    "WRONGPASS": Reply("WRONGPASS invalid username-password pair", AccessRefused, None, True),
    "script": Reply(
        "ERR The user executing the script can't run this command or subcommand", AccessRefused,
        None,
    ),
    "WRONGTYPE": Reply(
        "WRONGTYPE Operation against a key holding the wrong kind of value", QueueDamaged, None
    ),
    "NOGROUP": Reply("NOGROUP No such key or consumer group", QueueDamaged, None),
    "ERR": Reply("ERR unknown command", CotizaError, None),
}  # fmt: skip
ALL = {**TEMPORARY, **LASTING}


def raw(text: str) -> bytes:
    return f"-{text}\r\n".encode()


@asynccontextmanager
async def calls(redis_url: str) -> AsyncIterator[tuple[Line, Connection]]:
    async with line_to(redis_url) as line:
        connection = Connection(line.url)
        await connection.load()
        yield line, connection
        await connection.close()


@pytest.mark.parametrize("row", ALL)
async def test_each_reply_is_one_error_of_ours_and_is_not_sent_again(
    redis_url: str, kind: str, row: str
) -> None:
    reply = ALL[row]
    async with calls(redis_url) as (line, connection):
        line.instead(b"_turn", raw(reply.text))
        before = line.connections
        with pytest.raises(CotizaError) as caught:
            await Commands(connection).turn(kind, "w", 1, [])
        assert type(caught.value) is reply.error
        assert caught.value.remedy or reply.error is CotizaError
        if reply.indeterminate is not None:
            assert isinstance(caught.value, QueueUnavailable)
            assert caught.value.indeterminate is reply.indeterminate
        assert line.count(b"_turn") == 1
        line.heal()
        assert (await Commands(connection).turn(kind, "w", 1, [])).deliveries == []
        assert (line.connections > before) is reply.reconnects


@pytest.mark.parametrize("row", ["LOADING", "WRONGPASS", "NOAUTH", "crowded"])
async def test_a_refusal_while_connecting_means_that_nothing_was_sent(
    redis_url: str, kind: str, row: str
) -> None:
    async with line_to(redis_url) as line:
        connection = Connection(line.url)
        if row == "crowded":
            line.answer_on_entry = raw("ERR max number of clients reached")
        else:
            line.instead(b"HELLO", raw(ALL[row].text))
        wanted = ALL[row].error if row in ALL else QueueUnavailable
        with pytest.raises(wanted) as caught:
            await Commands(connection).turn(kind, "w", 1, [])
        assert not getattr(caught.value, "indeterminate", False)
        assert line.count(b"_turn") == 0
        await connection.close()


async def test_a_server_that_is_not_there_means_that_nothing_was_sent(kind: str) -> None:
    connection = Connection("redis://127.0.0.1:1")
    with pytest.raises(QueueUnavailable) as caught:
        await Commands(connection).turn(kind, "w", 1, [])
    assert not caught.value.indeterminate
    await connection.close()


@pytest.mark.parametrize("fate", [Fate.CUT_BEFORE, Fate.CUT_AFTER, Fate.SILENCE])
async def test_after_a_command_is_on_its_way_a_lost_answer_is_unknown_and_a_repeat_finds_the_job(
    redis_url: str, kind: str, fate: Fate
) -> None:
    async with line_to(redis_url) as line, Queue(line.url) as queue:
        line.instead(b"_enqueue", fate, times=1)
        with pytest.raises(QueueUnavailable) as caught:
            await queue.enqueue(kind, 1, options={"jobId": "one"})
        assert caught.value.indeterminate
        assert line.count(b"_enqueue") == 1
        again = await queue.enqueue(kind, 1, options={"jobId": "one"})
        assert again.created is (fate is not Fate.CUT_AFTER)
        assert (await queue.metrics(kind))[0].waiting == 1


async def test_a_library_that_the_server_forgot_is_loaded_and_the_call_repeated(
    redis_url: str, kind: str
) -> None:
    async with calls(redis_url) as (line, connection):
        line.instead(b"_turn", raw("ERR Function not found"), times=1)
        await Commands(connection).turn(kind, "w", 1, [])
        assert (line.count(b"_turn"), line.count(b"FUNCTION")) == (2, 2)
        line.instead(b"_turn", raw("ERR Function not found"))
        with pytest.raises(QueueUnavailable) as caught:
            await Commands(connection).turn(kind, "w", 1, [])
        assert not caught.value.indeterminate
        assert line.count(b"_turn") == 2 + LOADS


class Alarms(LogTelemetry):
    """Counts what was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: Counter[str] = Counter()

    def warn(self, name: str, **fields: Any) -> None:
        self.told[f"{name}:{fields.get('role', '')}"] += 1


async def double(payload: int, context: Any) -> int:
    context.progress(50, "half")
    return 2 * payload


@asynccontextmanager
async def at_work(line: Line, kind: str, alarms: Alarms) -> AsyncIterator[Worker]:
    options = WorkerOptions(handle_signals=False, lease_ms=1000, drain_ms=2000)
    worker = Worker({kind: double}, line.url, options=options, telemetry=alarms)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(worker.run())
        await worker.ready.wait()
        yield worker
        worker.stop()
        await running


@pytest.mark.parametrize("row", [*TEMPORARY, "ERR", "crowded", *Fate])
async def test_the_loops_of_a_worker_outlive_each_reply_and_go_on(
    redis_url: str, kind: str, row: str | Fate
) -> None:
    alarms = Alarms()
    async with (
        Queue(redis_url) as queue,
        line_to(redis_url) as line,
        Queue(line.url) as watching,
        at_work(line, kind, alarms),
    ):
        job = await queue.enqueue(kind, 1)
        assert (await watching.wait(job.job_id)).result == 2
        due = await queue.enqueue(kind, 2, options={"delay": 500})
        pending = asyncio.create_task(watching.wait(due.job_id, timeout_ms=60_000))
        await until(lambda: watching._link.events._listeners)  # it has begun, and goes on
        listened = line.count(b"SUBSCRIBE")
        if row == "crowded":
            line.answer_on_entry = raw("ERR max number of clients reached")
            for word in (b"FCALL", b"PING", b"XREAD"):
                line.instead(word, Fate.CUT_BEFORE, times=3)
            tries = line.connections
            await until(lambda: line.connections > tries + 2)
        else:
            answer = row if isinstance(row, Fate) else raw(ALL[row].text)
            for word in (b"_turn", b"_renew", b"_stale", b"_prune", b"XREAD", b"PING", b"SUBSCR"):
                line.instead(word, answer)
            turns, beats = line.count(b"_turn"), line.count(b"_renew")
            await until(lambda: line.count(b"_turn") > turns + 1)
            await until(lambda: line.count(b"_renew") > beats + 1)
            assert alarms.told["turn.failed:"] > 0
        late = await queue.enqueue(kind, 21)
        line.heal()
        done = await watching.wait(late.job_id, timeout_ms=60_000)
        assert (done.status, done.result, done.attempt) == (Status.COMPLETED, 42, 1)
        assert (await pending).result == 4
        beats = line.count(b"_renew")
        await until(lambda: line.count(b"_renew") > beats + 1)
        await until(lambda: line.count(b"SUBSCRIBE") >= listened)
