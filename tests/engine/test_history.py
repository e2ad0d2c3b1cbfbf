"""The history of a job: every change of its status, whoever made it, as long as the job is kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import Queue, Status
from cotiza_queue.errors import Discard, InvalidInput, NotFound, PermanentError, Snooze
from cotiza_queue.model.history import HistoryEntry, replayed
from cotiza_queue.model.ids import MAX_ACTOR
from cotiza_queue.store.commands import Commands, Settlement
from cotiza_queue.store.connection import Connection
from engine.records import key_of, names

pytestmark = pytest.mark.row("F8")
W, A, D, C, F, X = (
    Status.WAITING, Status.ACTIVE, Status.DELAYED,
    Status.COMPLETED, Status.FAILED, Status.CANCELLED,
)  # fmt: skip


def _way(entries: Any) -> list[tuple[str, Status]]:
    return [(entry.cause, entry.status) for entry in entries]


async def _keys(redis_url: str, kind: str) -> list[str]:
    connection = Connection(redis_url)
    found = await names(connection, kind)
    await connection.close()
    return [name for name in found if name.startswith("history:")]


async def test_a_plain_job_has_a_whole_history_and_writes_none(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    async def work(payload: Any, context: Any) -> None:
        return None

    async with working({kind: work}) as worker:
        job = await queue.enqueue(kind, 1)
        await queue.wait(job.job_id)
    made, taken, ended = await queue.history(job.job_id)
    done = await queue.get(job.job_id)
    run = {"worker": worker.id, "token": done.token, "attempt": 1}
    assert made == HistoryEntry(at_ms=done.created_ms, origin=None, status=W, cause="enqueue")
    assert taken == HistoryEntry(
        at_ms=done.started_ms or 0, origin=W, status=A, cause="take", **run
    )
    assert ended == HistoryEntry(
        at_ms=done.finished_ms or 0, origin=A, status=C, cause="complete", **run
    )
    assert await _keys(redis_url, kind) == []


async def test_every_change_is_told_with_moment_cause_and_actor(
    queue: Queue, kind: str, working: Any
) -> None:
    plan = [Snooze(1, "later"), OSError("x"), PermanentError("no", code='a "code"\\'), None]

    async def work(payload: Any, context: Any) -> None:
        error = plan.pop(0)
        if error is not None:
            raise error

    options = {"backoff": {"type": "fixed", "delay": 1}}
    async with working({kind: work}):
        job = await queue.schedule(kind, 1, 5, options=options)
        await queue.wait(job.job_id)
        await queue.replay(job.job_id, by="ana@acme")
        await queue.wait(job.job_id)
        while (await queue.get(job.job_id)).status is not C:
            await asyncio.sleep(0.01)
    entries = await queue.history(job.job_id)
    assert _way(entries) == [
        ("enqueue", D), ("promote", W),
        ("take", A), ("snooze", D), ("promote", W),
        ("take", A), ("retry", D), ("promote", W),
        ("take", A), ("fail", F), ("replay", W),
        ("take", A), ("complete", C),
    ]  # fmt: skip
    codes = [(entry.cause, entry.code) for entry in entries if entry.code]
    assert codes == [("retry", "unexpected_error"), ("fail", 'a "code"\\')]
    assert [entry.by for entry in entries if entry.by] == ["ana@acme"]
    assert [entry.attempt for entry in entries if entry.cause == "take"] == [1, 1, 2, 1]
    tokens = [entry.token for entry in entries if entry.cause == "take"]
    assert tokens == sorted(tokens)  # type: ignore[type-var]
    moments = [entry.at_ms for entry in entries]
    assert moments == sorted(moments)
    assert all(entry.worker for entry in entries if A in (entry.origin, entry.status))
    assert replayed(entries) is C


async def test_lost_handed_back_discarded_cancelled_and_expired_jobs_say_so(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    connection = Connection(redis_url)
    commands = Commands(connection)
    job = await queue.enqueue(kind, 1)
    [first] = (await commands.turn(kind, "w1", 1, [])).deliveries
    await commands.turn(kind, "w1", 0, [Settlement("release", first.stored, first.token)])
    await commands.turn(kind, "w2", 1, [])
    await commands.sweep(kind, "w2", [])
    await commands.turn(kind, "w3", 1, [])
    await asyncio.sleep(0.01)
    await commands.reclaim(kind, "w4", 1, 9, await commands.stale(kind, 1))
    await queue.cancel(job.job_id, by="bo")
    entries = await queue.history(job.job_id)
    assert _way(entries) == [
        ("enqueue", W), ("take", A), ("release", W), ("take", A), ("sweep", W),
        ("take", A), ("reclaim", W), ("cancel", X),
    ]  # fmt: skip
    assert [(e.worker, e.code) for e in entries if e.origin is A] == [
        ("w1", None), ("w2", None), ("w3", "worker_lost"),
    ]  # fmt: skip
    assert entries[-1].by == "bo"

    late = await queue.enqueue(kind, 2, options={"deadline": 1})
    await asyncio.sleep(0.01)
    await commands.turn(kind, "w5", 1, [])
    assert _way(await queue.history(late.job_id)) == [("enqueue", W), ("deadline", F)]
    await connection.close()

    async def unneeded(payload: Any, context: Any) -> None:
        raise Discard("gone")

    async with working({kind: unneeded}):
        none = await queue.enqueue(kind, 3)
        await queue.wait(none.job_id)
    assert _way(await queue.history(none.job_id))[-1] == ("discard", X)


async def test_the_newest_two_hundred_entries_are_kept_and_a_gap_says_how_many_are_not(
    redis_url: str, queue: Queue, kind: str
) -> None:
    connection = Connection(redis_url)
    commands = Commands(connection)
    job = await queue.enqueue(kind, 1)
    for n in range(205):
        [delivery] = (await commands.turn(kind, "w", 1, [])).deliveries
        await commands.turn(kind, "w", 0, [Settlement("release", delivery.stored, delivery.token)])
        entries = await queue.history(job.job_id)
        assert entries[0].cause == ("enqueue" if n < 200 else "gap")
        assert entries[0].missing == max(0, n - 199)
    await connection.close()
    assert len(entries) == 1 + 2 * 200
    assert replayed(entries) is W


async def test_of_a_codes_text_two_hundred_bytes_are_kept(
    queue: Queue, kind: str, working: Any
) -> None:
    async def fail(payload: Any, context: Any) -> None:
        raise PermanentError("no", code="c" * payload)

    async with working({kind: fail}):
        for length in (0, 200, 201):
            job = await queue.enqueue(kind, length)
            await queue.wait(job.job_id)
            assert (await queue.history(job.job_id))[-1].code == ("c" * min(length, 200) or None)


async def test_a_history_goes_with_its_job_and_begins_anew_with_a_revived_one(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    async def fail(payload: Any, context: Any) -> None:
        raise PermanentError("no")

    async with working({kind: fail}):
        job = await queue.enqueue(kind, 1, options={"removeOnFail": True})
        while True:
            try:
                await queue.dead_letter(job.job_id)
                break
            except NotFound:
                await asyncio.sleep(0.01)
    with pytest.raises(NotFound):
        await queue.history(job.job_id)
    assert await _keys(redis_url, kind) == []
    await queue.replay(job.job_id, by="ana")
    [entry] = await queue.history(job.job_id)
    assert (entry.cause, entry.by, entry.origin, entry.status) == ("replay", "ana", None, W)


async def test_a_history_is_its_tenants_alone(queue: Queue, kind: str) -> None:
    job = await queue.enqueue(kind, 1, tenant="acme")
    assert await queue.history(job.job_id, tenant="acme")
    with pytest.raises(NotFound):
        await queue.history(job.job_id, tenant="other")


async def test_the_name_of_who_asks_has_bounds(queue: Queue, kind: str) -> None:
    job = await queue.enqueue(kind, 1)
    for bad in ("x" * (MAX_ACTOR + 1), "a\nb"):
        with pytest.raises(InvalidInput):
            await queue.cancel(job.job_id, by=bad)
    await queue.cancel(job.job_id, by="ñ" * MAX_ACTOR)
    assert (await queue.history(job.job_id))[-1].by == "ñ" * MAX_ACTOR


async def test_a_change_of_the_moment_says_who_asked_for_it(queue: Queue, kind: str) -> None:
    job = await queue.enqueue(kind, 1)
    await queue.change(job.job_id, delay_ms=3_600_000, by="ana")
    await queue.change(job.job_id, priority=3, by="nobody is told of a change without a move")
    await queue.promote(job.job_id, by="bo")
    entries = await queue.history(job.job_id)
    assert [(entry.cause, entry.status, entry.by) for entry in entries] == [
        ("enqueue", W, None), ("change", D, "ana"), ("change", W, "bo"),
    ]  # fmt: skip


async def test_what_is_left_of_an_older_life_does_not_cost_a_dead_letter_its_replay(
    redis_url: str, queue: Queue, kind: str
) -> None:
    made = await queue.enqueue(kind, 1, options={"removeOnFail": True})
    connection = Connection(redis_url)
    commands = Commands(connection)
    (taken,) = (await commands.turn(kind, "w", 1, [])).deliveries
    failure = b'{"code":"x","message":"m","at":1,"attempt":1,"worker":"w"}'
    await commands.turn(kind, "w", 0, [Settlement("fail", taken.stored, taken.token, failure)])
    left = ["an entry"] * 201
    await connection.command("RPUSH", key_of(kind, made.job_id, "history"), *left)
    assert (await queue.replay(made.job_id)).status is Status.WAITING
    assert [entry.cause for entry in await queue.history(made.job_id)] == ["replay"]
    await connection.close()
