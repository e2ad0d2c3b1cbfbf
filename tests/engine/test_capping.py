"""A tenant's cap that is set, taken away and set again while its jobs run: all of these count."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from cotiza_queue import NewJob, Queue
from cotiza_queue.engine import doctor
from cotiza_queue.store import keys
from cotiza_queue.store.commands import Commands, Delivery, Settlement
from cotiza_queue.store.connection import Connection

pytestmark = pytest.mark.row("C3")
A_LOOK = 2_000
"""So many held entries of a lane are read at once (lua/lib/45_active.lua)."""


@pytest.fixture
async def commands(redis_url: str) -> AsyncIterator[Commands]:
    connection = Connection(redis_url)
    yield Commands(connection)
    await connection.close()


async def add(queue: Queue, kind: str, tenant: str, count: int) -> None:
    jobs = [NewJob(type=kind, payload=n, tenant=tenant) for n in range(count)]
    await queue.enqueue_many(jobs)


async def end(commands: Commands, kind: str, held: Sequence[Delivery]) -> None:
    outcomes = [Settlement("complete", d.stored, d.token, b"1") for d in held]
    assert (await commands.turn(kind, "w", 0, outcomes)).answers == ["ok"] * len(held)


async def started(commands: Commands, kind: str, want: int = 10) -> int:
    return len((await commands.turn(kind, "w", want, [])).deliveries)


async def test_what_runs_when_a_cap_is_set_counts_for_it(
    queue: Queue, kind: str, commands: Commands
) -> None:
    await add(queue, kind, "a", 9)
    running = await commands.turn(kind, "w", 5, [])
    assert len(running.deliveries) == 5
    await queue.limit(kind, {"concurrency": 3}, tenant="a")
    assert await started(commands, kind) == 0
    await end(commands, kind, running.deliveries[:2])
    assert await started(commands, kind) == 0
    await end(commands, kind, running.deliveries[2:3])
    assert await started(commands, kind) == 1


async def test_a_cap_taken_away_and_set_again_counts_nothing_twice(
    queue: Queue, kind: str, commands: Commands
) -> None:
    await queue.limit(kind, {"concurrency": 2}, tenant="a")
    await add(queue, kind, "a", 20)
    first = await commands.turn(kind, "w", 10, [])
    assert len(first.deliveries) == 2
    await queue.limit(kind, {}, tenant="a")
    assert await started(commands, kind, 3) == 3
    for most in (6, 7):
        await queue.limit(kind, {"concurrency": most}, tenant="a")
        assert await started(commands, kind) == 1
    await queue.limit(kind, {}, tenant="a")
    await end(commands, kind, first.deliveries)
    await queue.limit(kind, {"concurrency": 6}, tenant="a")
    assert await started(commands, kind) == 1
    assert not [found for found in (await queue.doctor()).findings if found.queue == kind]


@pytest.mark.parametrize("running", [A_LOOK, A_LOOK + 1, 2 * A_LOOK])
async def test_a_cap_counts_more_jobs_than_one_look_reads(
    queue: Queue, kind: str, commands: Commands, running: int
) -> None:
    await add(queue, kind, "a", running + 2)
    taken = 0
    while taken < running:
        taken += await started(commands, kind, min(100, running - taken))
    await queue.limit(kind, {"concurrency": running + 1}, tenant="a")
    assert await started(commands, kind) == 1


async def test_a_cap_that_is_changed_reads_none_of_what_runs(tmp_path: Path) -> None:
    async with Queue(data_dir=tmp_path) as own:
        connection = Connection(own.url)
        await add(own, "parts", "a", 3)
        assert await started(Commands(connection), "parts") == 3
        looks = []
        for most in (2, 5):
            await own.limit("parts", {"concurrency": most}, tenant="a")
            stats = await connection.command("INFO", "commandstats")
            looks.append(stats["cmdstat_xpending"]["calls"])
        assert looks == [1, 1]
        await connection.close()


async def test_a_running_job_that_the_doctor_brings_back_counts_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "SETTLE_S", 0.02)
    async with Queue(data_dir=tmp_path) as own:
        connection = Connection(own.url)
        commands, prefix = Commands(connection), keys.prefix("parts")
        await own.limit("parts", {"concurrency": 2}, tenant="a")
        await add(own, "parts", "a", 1)
        assert await started(commands, "parts") == 1
        (lane,) = await connection.command("KEYS", prefix + "lane:*")
        await connection.command("DEL", lane)
        await own.limit("parts", {}, tenant="a")
        assert (await own.doctor(fix=True)).counts == {}
        again = await commands.turn("parts", "w", 1, [])
        await end(commands, "parts", again.deliveries)
        assert (await own.doctor()).counts == {}
        await connection.close()


async def test_what_runs_and_does_not_count_is_found_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "SETTLE_S", 0.02)
    async with Queue(data_dir=tmp_path) as own:
        connection = Connection(own.url)
        commands = Commands(connection)
        await add(own, "parts", "a", 5)
        running = await commands.turn("parts", "w", 2, [])
        (lane,) = await connection.command("KEYS", keys.prefix("parts") + "lane:*")
        await connection.command("XGROUP", "DESTROY", lane, "workers")  # Nobody holds them now.
        await own.limit("parts", {"concurrency": 2}, tenant="a")
        assert await started(commands, "parts") == 2  # Two too many: what ran was not seen.
        assert (await own.doctor()).counts == {"counter": 2}
        assert (await own.doctor(fix=True)).counts == {}
        await end(commands, "parts", running.deliveries)
        assert await started(commands, "parts") == 0
        assert (await own.doctor()).counts == {}
        await connection.close()
