"""Job ids lie short in Redis, and nobody outside sees them so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from cotiza_queue import JobOptions, JobType, NewJob, Queue, Status
from cotiza_queue.engine import doctor
from cotiza_queue.engine.intake import intake_of
from cotiza_queue.middleware import Transition
from cotiza_queue.model.job import Enqueued
from cotiza_queue.store import keys
from cotiza_queue.store.commands import Commands, Settlement
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import public, stored
from cotiza_queue.telemetry import Silent
from engine.records import run_of

KIND, TENANT = "parts", "acme"
NEXT: dict[str, Any] = {"uniqueKey": "k", "onDuplicate": "next"}
FAILURE = b'{"code":"x","message":"m","at":1,"attempt":1,"worker":"w"}'


class Site(NamedTuple):
    """A queue with a job in each place. ``ids``: of all that were ever there."""

    queue: Queue
    connection: Connection
    commands: Commands
    ids: dict[str, str]


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(doctor, "SETTLE_S", 0.02)
    async with Queue(data_dir=tmp_path) as queue:
        connection = Connection(queue.url)
        built = Site(queue, connection, Commands(connection), {})
        await end_some(built)
        await run_some(built)
        await leave_some(built)
        yield built
        await connection.close()


async def put(site: Site, name: str, key: str | None = None, **options: Any) -> str:
    answer = await site.queue.enqueue(
        KIND, name, tenant=TENANT, options=options, idempotency_key=key
    )
    site.ids[name] = answer.job_id
    return answer.job_id


async def end_some(site: Site) -> None:
    """Completed, failed with a dead letter, failed and replayed, gone; one with large content."""
    commands, large = site.commands, b'"%s"' % (b"r" * 300)
    await put(site, "done", key="once", tags=["steel"], removeOnComplete=5)
    await put(site, "large", removeOnComplete=5)
    await put(site, "failed", attempts=1, removeOnFail=5)
    await put(site, "gone", uniqueKey="span", uniqueFor=600_000, removeOnComplete=True)
    taken = (await commands.turn(KIND, "w", 9, [])).deliveries
    done, big, failed, gone = taken
    assert await commands.save(KIND, failed, "step:a", b"1") == "ok"
    assert await commands.progress(KIND, failed.id, failed.token, b'{"step":"half"}')
    ends = [
        Settlement("complete", done.stored, done.token, b"1"),
        Settlement("complete", big.stored, big.token, large),
        Settlement("fail", failed.stored, failed.token, FAILURE),
        Settlement("complete", gone.stored, gone.token, b"1"),
    ]
    assert (await commands.turn(KIND, "w", 0, ends)).answers == ["ok"] * 4
    again = await put(site, "again", attempts=2)
    await site.queue.cancel(again)
    await site.queue.replay(again)


async def run_some(site: Site) -> None:
    """Active, blocked behind it, and put off after an attempt."""
    await put(site, "active", **NEXT)
    await put(site, "retried", attempts=3)
    taken = {d.id: d for d in (await site.commands.turn(KIND, "w", 9, [])).deliveries}
    await put(site, "blocked", **NEXT)
    retried = taken[site.ids["retried"]]
    late = Settlement("retry", retried.stored, retried.token, FAILURE, 3_600_000)
    await site.commands.turn(KIND, "w", 0, [late])


async def leave_some(site: Site) -> None:
    """Waiting in a lane, in a line, delayed, from a schedule, cancelled."""
    names = [f"line {n}" for n in range(5)]
    made = await site.queue.enqueue_many(
        [NewJob(type=KIND, payload=name, tenant=TENANT) for name in names]
    )
    site.ids.update(zip(names, [one.job_id for one in made], strict=True))  # type: ignore[union-attr]
    await put(site, "later", delay=3_600_000, tags=["steel"])
    await put(site, "mine", jobId="order-7")
    await site.queue.cancel(await put(site, "cancelled"))
    schedule = await site.queue.add_recurring(KIND, 1, "0 0 1 1 *", key="yearly", tenant=TENANT)
    run = await site.queue.run_schedule(schedule.id, tenant=TENANT)
    site.ids["scheduled"] = run.job_id


async def content(connection: Connection) -> bytes:
    """All keys and values there are."""
    reads: dict[str, tuple[str | int, ...]] = {
        "string": ("GET",), "hash": ("HGETALL",), "list": ("LRANGE", 0, -1),
        "zset": ("ZRANGE", 0, -1), "stream": ("XRANGE", "-", "+"), "set": ("SMEMBERS",),
    }  # fmt: skip
    found = []
    for key in await connection.command("KEYS", "*"):
        kind = await connection.command("TYPE", key)
        command, *rest = reads[kind if isinstance(kind, str) else kind.decode()]
        found += [key, *_flat(await connection.command(command, key, *rest))]
    return b"\n".join(found)


def _flat(value: Any) -> list[bytes]:
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, list | tuple | set):
        return [part for each in value for part in _flat(each)]
    return [value if isinstance(value, bytes) else str(value).encode()]


async def test_no_id_of_ours_lies_in_its_long_form_in_any_key_or_value(site: Site) -> None:
    all_of_it = await content(site.connection)
    long = {name: id_ for name, id_ in site.ids.items() if len(id_) == 34}
    assert set(site.ids) - set(long) == {"mine"}
    assert [name for name, id_ in long.items() if id_[:30].encode() in all_of_it] == []
    for name, id_ in long.items():
        assert stored(id_, KIND)[10:] in all_of_it, name
    assert b"#" + site.ids["mine"].encode() in all_of_it


async def test_listings_views_and_letters_have_the_ids_that_callers_know(site: Site) -> None:
    queue, there = site.queue, set(site.ids) - {"gone"}
    known = {site.ids[name] for name in there}
    for tenant in (None, TENANT):
        assert {job.id for job in (await queue.list(tenant, limit=100)).items} == known
    steel = (await queue.list(TENANT, job_type=KIND, tag="steel")).items
    assert {job.id for job in steel} == {site.ids["done"], site.ids["later"]}
    for status in Status:
        for job in (await queue.list(TENANT, status=status, limit=100)).items:
            assert (job.id in known, job.status) == (True, status)
    for name in there:
        job = await queue.get(site.ids[name])
        assert job.id == site.ids[name]
        assert (await queue.why(job.id)).job_id == job.id
        assert await queue.history(job.id)
    assert (await queue.get("order-7", tenant=TENANT)).id == site.ids["mine"]
    (letter,), _ = await queue.dead_letters(job_type=KIND)
    assert letter.job_id == (await queue.dead_letter(site.ids["failed"])).job_id
    assert letter.job_id == site.ids["failed"]
    assert site.ids["active"] in str(await queue.why(site.ids["blocked"]))


async def test_what_is_known_already_is_answered_by_its_id(site: Site) -> None:
    assert (
        await put(site, "done", key="once", tags=["steel"], removeOnComplete=5)
        == (site.ids["done"])
    )
    span: dict[str, Any] = {"uniqueKey": "span", "uniqueFor": 600_000, "removeOnComplete": True}
    before = site.ids["gone"]
    assert await put(site, "gone", **span) == before
    assert await put(site, "next", **NEXT) == site.ids["blocked"]


async def test_every_event_is_of_a_job_by_the_id_that_callers_know(site: Site) -> None:
    place = f"{site.ids['done'][-4:]}:0-0"
    heard: dict[str, list[str]] = {}
    async with aclosing(site.queue.tenant_events(TENANT, after=place)) as stream:  # type: ignore[type-var]
        while site.ids["scheduled"] not in heard:
            event = await anext(stream)
            heard.setdefault(event.job_id, []).append(event.name)
    assert set(heard) == set(site.ids.values())
    assert heard[site.ids["failed"]] == ["waiting", "active", "progress", "failed"]


async def test_the_doctor_speaks_of_jobs_by_the_ids_that_callers_know(site: Site) -> None:
    assert (await site.queue.doctor()).counts == {}
    head, named = keys.prefix(KIND), {n: stored(id_, KIND) for n, id_ in site.ids.items()}
    do = site.connection.command
    await do("ZADD", head + "delayed", 1, named["done"])
    await do("RPUSH", (head + "failures:").encode() + named["gone"], FAILURE)
    await do("SET", head + "unique:x", named["later"])
    await do("HSET", *run_of(KIND, site.ids["line 4"]), "broken")
    report = await site.queue.doctor()
    told = {(one.code, one.subject, one.detail) for one in report.findings}
    wanted = {
        ("delayed", site.ids["done"], "wrongly in delayed"),
        ("orphan", f"failures:{site.ids['gone']}", f"without {site.ids['gone']}"),
        ("unique", "unique:x", f"held by {site.ids['later']}, which is delayed"),
        ("broken_job", site.ids["line 4"], "its record can't be read"),
    }
    assert wanted <= told
    assert (await site.queue.doctor(fix=True)).counts == {}


class Heard(Silent):
    """What a worker logs, and what hooks are told."""

    def __init__(self) -> None:
        self.logged: list[tuple[str, object]] = []
        self.moved: list[tuple[Status, str]] = []

    def say(self, name: str, **fields: Any) -> None:
        self.logged.append((name, fields.get("job")))

    warn = say

    def on_transition(self, event: Transition) -> None:
        self.moved.append((event.status, event.job_id))


async def test_processors_hooks_and_logs_know_jobs_by_the_ids_that_callers_know(
    queue: Queue, kind: str, working: Callable[..., Any]
) -> None:
    heard, seen = Heard(), dict[str, str]()
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def work(payload: Any, context: Any) -> None:
        seen[payload] = context.job_id
        if payload == "bad":
            raise ValueError("bad")
        if payload == "long":
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

    async with working({kind: work}, telemetry=heard, hooks=[heard]):
        made = {p: await queue.enqueue(kind, p, options={"attempts": 1}) for p in ("bad", "long")}
        bad, long = made["bad"].job_id, made["long"].job_id
        assert (await queue.wait(bad)).status is Status.FAILED
        await begun.wait()
        await queue.cancel(long)
        await cancelled.wait()
    assert seen == {"bad": bad, "long": long}
    assert ("job.lost", long) in heard.logged
    assert {(Status.ACTIVE, bad), (Status.FAILED, bad), (Status.ACTIVE, long)} <= set(heard.moved)


async def test_what_is_in_an_id_parts_nothing_and_ends_nothing(
    redis_url: str, queue: Queue, kind: str
) -> None:
    """Blanks, dashes, line ends, zeros, and every other byte."""
    connection = Connection(redis_url)
    commands = Commands(connection)
    await commands.announce_type(kind)
    heads = [b"", b"-", b"- 0", b" - ", b"/t -- #", b"\r\n\0\xff %", b"\0" * 17]
    tails = [head.ljust(17, b" ") for head in heads]
    tails += [bytes(range(start, start + 16)) + b" " for start in range(0, 256, 16)]
    ids = [public(b"\x9a" + tail, kind) for tail in tails]
    job = NewJob(type=kind, payload=1, tenant=kind, options=JobOptions(tags=("a b",)))
    await commands.enqueue(kind, [intake_of(job, JobType(kind), stored(id_, kind)) for id_ in ids])
    for tag in (None, "a b"):
        listed = (await queue.list(kind, job_type=kind, tag=tag, limit=100)).items
        assert [one.id for one in listed] == ids[::-1]
    await queue.cancel(ids[0])
    for delivery in (await commands.turn(kind, "w", 99, [])).deliveries:
        end = Settlement("complete", delivery.stored, delivery.token, b'"%d"' % delivery.token)
        assert (await commands.turn(kind, "w", 0, [end])).answers == ["ok"]
        assert (await queue.get(delivery.id)).result == str(delivery.token)
    assert await queue.clean(kind, status="completed") == len(ids) - 1
    assert [one.id for one in (await queue.list(kind, job_type=kind)).items] == [ids[0]]
    await connection.close()


async def test_what_is_remembered_of_a_call_names_its_job_whatever_is_in_the_id(
    redis_url: str, kind: str
) -> None:
    """By an idempotency key, and by a unique key whose job is gone."""
    connection = Connection(redis_url)
    commands = Commands(connection)
    ids = [public(b"\x9a" + tail, kind) for tail in (b" " * 17, b"- 0 1 ".ljust(17, b" "))]
    span = msgspec.convert(
        {"uniqueKey": "k", "uniqueFor": 600_000, "removeOnComplete": True}, JobOptions
    )
    keyed = NewJob(type=kind, payload=1, tenant=kind, idempotency_key="once")
    unique = NewJob(type=kind, payload=1, tenant=kind, options=span)
    asked = [
        intake_of(job, JobType(kind), stored(id_, kind))
        for job, id_ in zip((keyed, unique), ids, strict=True)
    ]
    others = [
        msgspec.structs.replace(each, stored=stored(f"other-{n}", kind))
        for n, each in enumerate(asked)
    ]
    await commands.enqueue(kind, asked)
    for delivery in (await commands.turn(kind, "w", 2, [])).deliveries:
        end = Settlement("complete", delivery.stored, delivery.token, b"1")
        await commands.turn(kind, "w", 0, [end])
    again = await commands.enqueue(kind, others)
    assert [(one.job_id, one.created) for one in again if isinstance(one, Enqueued)] == [
        (id_, False) for id_ in ids
    ]
    await connection.close()
