"""Retention by bytes: an idle queue, with a worker and no traffic, trims too."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import JobOptions, NewJob, Queue, Status
from cotiza_queue.errors import InvalidInput
from cotiza_queue.model.policy import KeepFor
from cotiza_queue.store.commands import Commands, Settlement
from cotiza_queue.store.connection import Connection
from engine.records import kept_of

pytestmark = pytest.mark.row("G2")


async def echo(payload: Any, context: Any) -> Any:
    """No two end in the same millisecond."""
    await asyncio.sleep(0.003)
    if payload["n"] == 5:
        raise ValueError("five")
    return payload


async def bytes_kept(connection: Connection, kind: str) -> int:
    """A recount: the lengths of all payloads and results."""
    total = 0
    for part in ("body", "result"):
        for key in await connection.command("KEYS", f"{{cq:{kind}}}:{part}:*"):
            total += await connection.command("STRLEN", key)
    return total


async def test_an_idle_queue_trims_to_its_bytes_and_the_newest_stay(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    connection = Connection(redis_url)
    async with working({kind: echo}, concurrency=1):
        jobs = [
            NewJob(type=kind, payload={"n": n, "text": "x" * 10_000}, tenant=kind)
            for n in range(40)
        ]
        made = await queue.enqueue_many(jobs)
        for job in made:
            await queue.wait(job.job_id)  # type: ignore[union-attr]
        whole = await bytes_kept(connection, kind)
        assert (await queue.metrics(kind))[0].kept_bytes == whole > 700_000
        await queue.limit(kind, {"retainBytes": 200_000})
        while (await queue.metrics(kind))[0].kept_bytes > 200_000:
            await asyncio.sleep(0.05)
        left = (await queue.list(kind, job_type=kind, limit=100)).items
        kept = await bytes_kept(connection, kind)
        assert (await queue.metrics(kind))[0].kept_bytes == kept
        assert 200_000 - 21_000 < kept <= 200_000
    await connection.close()
    completed = [job.payload["n"] for job in left if job.status is Status.COMPLETED]
    assert completed == list(range(39, 39 - len(completed), -1))
    assert [job.payload["n"] for job in left if job.status is Status.FAILED] == [5]


def jobs_of(member: bytes) -> int:
    """How many jobs a member stands for: bits of blocks."""
    return sum(int(bits, 16).bit_count() for bits in member.split()[1::2])


async def test_what_has_not_ended_is_never_removed_for_its_bytes(
    queue: Queue, kind: str, working: Any
) -> None:
    waiting = await queue.enqueue(f"{kind}-2", {"n": 1, "text": "x" * 100_000})
    await queue.limit(f"{kind}-2", {"retainBytes": 1})
    gone = await queue.enqueue(f"{kind}-2", {"n": 2})
    await queue.cancel(gone.job_id)
    later = await queue.schedule(f"{kind}-2", {"n": 3}, 3_600_000)
    await queue.pause(f"{kind}-2")
    async with working({f"{kind}-2": echo}):
        while (await queue.metrics(f"{kind}-2"))[0].cancelled:
            await asyncio.sleep(0.05)
    assert (await queue.get(waiting.job_id)).status is Status.WAITING
    assert (await queue.get(later.job_id)).status is Status.DELAYED
    assert (await queue.metrics(f"{kind}-2"))[0].kept_bytes == 0


async def test_bytes_are_a_limit_of_a_queue_and_at_least_one(queue: Queue, kind: str) -> None:
    for limits, tenant in (({"retainBytes": 1}, "acme"), ({"retainBytes": 0}, None)):
        with pytest.raises(InvalidInput) as caught:
            await queue.limit(kind, limits, tenant=tenant)
        assert caught.value.fields[0].field == "limits.retainBytes"


async def test_jobs_that_end_together_are_one_name_and_go_alone_or_together(
    redis_url: str, queue: Queue, kind: str
) -> None:
    connection = Connection(redis_url)
    commands, key = Commands(connection), f"{{cq:{kind}}}:ended:failed"
    options = JobOptions(attempts=1, remove_on_fail=KeepFor(age=1))
    made = [NewJob(type=kind, payload=n, tenant=kind, options=options) for n in range(150)]
    await queue.enqueue_many(made)
    taken = (await commands.turn(kind, "w", 150, [])).deliveries
    ids = [delivery.id for delivery in taken]
    failure = b'{"code":"no","message":"no","at":0,"attempt":1}'
    outcomes = [Settlement("fail", d.stored, d.token, failure) for d in taken]
    await commands.turn(kind, "w", 0, outcomes)
    members = await connection.command("ZRANGE", key, 0, -1)
    assert sorted(map(jobs_of, members)) == [34, 116]  # eight blocks, and three
    await queue.replay(ids[3])
    assert await queue.clean(kind, status=Status.FAILED, limit=7) == 7
    members = await connection.command("ZRANGE", key, 0, -1)
    assert len(members) == 2
    assert sum(map(jobs_of, members)) == 142
    while await connection.command("EXISTS", key):
        await commands.prune(kind, 1, 3_600_000, 3_600_000)
        await asyncio.sleep(0.05)
    (left,) = await queue.metrics(kind)
    assert (left.failed, left.waiting) == (0, 1)
    assert (await queue.get(ids[3])).status is Status.WAITING
    await connection.close()


async def test_neighbours_that_end_together_go_at_their_own_moments(
    redis_url: str, queue: Queue, kind: str
) -> None:
    connection = Connection(redis_url)
    commands, key = Commands(connection), f"{{cq:{kind}}}:ended:completed"
    spans = [60, 60, 3600, 60, 3600, 3600, 60]
    made = [
        NewJob(type=kind, payload=n, options=JobOptions(remove_on_complete=KeepFor(age=span)))
        for n, span in enumerate(spans)
    ]
    await queue.enqueue_many(made)
    taken = (await commands.turn(kind, "w", 9, [])).deliveries
    ends = [Settlement("complete", d.stored, d.token, b"1") for d in taken]
    await commands.turn(kind, "w", 0, ends)
    rows = await connection.command("ZRANGE", key, 0, -1, "WITHSCORES")
    assert [jobs_of(member) for member, _ in rows] == [4, 3]
    assert float(rows[1][1]) - float(rows[0][1]) == (3600 - 60) * 1000
    await connection.close()


async def test_a_job_that_has_not_ended_is_not_removed_whoever_names_it(
    redis_url: str, queue: Queue, kind: str
) -> None:
    connection = Connection(redis_url)
    job = await queue.enqueue(kind, 1, tenant=kind)
    await queue.get(job.job_id)  # it has its place from now on
    (seq,) = (await kept_of(connection, kind, kind)).places
    place, bits = seq - seq % 16, 1 << seq % 16
    for status in ("completed", "failed"):
        await connection.command("ZADD", f"{{cq:{kind}}}:ended:{status}", 1, f"{place:x} {bits:x}")
    assert await queue.clean(kind, status=Status.FAILED) == 0
    await Commands(connection).prune(kind, 100, 3_600_000, 3_600_000)
    assert await connection.command("EXISTS", f"{{cq:{kind}}}:ended:completed") == 0
    assert (await queue.get(job.job_id)).status is Status.WAITING
    await connection.close()


async def test_where_fewer_are_kept_than_before_a_turn_removes_a_hundred_beside_its_own(
    redis_url: str, queue: Queue, kind: str
) -> None:
    connection = Connection(redis_url)
    commands = Commands(connection)

    async def finish(count: int, kept: int) -> int:
        options = JobOptions(remove_on_complete=KeepFor(age=3600, count=kept))
        await queue.enqueue_many([NewJob(type=kind, payload=1, options=options)] * count)
        while taken := (await commands.turn(kind, "w", 100, [])).deliveries:
            ends = [Settlement("complete", each.stored, each.token, b"1", 1) for each in taken]
            await commands.turn(kind, "w", 0, ends)
        return (await queue.metrics(kind))[0].completed

    assert await finish(350, 1000) == 350
    assert await finish(20, 10) == 350 - 100
    assert await finish(1, 10) == 250 - 100
    assert await finish(2, 10) == 150 - 100
    assert await finish(1, 10) == 10
    assert await finish(5, 10) == 10
    await connection.close()
