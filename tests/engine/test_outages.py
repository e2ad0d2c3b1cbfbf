"""Faults behind our back: a destroyed group, an overwritten key, a password changed in the run, a
line that leads nowhere. The worker goes on where it can, stands still where it must, and says so.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from typing import Any

import pytest

from cotiza_queue import Queue, Status, Worker, WorkerOptions
from cotiza_queue.clock import SystemClock
from cotiza_queue.engine.loop import MAX_BACKOFF_S, keep, longest_backoff_s
from cotiza_queue.engine.taker import READY_WITHIN_S
from cotiza_queue.errors import AccessRefused, ConfigurationError, CotizaError, QueueUnavailable
from cotiza_queue.store.commands import Commands
from cotiza_queue.store.connection import Connection
from cotiza_queue.telemetry import Silent
from engine.line import Fate, line_to, until

pytestmark = pytest.mark.row("D9")
OPTIONS = WorkerOptions(handle_signals=False, lease_ms=1000, drain_ms=2000)


class Told(Silent):
    """Keeps what was told."""

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()
        self.fields: dict[str, dict[str, Any]] = {}

    def warn(self, name: str, **fields: Any) -> None:
        self.names[name] += 1
        self.fields[name] = fields


class Shifted(SystemClock):
    """The system's clocks, and some seconds more."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


async def _lane(connection: Connection, kind: str) -> str:
    """The key of the queue's one lane."""
    (number,) = await connection.command("HKEYS", f"{{cq:{kind}}}:lanes")
    return f"{{cq:{kind}}}:lane:{number.decode()}"


@pytest.mark.parametrize("harm", [("XGROUP", "DESTROY", "lane", "workers"), ("DEL", "lane")])
async def test_a_lane_whose_group_is_gone_gets_it_back_and_its_active_job_stays_with_its_worker(
    redis_url: str, queue: Queue, kind: str, working: Any, harm: tuple[str, ...]
) -> None:
    begun, go = asyncio.Event(), asyncio.Event()
    runs: Counter[Any] = Counter()

    async def work(payload: Any, context: Any) -> Any:
        runs[payload] += 1
        if payload == "long":
            begun.set()
            await go.wait()
        return payload

    connection = Connection(redis_url)
    async with working({kind: work}, lease_ms=1000):
        long = await queue.enqueue(kind, "long")
        await begun.wait()
        lane = await _lane(connection, kind)
        await connection.command(*[lane if word == "lane" else word for word in harm])
        quick = await queue.enqueue(kind, "quick")
        assert (await queue.wait(quick.job_id)).status is Status.COMPLETED
        go.set()
        done = await queue.wait(long.job_id)
    await connection.close()
    assert (done.status, done.attempt, runs["long"]) == (Status.COMPLETED, 1, 1)


async def test_a_job_that_was_held_when_the_group_went_is_recovered_when_its_worker_dies(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    connection = Connection(redis_url)
    job = await queue.enqueue(kind, 1)
    taken = await Commands(connection).turn(kind, "dead-worker", 1, [])
    assert [delivery.id for delivery in taken.deliveries] == [job.job_id]
    await connection.command("XGROUP", "DESTROY", await _lane(connection, kind), "workers")

    async def work(payload: Any, context: Any) -> Any:
        return payload

    async with working({kind: work}, lease_ms=1000):
        done = await queue.wait(job.job_id)
    await connection.close()
    assert (done.status, done.result) == (Status.COMPLETED, 1)


async def test_an_overwritten_lane_stops_its_own_queue_alone_until_it_is_repaired(
    redis_url: str, queue: Queue, kind: str
) -> None:
    async def work(payload: Any, context: Any) -> Any:
        return payload

    connection, told, other = Connection(redis_url), Told(), f"{kind}-other"
    async with line_to(redis_url) as line, asyncio.TaskGroup() as group:
        worker = Worker({kind: work, other: work}, line.url, options=OPTIONS, telemetry=told)
        running = group.create_task(worker.run())
        await worker.ready.wait()
        assert worker.healthy
        await queue.wait((await queue.enqueue(kind, 0)).job_id)
        lane = await _lane(connection, kind)
        await connection.command("SET", lane, "oops")
        await connection.command("ZADD", f"{{cq:{kind}}}:ready", 1, lane.rpartition(":")[2])
        await until(lambda: told.names["queue.damaged"])
        assert told.fields["queue.damaged"]["keys"] == [f"{lane} is a string, not a stream"]
        turns = line.count(b"_turn")
        await queue.wait((await queue.enqueue(other, 1)).job_id)
        assert line.count(b"_turn") > turns
        await until(lambda: told.names["queue.damaged"] > 1)
        assert not worker.healthy
        await connection.command("DEL", lane)
        done = await queue.wait((await queue.enqueue(kind, 2)).job_id)
        assert done.status is Status.COMPLETED
        assert told.names["turn.failed"] == 0
        worker.stop()
        await running
    await connection.close()


@pytest.mark.parametrize("word", [b"_turn", b"_renew", b"SSUBSCRIBE"])
async def test_a_worker_that_redis_refuses_later_ends_with_that_error(
    redis_url: str, kind: str, word: bytes
) -> None:
    async def work(payload: Any, context: Any) -> Any:
        return payload

    async with line_to(redis_url) as line:
        worker = Worker({kind: work}, line.url, options=OPTIONS)
        running = asyncio.ensure_future(worker.run())
        await worker.ready.wait()
        line.instead(word, b"-NOPERM this user has no permissions to do that\r\n")
        if word == b"SSUBSCRIBE":
            line.instead(b"PING", Fate.CUT_BEFORE, times=1)
        with pytest.raises(AccessRefused) as caught:
            await running
        assert caught.value.remedy
        assert line.count(word) <= 3


async def test_the_command_line_worker_ends_with_code_78_and_a_clear_message(
    redis_url: str,
) -> None:
    async with line_to(redis_url) as line:
        line.instead(b"HELLO", b"-WRONGPASS invalid username-password pair\r\n")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cotiza_queue.cli.worker", "email-notification"),
            env={"PATH": os.environ["PATH"], "REDIS_URL": line.url},
            stderr=asyncio.subprocess.PIPE,
        )
        _, text = await process.communicate()
    assert process.returncode == 78
    assert b"access_refused" in text
    assert b"REDIS_URL" in text
    assert b"Traceback" not in text


async def test_a_loop_that_breaks_off_for_whatever_reason_is_begun_again() -> None:
    ends = [ValueError("odd"), asyncio.CancelledError(), CotizaError("away")]
    told = Told()

    async def work() -> None:
        if ends:
            raise ends.pop()

    await keep(work, "turns", told)
    assert (ends, told.names["loop.ended"]) == ([], 3)

    async def refused() -> None:
        raise ConfigurationError("no")

    with pytest.raises(ConfigurationError):
        await keep(refused, "turns", told)


async def test_a_worker_is_ready_only_while_its_turn_loop_goes_round(
    redis_url: str, queue: Queue, kind: str
) -> None:
    async def work(payload: Any, context: Any) -> Any:
        return payload

    clock = Shifted()
    async with line_to(redis_url) as line, asyncio.TaskGroup() as group:
        worker = Worker({kind: work}, line.url, options=OPTIONS, clock=clock)
        assert not worker.healthy
        running = group.create_task(worker.run())
        await worker.ready.wait()
        assert worker.healthy
        line.instead(b"_turn", b"-MISCONF can't write\r\n")
        clock.ahead = READY_WITHIN_S + 0.1
        await until(lambda: line.count(b"_renew") > 2)
        assert not worker.healthy
        shown = [each for each in await queue.workers() if each["id"] == worker.id]
        while shown[0]["ready"]:
            shown = [each for each in await queue.workers() if each["id"] == worker.id]
        line.heal()
        await until(lambda: worker.healthy)
        worker.stop()
        await running


async def test_a_line_that_leads_nowhere_is_given_up_and_taken_up_again(
    redis_url: str, queue: Queue, kind: str
) -> None:
    async def work(payload: Any, context: Any) -> Any:
        return payload

    told = Told()
    async with line_to(redis_url) as line, asyncio.TaskGroup() as group:
        worker = Worker({kind: work}, line.url, options=OPTIONS, telemetry=told)
        running = group.create_task(worker.run())
        await worker.ready.wait()
        line.instead(b"", Fate.SILENCE)
        job = await queue.enqueue(kind, 1)
        await until(lambda: told.names["turn.failed"])
        await until(lambda: told.names["role.failed"])
        line.heal()
        done = await queue.wait(job.job_id, timeout_ms=60_000)
        assert (done.status, done.attempt) == (Status.COMPLETED, 1)
        heard = line.count(b"SUBSCRIBE")
        await until(lambda: line.count(b"SUBSCRIBE") >= heard)
        worker.stop()
        await running


async def _spoil(queue: Queue, kind: str) -> str:
    """A job that has failed for good."""

    async def fail(payload: Any, context: Any) -> Any:
        raise ValueError("bad")

    job = await queue.enqueue(kind, "bad", options={"attempts": 1})
    worker = Worker({kind: fail}, queue.url, options=OPTIONS)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(worker.run())
        await queue.wait(job.job_id)
        worker.stop()
        await running
    return job.job_id


async def test_a_replay_whose_answer_was_lost_happened_once(
    redis_url: str, queue: Queue, kind: str
) -> None:
    job_id = await _spoil(queue, kind)
    async with line_to(redis_url) as line, Queue(line.url) as far:
        line.instead(b"_replay", Fate.CUT_AFTER, times=1)
        with pytest.raises(QueueUnavailable) as caught:
            await far.replay(job_id)
        assert caught.value.indeterminate
        with pytest.raises(CotizaError) as again:
            await far.replay(job_id)
        assert again.value.code == "conflict" or again.value.http_status == 409
    metrics = (await queue.metrics(kind))[0]
    assert (metrics.waiting, metrics.failed, metrics.dead_letters) == (1, 0, 0)


@pytest.mark.parametrize("word", [b"_reclaim", b"_stale", b"_sweep", b"_prune", b"_schedules"])
async def test_a_lost_answer_beside_the_path_loses_no_job_and_ends_none_twice(
    redis_url: str, queue: Queue, kind: str, word: bytes
) -> None:
    async def work(payload: Any, context: Any) -> Any:
        return payload

    connection = Connection(redis_url)
    stale = await queue.enqueue(kind, "stale")
    await Commands(connection).turn(kind, "dead-worker", 1, [])
    await connection.close()
    async with line_to(redis_url) as line, asyncio.TaskGroup() as group:
        rule = line.instead(word, Fate.CUT_AFTER, times=2)
        worker = Worker({kind: work}, line.url, options=OPTIONS)
        running = group.create_task(worker.run())
        jobs = [await queue.enqueue(kind, n) for n in range(20)]
        for job in (stale, *jobs):
            assert (await queue.wait(job.job_id)).status is Status.COMPLETED
        await until(lambda: rule.used)
        worker.stop()
        await running
    metrics = (await queue.metrics(kind))[0]
    assert (metrics.completed, metrics.active, metrics.waiting) == (21, 0, 0)


async def test_an_occurrence_whose_answer_was_lost_fires_once(
    redis_url: str, queue: Queue, kind: str
) -> None:
    async def work(payload: Any, context: Any) -> Any:
        return payload

    schedule = await queue.add_recurring(kind, 1, "0 0 1 1 *", key="yearly")
    connection = Connection(redis_url)
    now = int((await connection.command("TIME"))[0]) * 1000
    await connection.command("ZADD", f"{{cq:{kind}}}:schedules", now - 1000, schedule.id)
    async with line_to(redis_url) as line, asyncio.TaskGroup() as group:
        line.instead(b"_fire", Fate.CUT_AFTER, times=1)
        worker = Worker({kind: work}, line.url, options=OPTIONS)
        running = group.create_task(worker.run())
        while (await queue.metrics(kind))[0].completed == 0:
            await asyncio.sleep(0.02)
        beats = line.count(b"_schedules")
        await until(lambda: line.count(b"_schedules") > beats + 1)
        worker.stop()
        await running
    await connection.close()
    assert (await queue.get_schedule(schedule.id)).fired == 1
    assert (await queue.metrics(kind))[0].completed == 1


async def test_a_worker_with_a_short_lease_tries_again_before_others_may_take_its_jobs(
    redis_url: str, kind: str
) -> None:
    async def work(payload: Any, context: Any) -> Any:
        return payload

    for lease_ms in (100, 1_000, 10_000, 600_000):
        assert 2 * longest_backoff_s(lease_ms) <= lease_ms / 3000
        assert longest_backoff_s(lease_ms) <= MAX_BACKOFF_S
    options = WorkerOptions(handle_signals=False, lease_ms=100)
    async with line_to(redis_url) as line, asyncio.TaskGroup() as group:
        worker = Worker({kind: work}, line.url, options=options)
        running = group.create_task(worker.run())
        await worker.ready.wait()
        for word in (b"_turn", b"_renew"):
            line.instead(word, b"-MISCONF can't write\r\n")
        # With pauses that grow to MAX_BACKOFF_S that would take minutes.
        await until(lambda: min(line.count(b"_turn"), line.count(b"_renew")) > 100)
        line.heal()
        worker.stop()
        await running
