"""Cancelling and replaying, and the races around them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import Queue, Status
from cotiza_queue.errors import Conflict, InvalidData, JobFailed, NotFound
from cotiza_queue.store.commands import Commands, Settlement
from cotiza_queue.store.connection import Connection


async def reclaim_all(commands: Commands, kind: str, lease_ms: int) -> list[tuple[str, str]]:
    silent = await commands.stale(kind, lease_ms)
    return await commands.reclaim(kind, "other", lease_ms, 3, silent)


async def test_a_waiting_and_a_delayed_job_never_run_once_cancelled(
    queue: Queue, kind: str, working: Any
) -> None:
    ran: list[Any] = []

    async def note(payload: Any, context: Any) -> None:
        ran.append(payload)

    waiting = await queue.enqueue(kind, "waiting")
    delayed = await queue.schedule(kind, "delayed", 30)
    for job in (waiting, delayed):
        assert (await queue.cancel(job.job_id)).status is Status.CANCELLED
    last = await queue.schedule(kind, "last", 60)
    async with working({kind: note}):
        await queue.wait(last.job_id)
    assert ran == ["last"]
    with pytest.raises(Conflict):
        await queue.cancel(waiting.job_id)


@pytest.mark.row("C10")
async def test_a_running_job_is_stopped_by_a_cancel_from_another_process(
    queue: Queue, kind: str, working: Any
) -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    async def hang(payload: Any, context: Any) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with working({kind: hang}, concurrency=1):
        job = await queue.enqueue(kind, 1)
        await started.wait()
        await queue.cancel(job.job_id)
        await stopped.wait()
        started.clear()
        other = await queue.enqueue(kind, 2)
        await started.wait()
        await queue.cancel(other.job_id)
    found = await queue.get(job.job_id)
    assert found.status is Status.CANCELLED
    assert (await queue.metrics(kind))[0].active == 0


async def test_a_cancelled_job_runs_again_when_replayed_and_only_once(
    queue: Queue, kind: str, working: Any
) -> None:
    ran: list[str] = []

    async def note(payload: Any, context: Any) -> None:
        ran.append(context.job_id)

    job = await queue.enqueue(kind, 1)
    await queue.cancel(job.job_id)
    assert (await queue.replay(job.job_id)).status is Status.WAITING
    async with working({kind: note}):
        done = await queue.wait(job.job_id)
    assert ran == [job.job_id]
    assert done.attempt == 1
    with pytest.raises(Conflict):
        await queue.replay(job.job_id)


async def test_replay_lifts_the_dead_letter_and_gives_fresh_attempts(
    queue: Queue, kind: str, working: Any
) -> None:
    healed = False

    async def sometimes(payload: Any, context: Any) -> str:
        if not healed:
            raise InvalidData("broken", code="CORRUPT")
        return f"attempt {context.attempt} of {context.max_attempts}"

    async with working({kind: sometimes}):
        job = await queue.enqueue(kind, {"x": 1}, tenant="acme")
        with pytest.raises(JobFailed):
            await queue.result(job.job_id)
        healed = True
        with pytest.raises(NotFound):
            await queue.replay(job.job_id, tenant="other")
        await queue.replay(job.job_id, tenant="acme")
        assert await queue.result(job.job_id) == "attempt 1 of 3"
    with pytest.raises(NotFound):
        await queue.dead_letter(job.job_id)


async def test_a_dead_letter_outlives_its_job_and_brings_it_back(
    queue: Queue, kind: str, working: Any
) -> None:
    async def fail(payload: Any, context: Any) -> str:
        if context.token < 2:
            raise InvalidData("broken")
        return str(payload)

    async with working({kind: fail}):
        job = await queue.enqueue(kind, "kept", options={"removeOnFail": True}, tenant="acme")
        while not (await queue.dead_letters(job_type=kind))[0]:
            await asyncio.sleep(0.01)
        with pytest.raises(NotFound):
            await queue.get(job.job_id)
        await queue.replay(job.job_id, tenant="acme")
        assert await queue.result(job.job_id) == "kept"


@pytest.mark.row("D3", "F3")
async def test_a_zombie_can_neither_settle_nor_report(
    redis_url: str, queue: Queue, kind: str
) -> None:
    connection = Connection(redis_url)
    commands = Commands(connection)
    job = await queue.enqueue(kind, 1)
    zombie = (await commands.turn(kind, "zombie", 1, [])).deliveries[0]
    await asyncio.sleep(0.02)
    assert await reclaim_all(commands, kind, 10) == [(job.job_id, "waiting")]
    heir = (await commands.turn(kind, "heir", 1, [])).deliveries[0]
    assert heir.token > zombie.token
    assert (heir.attempt, heir.stalls) == (1, 1)

    assert not await commands.progress(kind, job.job_id, zombie.token, b"{}")
    held = [(zombie.stored, zombie.token)]
    assert await commands.renew(kind, "zombie", b"{}", 1000, held) == [zombie.stored]
    late = [
        Settlement("complete", zombie.stored, zombie.token, b'"late"', 1),
        Settlement("retry", zombie.stored, zombie.token, b"{}", 1),
        Settlement("fail", zombie.stored, zombie.token, b"{}"),
        Settlement("release", zombie.stored, zombie.token),
    ]
    for outcome in late:
        assert (await commands.turn(kind, "zombie", 0, [outcome])).answers == ["lost"]
    mine = Settlement("complete", heir.stored, heir.token, b'"mine"', 1)
    assert (await commands.turn(kind, "heir", 0, [mine])).answers == ["ok"]
    for outcome in late:
        assert (await commands.turn(kind, "zombie", 0, [outcome])).answers == ["lost"]
    assert (await commands.turn(kind, "heir", 0, [mine])).answers == ["again"]
    done = await queue.get(job.job_id)
    assert (done.status, done.result) == (Status.COMPLETED, "mine")
    await connection.close()


async def test_what_a_lost_reply_stranded_goes_back_without_burning_an_attempt(
    redis_url: str, queue: Queue, kind: str
) -> None:
    connection = Connection(redis_url)
    commands = Commands(connection)
    for n in range(3):
        await queue.enqueue(kind, n)
    known = (await commands.turn(kind, "w", 1, [])).deliveries[0]
    await commands.turn(kind, "w", 2, [])  # its reply is lost
    assert len(await commands.sweep(kind, "w", [known.stored])) == 2
    again = (await commands.turn(kind, "w", 5, [])).deliveries
    assert [delivery.attempt for delivery in again] == [1, 1]
    end = Settlement("complete", known.stored, known.token, b"1", 1)
    assert (await commands.turn(kind, "w", 0, [end])).answers == ["ok"]
    await connection.close()


@pytest.mark.row("D7")
async def test_a_job_that_keeps_losing_its_worker_becomes_a_dead_letter(
    redis_url: str, queue: Queue, kind: str
) -> None:
    connection = Connection(redis_url)
    commands = Commands(connection)
    job = await queue.enqueue(kind, 1)
    ends = []
    for _ in range(3):
        assert (await commands.turn(kind, "w", 1, [])).deliveries
        await asyncio.sleep(0.01)
        ends += await reclaim_all(commands, kind, 5)
    assert [status for _, status in ends] == ["waiting", "waiting", "failed"]
    letter = await queue.dead_letter(job.job_id)
    codes = [failure.code for failure in letter.failures]
    assert codes == ["worker_lost", "worker_lost", "poisoned"]
    await connection.close()


async def test_replay_takes_the_unique_key_again_or_says_who_has_it(
    queue: Queue, kind: str
) -> None:
    options = {"uniqueKey": "one"}
    first = await queue.enqueue(kind, 1, options=options)
    await queue.cancel(first.job_id)
    await queue.replay(first.job_id)
    assert not (await queue.enqueue(kind, 2, options=options)).created
    await queue.cancel(first.job_id)
    second = await queue.enqueue(kind, 2, options=options)
    assert second.created
    with pytest.raises(Conflict) as caught:
        await queue.replay(first.job_id)
    assert caught.value.code == "unique_key_taken"


async def test_a_job_id_that_dies_twice_has_one_dead_letter(
    queue: Queue, kind: str, working: Any
) -> None:
    async def fail(payload: Any, context: Any) -> None:
        raise InvalidData(f"broken {payload}")

    options = {"jobId": "again", "removeOnFail": True}
    async with working({kind: fail}):
        for n in range(3):
            job = await queue.enqueue(kind, n, options=options, tenant=kind)
            assert job.created
            while True:
                letters = (await queue.dead_letters(job_type=kind))[0]
                if letters and letters[0].payload == n:
                    break
                await asyncio.sleep(0.01)
    assert [letter.payload for letter in letters] == [2]
