"""Jobs that went from their tenant's line to its lane unread: it holds more than a turn takes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cotiza_queue import Limits, NewJob, Queue
from cotiza_queue.store import audit
from cotiza_queue.store.commands import Commands, Delivery
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.views import Views
from engine.records import read

TENANTS, EACH, TAKEN = 6, 5, 4


@pytest.fixture
async def connection(redis_url: str) -> AsyncIterator[Connection]:
    found = Connection(redis_url)
    yield found
    await found.close()


async def fill(queue: Queue, kind: str, connection: Connection) -> tuple[list[str], str]:
    """All jobs in the order of their coming, after a turn has taken four; the id of tenant t0's
    third one, which has followed its first.
    """
    jobs = [NewJob(type=kind, payload=n, tenant=f"t{n % TENANTS}") for n in range(TENANTS * EACH)]
    ids = [found.job_id for found in await queue.enqueue_many(jobs)]
    assert [d.id for d in await take(connection, kind, TAKEN)] == ids[:TAKEN]
    follower = ids[2 * TENANTS]
    assert (await read(connection, kind, follower))[0].entry == ""
    return ids, follower


async def take(connection: Connection, kind: str, want: int) -> list[Delivery]:
    return (await Commands(connection).turn(kind, "w", want, [])).deliveries


async def test_all_start_once_and_in_turns(queue: Queue, kind: str, connection: Connection) -> None:
    ids, _ = await fill(queue, kind, connection)
    started = ids[:TAKEN]
    while brought := await take(connection, kind, TAKEN):
        started += [d.id for d in brought]
    assert started == ids
    assert "counter" not in (await queue.doctor()).counts


async def test_one_that_is_cancelled_never_starts_and_the_next_of_its_tenant_does(
    queue: Queue, kind: str, connection: Connection
) -> None:
    ids, follower = await fill(queue, kind, connection)
    await queue.cancel(follower)
    assert not {"counter", "lost_job", "ghost"} & set((await queue.doctor()).counts)
    started = ids[:TAKEN]
    while brought := await take(connection, kind, TAKEN):
        started += [d.id for d in brought]
    assert set(started) == set(ids) - {follower}
    assert len(started) == len(ids) - 1
    assert "counter" not in (await queue.doctor()).counts


async def test_the_doctor_misses_none_of_them_and_why_tells_their_place(
    queue: Queue, kind: str, connection: Connection
) -> None:
    _, follower = await fill(queue, kind, connection)
    assert not {"counter", "lost_job"} & set((await queue.doctor()).counts)
    seen = await Views(connection).why(kind, follower, "")
    assert seen is not None
    assert (seen.line, seen.line_more) == (2 * TENANTS - TAKEN, False)


@pytest.mark.parametrize(("most", "skipped"), [(2 * TENANTS, 0), (2 * TENANTS - 1, 1), (1, 1)])
@pytest.mark.row("D8")
async def test_a_lane_too_long_to_be_looked_through_for_them_is_said_to_be_skipped(
    queue: Queue,
    kind: str,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    skipped: int,
) -> None:
    await fill(queue, kind, connection)
    monkeypatch.setattr(audit, "UNREAD", most)
    report = await queue.doctor()
    assert [name for name in report.skipped if name == kind] == [kind] * skipped
    assert not [each for each in report.findings if (each.queue, each.code) == (kind, "lost_job")]


async def test_a_cap_that_is_set_meanwhile_sends_them_back_to_their_line(
    queue: Queue, kind: str, connection: Connection
) -> None:
    ids, follower = await fill(queue, kind, connection)
    await queue.limit(kind, Limits(concurrency=1), tenant="t0")
    started = [d.id for d in await take(connection, kind, len(ids))]
    assert follower not in started
    assert not {d for d in started if ids.index(d) % TENANTS == 0}
    await queue.limit(kind, Limits(), tenant="t0")
    started += [d.id for d in await take(connection, kind, len(ids))]
    assert set(started) | set(ids[:TAKEN]) == set(ids)
    assert "counter" not in (await queue.doctor()).counts
