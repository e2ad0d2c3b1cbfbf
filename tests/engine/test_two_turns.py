"""Two turns under way at once: together they take no more than the slots, a lost reply of one does
no harm to the other, and a worker with little to do sends no more turns than with one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from cotiza_queue import NewJob, Queue, Status, Worker, WorkerOptions
from cotiza_queue.engine.pace import TURNS
from cotiza_queue.engine.taker import POLL_S
from cotiza_queue.telemetry import Silent
from engine.line import Fate, line_to, until

LATE_S = 0.2
"""Longer than a worker waits after its first failure."""


class Watched:
    """A processor that sees how much goes on beside it. The first ``crowd`` jobs wait until they
    all run.
    """

    def __init__(self, crowd: int = 1) -> None:
        self.crowd = crowd
        self.complete = asyncio.Event()
        self.runs: Counter[int] = Counter()
        self.now = self.most = self.turns = 0
        self.worker: Worker | None = None

    async def __call__(self, payload: int, context: Any) -> int:
        self.runs[payload] += 1
        self.now += 1
        self.most = max(self.most, self.now)
        if self.now == self.crowd:
            self.complete.set()
        await self.complete.wait()
        await asyncio.sleep(payload % 3 / 1000)
        assert self.worker is not None
        taker = self.worker._stations[0].taker
        self.turns = max(self.turns, taker._pace.under_way)
        assert taker._slots.free >= 0
        self.now -= 1
        return payload


async def fill(queue: Queue, kind: str, count: int) -> list[str]:
    made = await queue.enqueue_many([NewJob(type=kind, payload=n) for n in range(count)])
    return [job.job_id for job in made]  # type: ignore[union-attr]


@pytest.mark.parametrize("slots", [1, 2, 3, 10, 100])
async def test_two_turns_never_take_more_than_the_slots(
    queue: Queue, kind: str, working: Any, slots: int
) -> None:
    watched = Watched(crowd=slots)
    async with working({kind: watched}, concurrency=slots) as worker:
        watched.worker = worker
        jobs = await fill(queue, kind, 600)
        for job_id in jobs:
            assert (await queue.wait(job_id)).status is Status.COMPLETED
    assert watched.most == slots
    assert watched.turns == TURNS or slots < 10  # few slots: while two are under way, nothing runs
    assert set(watched.runs.values()) == {1}


@pytest.mark.row("D9")
@pytest.mark.parametrize("fate", [Fate.CUT_BEFORE, Fate.CUT_AFTER])
async def test_a_lost_reply_of_one_of_two_turns_loses_and_doubles_nothing(
    redis_url: str, queue: Queue, kind: str, fate: Fate
) -> None:
    watched = Watched()
    jobs = await fill(queue, kind, 1000)
    async with line_to(redis_url) as line, asyncio.TaskGroup() as group:
        options = WorkerOptions(handle_signals=False, concurrency=20, lease_ms=60_000)
        watched.worker = worker = Worker({kind: watched}, line.url, options=options)
        for n in range(5, 50, 6):
            line.instead(b"_turn", LATE_S, times=1, after=n)
            line.instead(b"_turn", fate, times=1, after=n)
        group.create_task(worker.run())
        ended = [await queue.wait(job_id) for job_id in jobs]
        worker.stop()
    assert all(rule.used for rule in line.rules)
    assert watched.turns == TURNS
    assert {(job.status, job.attempt, job.stalls) for job in ended} == {(Status.COMPLETED, 1, 0)}
    assert set(watched.runs.values()) == {1}
    metrics = (await queue.metrics(kind))[0]
    assert (metrics.completed, metrics.active, metrics.waiting) == (1000, 0, 0)


@pytest.mark.parametrize("units", [None, 8])
async def test_a_worker_with_nothing_to_do_sends_a_turn_a_poll(
    redis_url: str, kind: str, units: int | None
) -> None:
    async def work(payload: Any, context: Any) -> None: ...

    async with line_to(redis_url) as line, asyncio.TaskGroup() as group:
        options = WorkerOptions(handle_signals=False, units=units)
        worker = Worker({kind: work, f"{kind}x": work}, line.url, options=options)
        group.create_task(worker.run())
        await worker.ready.wait()
        loop = asyncio.get_running_loop()
        before, began = line.count(b"_turn"), loop.time()
        await asyncio.sleep(2 * POLL_S)
        after, spent = line.count(b"_turn"), loop.time() - began
        worker.stop()
    # Who finds no units once looks again when they are given back.
    assert 0 < after - before <= 2 * (spent / POLL_S + 1) * (1 if units is None else 2)


async def test_a_job_alone_costs_two_turns_and_a_look(
    redis_url: str, queue: Queue, kind: str
) -> None:
    async def work(payload: Any, context: Any) -> int:
        return 1

    async with line_to(redis_url) as line, asyncio.TaskGroup() as group:
        options = WorkerOptions(handle_signals=False)
        worker = Worker({kind: work}, line.url, options=options)
        group.create_task(worker.run())
        await worker.ready.wait()
        await until(lambda: line.count(b"SUBSCRIBE"))
        loop = asyncio.get_running_loop()
        before, began = line.count(b"_turn"), loop.time()
        for _ in range(20):
            job = await queue.enqueue(kind, 1)
            assert await queue.result(job.job_id) == 1
        after, spent = line.count(b"_turn"), loop.time() - began
        worker.stop()
    assert after - before <= 2 * 20 + spent / POLL_S + 1


class Deaf(Silent):
    """A sink that breaks when a hook has failed."""

    def __init__(self) -> None:
        self.broken = 0

    def warn(self, name: str, **fields: Any) -> None:
        if name == "hook.failed":
            self.broken += 1
            raise OSError("the sink is full")


class Angry:
    """A hook that fails."""

    def on_transition(self, event: Any) -> None:
        raise ValueError("no")


async def test_a_turn_that_nobody_could_be_told_of_keeps_no_slot_and_loses_no_job(
    queue: Queue, kind: str
) -> None:
    telemetry = Deaf()
    options = WorkerOptions(concurrency=2, handle_signals=False)
    worker = Worker(
        {kind: double}, queue.url, options=options, telemetry=telemetry, hooks=[Angry()]
    )
    running = asyncio.create_task(worker.run())
    for job_id in await fill(queue, kind, 6):
        done = await queue.wait(job_id, timeout_ms=60_000)
        assert (done.status, done.attempt) == (Status.COMPLETED, 1)
    await until(lambda: worker._stations[0].taker._slots.free == 2)
    assert telemetry.broken > 2
    worker.stop()
    await running


async def double(payload: int, context: Any) -> int:
    return 2 * payload
