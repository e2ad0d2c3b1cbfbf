"""The doctor: nothing to find after any work, each damage found by its name, and mended without
loss.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cotiza_queue import JobOptions, NewJob, Queue, Status, Worker, WorkerOptions
from cotiza_queue.engine import doctor
from cotiza_queue.engine.doctor import CHECKS, Report
from cotiza_queue.errors import Conflict, NotFound
from cotiza_queue.store import audit
from cotiza_queue.store.commands import Commands
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import public
from engine.harms import HARMS, KIND, P, Site
from engine.records import read, recount, rewrite

pytestmark = pytest.mark.row("D8")
OPTIONS = WorkerOptions(handle_signals=False, lease_ms=300, drain_ms=2000)


@pytest.fixture
async def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Queue]:
    """A queue on a server of this test alone: the doctor looks at all that a server holds."""
    monkeypatch.setattr(doctor, "SETTLE_S", 0.02)
    async with Queue(data_dir=tmp_path) as opened:
        yield opened


async def work(payload: Any, context: Any) -> Any:
    context.progress(50, "half")
    await asyncio.sleep(0.002)
    if isinstance(payload, int) and payload % 10 == 3:
        raise ValueError("bad")
    return payload


async def until(fact: Callable[[], Awaitable[object]]) -> None:
    while not await fact():
        await asyncio.sleep(0.02)


async def ended(queue: Queue) -> int:
    found = (await queue.metrics(KIND))[0]
    return found.completed + found.failed + found.cancelled


def mixed(n: int) -> list[NewJob]:
    """Jobs of three tenants with tags, unique keys, delays, deadlines, retention by number."""
    extra: list[dict[str, Any]] = [
        {"tags": ["steel", "rush"]},
        {"delay": 50},
        {"removeOnComplete": 5},
        {"removeOnComplete": True},
        {"deadline": 600_000},
        {},
    ]
    return [
        NewJob(
            type=KIND,
            payload=i,
            tenant=f"t{i % 3}",
            options=msgspec.convert(
                {
                    "attempts": 1 + i % 2,
                    "priority": 5 * (i % 4),
                    "backoff": {"type": "fixed", "delay": 10},
                    "uniqueKey": f"k{i}",
                    **extra[i % len(extra)],
                },
                JobOptions,
            ),
        )
        for i in range(n)
    ]


async def test_after_a_mixed_load_on_running_workers_the_doctor_finds_nothing(own: Queue) -> None:
    workers = [Worker({KIND: work}, own.url, options=OPTIONS) for _ in range(2)]
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(worker.run()) for worker in workers]
        added = await own.enqueue_many(mixed(600))
        await own.add_recurring(KIND, 1, "0 0 1 1 *", key="yearly")
        for answer in added[::20]:
            with suppress(Conflict, NotFound):
                await own.cancel(answer.job_id)  # type: ignore[union-attr]
        during = await own.doctor()
        assert (during.findings, during.counts) == ([], {})
        await until(lambda: _drained(own))
        letters, *_ = await own.dead_letters(job_type=KIND)
        for letter in letters[:5]:
            await own.replay(letter.job_id)
        await until(lambda: _drained(own))
        for worker in workers:
            worker.stop()
        await asyncio.gather(*running)
    after = await own.doctor()
    assert (after.findings, after.counts, after.clean) == ([], {}, True)
    assert after.pages > 10


async def _drained(queue: Queue) -> bool:
    found = (await queue.metrics(KIND))[0]
    return found.waiting + found.active + found.delayed == 0


@pytest.fixture
async def site(own: Queue) -> AsyncIterator[Site]:
    worker = Worker({KIND: work}, own.url, options=OPTIONS)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(worker.run())
        options = {"attempts": 1, "tags": ["steel"], "removeOnFail": 5}
        done = await own.enqueue(KIND, 1, tenant="a", options={"tags": ["steel"]})
        failed = await own.enqueue(KIND, 3, tenant="a", options=options)
        for job in (done, failed):
            await own.wait(job.job_id)
        four = await many(own, [4, 5, 6, 7], "a")
        for job_id in four:
            await own.wait(job_id)
        worker.stop()
        await running
    connection = Connection(own.url)
    held = await own.enqueue(KIND, "held", tenant="b")
    await Commands(connection).turn(KIND, "gone", 1, [])
    later = await own.schedule(KIND, "later", 1, tenant="b")
    names = [f"line-{n}" for n in range(6)]
    line = await many(own, names, "c")
    (number,) = await connection.command("HKEYS", P + "lanes")
    assert (await read(connection, KIND, line[0]))[0].entry
    assert not (await read(connection, KIND, line[5]))[0].entry
    place = (await read(connection, KIND, four[0]))[0].seq
    open_ = frozenset({held.job_id, later.job_id, *line})
    await own.add_recurring(KIND, 1, "0 0 1 1 *", key="yearly")
    yield Site(
        own, connection, done.job_id, P + f"bodies:{place}", failed.job_id, later.job_id, line[0],
        line[5], held.job_id, P + f"lane:{number.decode()}", open_,
    )  # fmt: skip
    await connection.close()


async def many(queue: Queue, payloads: Sequence[Any], tenant: str) -> list[str]:
    """Jobs that come with one call, each with a unique key."""
    options = [JobOptions(unique_key=str(each)) for each in payloads]
    rows = zip(payloads, options, strict=True)
    jobs = [NewJob(type=KIND, payload=p, tenant=tenant, options=asked) for p, asked in rows]
    return [answer.job_id for answer in await queue.enqueue_many(jobs)]  # type: ignore[union-attr]


UNMENDED = {"unknown_key"}


@pytest.mark.parametrize("name", HARMS)
async def test_each_damage_is_found_by_its_name_and_mended_and_no_job_is_lost(
    site: Site, name: str
) -> None:
    code, harm = HARMS[name]
    assert (await site.queue.doctor()).counts == {}
    await harm(site)
    found = await site.queue.doctor()
    assert code in found.counts, found
    assert not found.clean
    mended = await site.queue.doctor(fix=True)
    if code not in UNMENDED:
        assert code in {finding.code for finding in mended.repaired}
        assert mended.counts == {}, mended
        assert (await site.queue.doctor(fix=True)).repaired == []
    await all_end(site)
    assert set((await site.queue.doctor()).counts) <= UNMENDED


async def all_end(site: Site) -> None:
    """Every job that was open when the harm was done ends well."""
    worker = Worker({KIND: work}, site.queue.url, options=OPTIONS)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(worker.run())
        for job_id in site.open:
            job = await site.queue.wait(job_id, timeout_ms=60_000)
            assert job.status is Status.COMPLETED
        worker.stop()
        await running


async def test_a_line_that_nobody_moves_on_is_found_and_moved(site: Site) -> None:
    number = site.lane.rpartition(":")[2]
    for _ in range(2):
        (entry, fields), *_ = await site.do("XRANGE", site.lane, "(" + await _last(site), "+")
        lies = fields[1] if isinstance(fields, list) else fields[b"/"]
        await site.do("XDEL", site.lane, entry)
        await rewrite(site.connection, KIND, public(lies, KIND), entry="")
        await site.do("RPUSH", P + f"backlog:{number}:c", lies)
    counts = {f"in:{number}": None, f"back:{number}": 6}
    await recount(site.connection, KIND, "c", **counts)
    await site.do("HSET", P + "lanes", number, 0)
    assert set((await site.queue.doctor()).counts) == {"stuck_line"}
    assert (await site.queue.doctor(fix=True)).counts == {}
    await all_end(site)


async def _last(site: Site) -> str:
    (group,) = await site.do("XINFO", "GROUPS", site.lane)
    fours = group if isinstance(group, dict) else dict(zip(group[::2], group[1::2], strict=True))
    last = fours.get(b"last-delivered-id") or fours.get("last-delivered-id")
    return str(last.decode() if isinstance(last, bytes) else last)


async def test_a_job_blocked_behind_one_that_forgot_it_is_found_and_runs(own: Queue) -> None:
    connection = Connection(own.url)
    options: dict[str, Any] = {"uniqueKey": "k", "onDuplicate": "next"}
    first = await own.enqueue(KIND, 1, options=options)
    await Commands(connection).turn(KIND, "gone", 1, [])
    second = await own.enqueue(KIND, 2, options=options)
    assert (await own.get(second.job_id)).status is Status.BLOCKED
    assert (await own.doctor()).counts == {}
    await rewrite(connection, KIND, first.job_id, rare=False)
    assert (await own.doctor()).counts == {"lost_job": 1}
    assert (await own.doctor(fix=True)).counts == {}
    assert (await own.get(second.job_id)).status is Status.WAITING
    await connection.command("HSET", P + "counts", "blocked", 7)
    assert (await own.doctor()).counts == {"counter": 1}
    await connection.close()


async def test_more_tenants_than_a_page_holds_are_all_looked_at(
    own: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "TENANTS", 3)
    monkeypatch.setattr(audit, "SCANNED", 5)
    for n in range(40):
        await own.enqueue(KIND, n, tenant=f"t{n % 8}", options={"tags": ["x"]})
    assert (await own.doctor()).counts == {}
    connection = Connection(own.url)
    for n in range(8):
        await recount(connection, KIND, f"t{n}", active=5)
    # And that there are limited tenants.
    assert (await own.doctor()).counts == {"counter": 8 + 1}
    assert (await own.doctor(fix=True)).counts == {}
    monkeypatch.setattr(audit, "COUNTED", 3)
    assert (await own.doctor()).skipped[:1] == [KIND]
    await connection.close()


@pytest.mark.parametrize(
    ("most", "found", "skipped"), [(40, 1, 0), (39, 1, 1), (4, 1, 1), (3, 0, 1)]
)
async def test_counters_of_more_jobs_than_one_look_counts_are_said_to_be_skipped(
    own: Queue, monkeypatch: pytest.MonkeyPatch, most: int, found: int, skipped: int
) -> None:
    monkeypatch.setattr(audit, "COUNTED", most)
    for n in range(40):  # Each with an id of its own choice, so each gets a block of its own.
        await own.enqueue(KIND, n, options={"jobId": f"job-{n}"})
    connection = Connection(own.url)
    await connection.command("HSET", P + "counts", "completed", 1)
    await connection.close()
    report = await own.doctor()
    assert report.counts.get("counter", 0) == found
    assert report.skipped == [KIND] * skipped


def test_each_check_is_shown_by_a_damage() -> None:
    assert {code for code, _ in HARMS.values()} | {"stuck_line"} == set(CHECKS)


HARM_NO_OTHER = {"lost_job", "delayed", "index", "tag", "retention", "dangling", "orphan", "unique"}


async def test_many_damages_at_once_are_all_mended(site: Site) -> None:
    for name, (code, harm) in HARMS.items():
        if code in HARM_NO_OTHER and name != "a lane lost":
            await harm(site)
    await site.do("DEL", P + "counts", P + "tenant:c", P + "ready")
    found = await site.queue.doctor()
    assert set(found.counts) >= HARM_NO_OTHER
    mended: Report = await site.queue.doctor(fix=True)
    assert mended.counts == {}, mended
    await all_end(site)
    assert (await site.queue.doctor()).counts == {}
