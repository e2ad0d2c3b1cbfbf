"""Jobs that lie in the inbox of a damaged queue: none is lost, none is taken in twice, and the
doctor mends all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from cotiza_queue import Queue, Status
from cotiza_queue.engine import doctor
from cotiza_queue.errors import CotizaError, NotFound, QueueDamaged, QueueUnavailable
from cotiza_queue.model.policy import lane_of
from cotiza_queue.store import keys
from cotiza_queue.store.catalogue import FIXED
from cotiza_queue.store.commands import Commands, Delivery, Stand
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.hints import Hints

KIND = "parts"
P = keys.prefix(KIND)
SHORT = msgspec.msgpack.encode(2)
ODD = msgspec.msgpack.encode(["id", "t", None, "lane", 3, ":::", 0, None, None])[1:]


@pytest.fixture
async def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Queue]:
    """A queue on a server of this test alone."""
    monkeypatch.setattr(doctor, "SETTLE_S", 0.02)
    async with Queue(data_dir=tmp_path) as opened:
        yield opened


@pytest.fixture
async def raw(own: Queue) -> AsyncIterator[Connection]:
    connection = Connection(own.url)
    yield connection
    await connection.close()


async def listed(own: Queue) -> list[str]:
    """All jobs, the oldest first."""
    return [job.id for job in (await own.list(None, job_type=KIND)).items][::-1]


@pytest.mark.parametrize("end", ["LPUSH", "RPUSH"])
@pytest.mark.parametrize(
    "stray", [[b"x"], [b"1", b"2"], [b"1", b"\xc1", b"{}"], [b"1", SHORT, b"{}"], [b"1", ODD, b""]]
)
async def test_what_is_no_job_is_taken_out_from_between_the_jobs(
    own: Queue, raw: Connection, end: str, stray: list[bytes]
) -> None:
    ids = [(await own.enqueue(KIND, n)).job_id for n in range(3)]
    await raw.command(end, P + "inbox", *(stray if end == "RPUSH" else stray[::-1]))
    with pytest.raises(QueueDamaged, match="inbox"):
        await own.pause(KIND)
    assert (await own.doctor()).counts["inbox"] == len(stray)
    assert (await own.doctor(fix=True)).counts == {}
    assert await listed(own) == ids
    await own.cancel(ids[0])
    assert (await own.doctor()).counts == {}


async def test_a_job_that_was_handed_over_is_one_of_the_jobs(own: Queue, raw: Connection) -> None:
    told: list[Delivery] = []
    hints = Hints(raw, "w1", {}, {KIND: lambda delivery, _: told.append(delivery)})
    async with hints:
        await Commands(raw).turn(KIND, "w1", 1, [], stand=Stand(0, idle=True))
        made = await own.enqueue(KIND, 1)
        while not told:
            await asyncio.sleep(0.001)
    await raw.command("RPUSH", P + "inbox", b"1", SHORT, b"{}")
    assert (await own.doctor()).counts == {"inbox": 3}
    assert (await own.doctor(fix=True)).counts == {}
    found = await own.get(made.job_id)
    assert (found.status, found.worker) == (Status.ACTIVE, "w1")


@pytest.mark.parametrize("name", [kind.head for kind in FIXED if kind.head != "inbox"])
async def test_whichever_key_is_overwritten_the_jobs_of_the_inbox_come_in_once(
    own: Queue, raw: Connection, name: str
) -> None:
    kinds = {kind.head: kind.type for kind in FIXED}
    first = (await own.enqueue(KIND, 0)).job_id
    await own.get(first)
    ids = [first, *[(await own.enqueue(KIND, n)).job_id for n in range(5)]]
    await raw.command("DEL", P + name)
    foreign = ("SET", P + name, "x") if kinds[name] == "list" else ("RPUSH", P + name, "x")
    await raw.command(*foreign)
    for n in range(3):  # Each call tries again to place what lies there.
        try:
            ids.append((await own.enqueue(KIND, n)).job_id)
            await own.cancel("nobody")
        except CotizaError:
            continue
    report = await own.doctor(fix=True)
    assert (report.counts, report.findings) == ({}, [])
    assert sorted(await listed(own)) == sorted(ids)
    assert (await own.metrics(KIND))[0].waiting == len(ids)


async def test_a_queue_whose_numbers_are_lost_gives_none_of_them_out_again(
    own: Queue, raw: Connection
) -> None:
    ids = [(await own.enqueue(KIND, n)).job_id for n in range(3)]
    await own.get(ids[0])
    await raw.command("DEL", P + "meta")
    ids += [(await own.enqueue(KIND, n)).job_id for n in range(3)]
    assert await listed(own) == ids
    for id_ in ids[::2]:
        await own.cancel(id_)
    assert (await own.doctor()).counts == {}


async def test_a_job_that_the_server_does_not_let_us_place_is_not_said_to_be_gone(
    own: Queue, raw: Connection
) -> None:
    made = await own.enqueue(KIND, 1)
    await raw.command("CONFIG", "SET", "min-replicas-to-write", "1")
    for ask in (own.get, own.why, own.history):
        with pytest.raises(QueueUnavailable):
            await ask(made.job_id)
    with pytest.raises(NotFound):
        await own.get("nobody")
    await raw.command("CONFIG", "SET", "min-replicas-to-write", "0")
    assert (await own.get(made.job_id)).payload == 1


@pytest.mark.parametrize("name", ["class:open", "index", "counts", "events", "ready", "lanes"])
async def test_calls_that_can_not_place_a_full_inbox_leave_nothing_in_the_lanes(
    own: Queue, raw: Connection, name: str
) -> None:
    for n in range(100):
        await own.enqueue(KIND, n)
    lane = P + f"lane:{lane_of(0)}"
    await raw.command("SET", P + name, "of another type")
    for _ in range(3):
        with pytest.raises(QueueDamaged, match=name):
            await own.enqueue(KIND, {})
    assert await raw.command("XLEN", lane) == 0
    await raw.command("DEL", P + name)
    assert (await own.metrics(KIND))[0].waiting == 100
    assert (await own.doctor()).counts == {}
