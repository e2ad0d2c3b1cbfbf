"""A plain job that comes alone lies in the inbox until the next call, and nobody can tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from cotiza_queue import Limits, NewJob, Queue, Status
from cotiza_queue.store import asked, keys
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.events import Listener
from engine.records import key_of

MOST = 100
"""lua/lib/66_inbox.lua"""
FIELDS = 3


@pytest.fixture
async def raw(redis_url: str) -> AsyncIterator[Connection]:
    connection = Connection(redis_url)
    yield connection
    await connection.close()


async def lying(raw: Connection, kind: str) -> int:
    """How many jobs lie in the inbox."""
    return int(await raw.command("LLEN", keys.prefix(kind) + "inbox")) // FIELDS


async def test_whoever_asks_finds_a_job_that_has_just_come(
    queue: Queue, kind: str, raw: Connection
) -> None:
    for n, ask in enumerate(
        (
            lambda id_: queue.get(id_),
            lambda id_: queue.list(None, job_type=kind),
            lambda id_: queue.metrics(kind),
            lambda id_: queue.why(id_),
            lambda id_: queue.history(id_),
            lambda id_: queue.cancel(id_),
        )
    ):
        made = await queue.enqueue(kind, n)
        assert await lying(raw, kind) == 1
        await ask(made.job_id)
        assert await lying(raw, kind) == 0
        found = await queue.get(made.job_id)
        assert (found.payload, found.created_ms) == (n, made.created_ms)
    (metrics,) = await queue.metrics(kind)
    assert (metrics.waiting, metrics.cancelled) == (5, 1)
    assert len((await queue.list(None, job_type=kind)).items) == 6


async def test_the_oldest_one_waits_since_it_came(queue: Queue, kind: str, raw: Connection) -> None:
    made = await queue.enqueue(kind, 0)
    while int((await raw.command("TIME"))[0]) * 1000 < made.created_ms + 1000:
        await asyncio.sleep(0.05)
    assert await lying(raw, kind) == 1
    assert (await queue.metrics(kind))[0].oldest_waiting_ms >= 1000 - 1


async def test_jobs_run_in_the_order_they_came_however_they_came(
    queue: Queue, kind: str, working: Any, raw: Connection
) -> None:
    ran: list[int] = []

    async def note(payload: int, context: Any) -> None:
        ran.append(payload)

    for n in range(0, 30, 5):
        await queue.enqueue(kind, n)
        await queue.enqueue(kind, n + 1)
        await queue.enqueue_many([NewJob(type=kind, payload=n + more) for more in (2, 3)])
        last = await queue.enqueue(kind, n + 4)
    async with working({kind: note}, concurrency=1):
        await queue.wait(last.job_id)
    assert ran == list(range(30))


async def test_the_inbox_holds_a_hundred_and_the_next_one_has_them_placed(
    queue: Queue, kind: str, raw: Connection
) -> None:
    for _ in range(MOST):
        await queue.enqueue(kind, {})
    assert await lying(raw, kind) == MOST
    counts = keys.prefix(kind) + "counts"
    assert await raw.command("HGET", counts, "waiting") is None
    await queue.enqueue(kind, {})
    assert await lying(raw, kind) == 1
    assert await raw.command("HGET", counts, "waiting") == b"%d" % MOST
    assert (await queue.metrics(kind))[0].waiting == MOST + 1


async def test_what_asks_for_more_than_to_wait_is_placed_at_once(
    queue: Queue, kind: str, raw: Connection
) -> None:
    for options in (
        {"jobId": "mine"}, {"uniqueKey": "u"}, {"delay": 60_000}, {"deadline": 60_000},
        {"tags": ["a", "b", "c", "d", "e"]},
    ):  # fmt: skip
        await queue.enqueue(kind, {}, options=options)
        assert await lying(raw, kind) == 0
    await queue.enqueue(kind, {}, idempotency_key="once")
    assert await lying(raw, kind) == 0
    await queue.enqueue_many([NewJob(type=kind, payload={})])
    assert await lying(raw, kind) == 0
    for options in ({"priority": 3}, {"tags": ["a", "b", "c", "d"]}, {"attempts": 1}, {"cost": 2}):
        await queue.enqueue(kind, {}, options=options)
    assert await lying(raw, kind) == 4


@pytest.mark.parametrize("more", [0, 1])
async def test_a_large_body_is_not_copied_twice(
    queue: Queue, kind: str, raw: Connection, more: int
) -> None:
    made = await queue.enqueue(kind, "")
    body = await _body(queue, raw, kind, made.job_id)
    # From 256 bytes on, the length of a text takes more room; measured once, then it is exact.
    made = await queue.enqueue(kind, "x" * 1000)
    room = asked.INBOX_BYTES - (len(await _body(queue, raw, kind, made.job_id)) - 1000)
    assert room > 1000 > len(body)
    made = await queue.enqueue(kind, "x" * (room + more))
    assert await lying(raw, kind) == 1 - more
    assert len(await _body(queue, raw, kind, made.job_id)) == asked.INBOX_BYTES + more


async def _body(queue: Queue, raw: Connection, kind: str, job_id: str) -> bytes:
    await queue.get(job_id)
    found: bytes = await raw.command("GET", key_of(kind, job_id, "body"))
    return found


@pytest.mark.parametrize("who", [None, "a"])
async def test_where_jobs_are_limited_by_number_each_is_counted_before_it_comes_in(
    queue: Queue, kind: str, raw: Connection, who: str | None
) -> None:
    await queue.enqueue(kind, {}, tenant="a")
    await queue.limit(kind, Limits(depth=2), tenant=who)
    await queue.enqueue(kind, {}, tenant="a")
    assert await lying(raw, kind) == 0
    with pytest.raises(Exception, match="as many jobs waiting"):
        await queue.enqueue(kind, {}, tenant="a")
    await queue.limit(kind, Limits(depth=None), tenant=who)
    await queue.enqueue(kind, {}, tenant="a")
    assert (await queue.metrics(kind))[0].waiting == 3


async def test_placing_that_was_broken_off_goes_on_and_makes_no_job_twice(
    queue: Queue, kind: str, raw: Connection
) -> None:
    ids = [(await queue.enqueue(kind, n)).job_id for n in range(3)]
    key = keys.prefix(kind) + "inbox"
    there = await raw.command("LRANGE", key, 0, -1)
    await queue.get(ids[0])
    await raw.command("RPUSH", key, *there)  # As if the script had ended before its last command.
    ids.append((await queue.enqueue(kind, 3)).job_id)
    page = await queue.list(None, job_type=kind)
    assert [job.id for job in page.items] == ids[::-1]
    assert (await queue.metrics(kind))[0].waiting == 4
    report = await queue.doctor()
    assert not [found for found in report.findings if found.queue == kind]


async def test_a_follower_hears_of_it_although_nobody_works(queue: Queue, kind: str) -> None:
    await queue.enqueue(kind, 1, tenant=kind)
    listener = Listener([kind], tenant=kind)
    await queue._link.events.join(listener)
    made = await queue.enqueue(kind, 2, tenant=kind)
    event = await listener.next()
    queue._link.events.leave(listener)
    assert (event.name, event.job_id) == ("waiting", made.job_id)


async def test_a_stream_of_one_job_does_not_say_twice_that_it_waits(
    queue: Queue, kind: str
) -> None:
    made = await queue.enqueue(kind, {})
    names = []
    async with aclosing(queue.events(made.job_id)) as stream:  # type: ignore[type-var]
        names.append((await anext(stream)).name)
        await queue.cancel(made.job_id)
        names += [event.name async for event in stream]
    assert names == ["state", "cancelled"]


async def test_jobs_of_a_damaged_queue_wait_in_the_inbox_until_it_is_mended(tmp_path: Path) -> None:
    async with Queue(data_dir=tmp_path) as queue:
        raw = Connection(queue.url)
        ids = [(await queue.enqueue("parts", n)).job_id for n in range(2)]
        await raw.command("SET", keys.prefix("parts") + "index", "not a sorted set")
        ids.append((await queue.enqueue("parts", 2)).job_id)
        assert await lying(raw, "parts") == 3
        assert (await queue.doctor(fix=True)).counts == {}
        page = await queue.list(None, job_type="parts")
        assert [job.id for job in page.items] == ids[::-1]
        assert {job.status for job in page.items} == {Status.WAITING}
        await raw.close()
