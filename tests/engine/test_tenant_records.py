"""A tenant's record: its numbers, which are its newest jobs, and who is first in its line. What
does not fit there lies apart, and nobody sees a difference.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cotiza_queue import NewJob, Queue, Status
from cotiza_queue.store.commands import Commands, Settlement
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import public
from engine.records import TenantRecord, tenant_of

PLACES_BYTES = 64
SHORT_LINE = 2
WINDOW = 2
BYTE = 128
"""A number below it is one byte of the record."""


class Keys:
    """What lies on the server of tenant ``t``."""

    def __init__(self, connection: Connection, kind: str) -> None:
        self.connection, self.prefix = connection, f"{{cq:{kind}}}:"
        self.commands, self.kind = Commands(connection), kind

    async def packed(self) -> bytes | None:
        found: bytes | None = await self.connection.command("HGET", self.prefix + "tenants", "t")
        return found

    async def record(self) -> TenantRecord:
        return tenant_of(await self.packed() or b"\0\0\0\0")

    async def indexed(self) -> int:
        """Blocks named by its set."""
        return int(await self.connection.command("ZCARD", self.prefix + "index:t"))

    async def listed(self) -> int:
        """Jobs in the list of its line."""
        (key,) = await self.connection.command("KEYS", self.prefix + "backlog:*") or (b"none",)
        return int(await self.connection.command("LLEN", key))

    async def started(self, want: int) -> list[str]:
        turn = await self.commands.turn(self.kind, "w", want, [])
        ends = [Settlement("complete", d.stored, d.token, b"1") for d in turn.deliveries]
        await self.commands.turn(self.kind, "w", 0, ends)
        return [d.id for d in turn.deliveries]


@pytest.fixture
async def keys(redis_url: str, kind: str) -> AsyncIterator[Keys]:
    connection = Connection(redis_url)
    yield Keys(connection, kind)
    await connection.close()


async def bring(queue: Queue, kind: str, count: int) -> list[str]:
    """Jobs that come with one call, and have their places."""
    jobs = [NewJob(type=kind, payload=n, tenant="t") for n in range(count)]
    ids = [found.job_id for found in await queue.enqueue_many(jobs)]  # type: ignore[union-attr]
    await queue.metrics(kind)
    return ids


async def listing(queue: Queue, kind: str, status: Status | None = None) -> list[str]:
    """All pages, three jobs each."""
    ids: list[str] = []
    cursor = None
    while True:
        page = await queue.list("t", job_type=kind, status=status, limit=3, cursor=cursor)
        ids += [job.id for job in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids


async def test_jobs_are_named_by_the_record_until_they_are_too_many(
    queue: Queue, kind: str, keys: Keys
) -> None:
    ids: list[str] = []
    size = 0
    while not await keys.indexed():
        assert len((await keys.record()).places) == len(ids) if ids else True
        ids += await bring(queue, kind, 1)
        size += len(f" {16 * len(ids):x}")
    assert size - len(f" {16 * len(ids):x}") <= PLACES_BYTES < size
    assert (await keys.record()).places == []
    assert await keys.indexed() == len(ids)
    ids += await bring(queue, kind, 1)
    assert (await keys.record()).places == []
    assert await keys.indexed() == len(ids)
    assert await listing(queue, kind) == ids[::-1]


async def test_what_comes_with_one_call_may_be_named_by_both(
    queue: Queue, kind: str, keys: Keys
) -> None:
    ids = [*await bring(queue, kind, 1), *await bring(queue, kind, 16)]
    assert len((await keys.record()).places) == 1 + 16
    assert await keys.indexed() == 0
    ids += await bring(queue, kind, 17)
    assert await keys.indexed() >= 1 + 1 + 2
    assert (await keys.record()).places == []
    assert await listing(queue, kind) == ids[::-1]


@pytest.mark.parametrize("calls", [3, 30])
async def test_a_listing_by_status_is_alike_wherever_the_blocks_are_named(
    queue: Queue, kind: str, keys: Keys, calls: int
) -> None:
    ids: list[str] = []
    for _ in range(calls):
        ids += await bring(queue, kind, 2)
    assert bool(await keys.indexed()) is (calls == 30)
    done = await keys.started(calls)
    assert await listing(queue, kind, Status.COMPLETED) == sorted(done, key=ids.index)[::-1]
    waiting = [id_ for id_ in ids if id_ not in done]
    assert await listing(queue, kind, Status.WAITING) == waiting[::-1]
    assert (await queue.doctor()).counts.keys() & {"index", "dangling", "counter"} == set()


async def test_a_tenant_without_jobs_has_no_key_and_begins_anew(
    queue: Queue, kind: str, keys: Keys
) -> None:
    await bring(queue, kind, 40)
    await keys.started(40)
    assert await keys.indexed() >= 3
    assert await queue.clean(kind, status=Status.COMPLETED, tenant="t") == 40
    assert await keys.connection.command("KEYS", keys.prefix + "*:t") == []
    assert await keys.packed() is None
    await bring(queue, kind, 1)
    assert len((await keys.record()).places) == 1
    assert await keys.indexed() == 0


@pytest.mark.parametrize("behind", [SHORT_LINE - 1, SHORT_LINE, SHORT_LINE + 1])
async def test_a_line_of_two_needs_no_list_and_each_line_keeps_its_order(
    queue: Queue, kind: str, keys: Keys, behind: int
) -> None:
    ids: list[str] = []
    for _ in range(WINDOW + behind):
        ids += await bring(queue, kind, 1)
    short = behind <= SHORT_LINE
    line = [public(id_, kind) for id_ in (await keys.record()).line]
    assert line == (ids[WINDOW:] if short else [])
    assert await keys.listed() == (0 if short else behind)
    started = [*await keys.started(1), *await keys.started(1)]
    ids += await bring(queue, kind, 1)
    while brought := await keys.started(1):
        started += brought
    assert started == ids


@pytest.mark.parametrize("count", [BYTE - 1, BYTE])
async def test_numbers_from_128_on_are_packed(
    queue: Queue, kind: str, keys: Keys, count: int
) -> None:
    ids = await bring(queue, kind, count)
    assert ((await keys.packed() or b"")[0] < BYTE) is (count < BYTE)
    numbers = (await keys.record()).numbers
    assert numbers["there"] == count
    assert count - WINDOW in numbers.values()
    started: list[str] = []
    while brought := await keys.started(10):
        started += brought
    assert started == ids
    assert (await keys.record()).numbers == {}


async def test_the_doctor_counts_a_short_line_of_a_lane_that_nobody_has_used(
    queue: Queue, kind: str
) -> None:
    await queue.pause(kind, tenant="t")
    job = await queue.enqueue(kind, 1, tenant="t", options={"attempts": 2, "uniqueKey": "u"})
    report = await queue.doctor(fix=True)
    assert [found for found in report.findings if found.queue == kind] == []
    await queue.resume(kind, tenant="t")
    turn = await Commands(queue._link.connection).turn(kind, "w1", 1, [])
    assert [delivery.id for delivery in turn.deliveries] == [job.job_id]
