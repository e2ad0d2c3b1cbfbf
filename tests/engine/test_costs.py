"""Rates in units of cost, and what a Retry-After of the other side holds back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import JobOptions, Limits, NewJob, Queue, Status
from cotiza_queue.engine.intake import intake_of
from cotiza_queue.errors import InvalidInput, RetryableError
from cotiza_queue.model.job import JobType
from cotiza_queue.model.policy import MAX_COST, Rate
from cotiza_queue.store.commands import Commands, Settlement
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import stored
from engine.records import kept_of
from stateful.server import TimedServer

MINUTE = 60_000
KIND = JobType[Any]("rated")


class Fleet:
    """Workers in turn on a clock of our own. ``starts``: (moment, tenant, cost)."""

    def __init__(self, server: TimedServer, commands: Commands, workers: int) -> None:
        self.server = server
        self.commands = commands
        self.workers = workers
        self.starts: list[tuple[int, str, int]] = []
        self.costs: dict[str, int] = {}

    async def add(self, tenant: str, costs: list[int]) -> None:
        jobs = []
        for cost in costs:
            job_id = f"{tenant}-{len(self.costs)}"
            self.costs[job_id] = cost
            options = JobOptions(cost=cost)
            job = NewJob(type="rated", payload=1, tenant=tenant, options=options)
            jobs.append(intake_of(job, KIND, stored(job_id, KIND.name)))
        for start in range(0, len(jobs), 100):
            await self.commands.enqueue("rated", jobs[start : start + 100])

    async def go_on(self, span_ms: int, step_ms: int) -> None:
        """Let time pass, a turn of one of the workers at each step."""
        for step in range(span_ms // step_ms):
            worker, outcomes = f"w{step % self.workers}", list[Settlement]()
            for _ in range(2):
                turn = await self.commands.turn("rated", worker, 10, outcomes)
                outcomes = [Settlement("complete", d.stored, d.token) for d in turn.deliveries]
                self.starts += [
                    (self.server.clock.now_ms, d.tenant, self.costs[d.id]) for d in turn.deliveries
                ]
            await self.commands.turn("rated", worker, 0, outcomes)
            self.server.clock.now_ms += step_ms

    def most_within(self, window_ms: int, tenant: str) -> int:
        """The most units that started in any window of that length."""
        mine = [(at, cost) for at, who, cost in self.starts if who == tenant]
        return max(
            sum(cost for at, cost in mine if begin <= at < begin + window_ms) for begin, _ in mine
        )


@pytest.mark.row("C4")
async def test_no_window_of_a_minute_holds_more_starts_than_the_rate_over_thirty_workers(
    timed: TimedServer, connection: Connection
) -> None:
    fleet = Fleet(timed, Commands(connection), workers=30)
    for tenant in ("a", "b"):
        await fleet.commands.limit("rated", tenant, {"period": MINUTE / 100, "burst": 1})
        await fleet.add(tenant, [1] * 700)
    await fleet.add("free", [1] * 300)
    await fleet.go_on(5 * MINUTE, 200)
    for tenant in ("a", "b"):
        assert fleet.most_within(MINUTE, tenant) == 100
        assert sum(1 for _, who, _ in fleet.starts if who == tenant) == 500
    assert sum(1 for _, who, _ in fleet.starts if who == "free") == 300


@pytest.mark.row("C4")
@pytest.mark.parametrize("owner", ["a", ""])
async def test_a_start_spends_the_cost_of_its_job_and_dear_ones_are_not_starved(
    timed: TimedServer, connection: Connection, owner: str
) -> None:
    fleet = Fleet(timed, Commands(connection), workers=3)
    await fleet.commands.limit("rated", owner, {"period": 100.0, "burst": 10})
    await fleet.add("a", [1, 1, 10, 1, 1] * 20)
    await fleet.go_on(MINUTE, 50)
    assert sum(1 for _, _, cost in fleet.starts if cost == 10) == 20
    assert len(fleet.starts) == 100
    assert fleet.most_within(10_000, "a") <= 100 + 10  # the rate, and the burst once


@pytest.mark.row("C4")
async def test_what_costs_more_than_the_burst_starts_from_full_and_leaves_a_debt(
    timed: TimedServer, connection: Connection
) -> None:
    fleet = Fleet(timed, Commands(connection), workers=1)
    await fleet.commands.limit("rated", "a", {"period": 100.0, "burst": 2})
    begin = timed.clock.now_ms
    await fleet.add("a", [1, 50, 1])
    await fleet.go_on(10_000, 50)
    moments = [(at - begin, cost) for at, _, cost in fleet.starts]
    assert moments == [(0, 1), (100, 50), (100 + 49 * 100, 1)]


@pytest.mark.row("C4")
async def test_a_tenant_without_limits_holds_no_key_once_its_rest_is_over(
    timed: TimedServer, connection: Connection
) -> None:
    fleet = Fleet(timed, Commands(connection), workers=1)
    await fleet.commands.limit("rated", "was", {"period": 100.0, "burst": 1})
    await fleet.add("was", [5])
    await fleet.add("told", [1])
    turn = await fleet.commands.turn("rated", "w", 10, [])
    outcomes = []
    for d in turn.deliveries:
        outcomes.append(Settlement("hold", d.stored, d.token, b"tenant", 5000))
        outcomes.append(Settlement("complete", d.stored, d.token))
    await fleet.commands.turn("rated", "w", 0, outcomes)
    await fleet.commands.limit("rated", "was", {"period": "", "burst": ""})
    assert (await kept_of(connection, "rated", "told")).numbers != {}
    timed.clock.now_ms += 5000
    await fleet.commands.turn("rated", "w", 0, [])
    for name in ("was", "told"):
        assert (await kept_of(connection, "rated", name)).numbers == {}


@pytest.mark.row("C4")
@pytest.mark.parametrize("scope", ["tenant", "queue"])
async def test_a_retry_after_pauses_only_its_key(
    queue: Queue, kind: str, working: Any, scope: Any
) -> None:
    async def work(payload: Any, context: Any) -> str:
        if payload == "told":
            raise RetryableError("429", retry_after_ms=3_600_000, pause=scope)
        return "ran"

    async with working({kind: work}, concurrency=2):
        told = await queue.enqueue(kind, "told", tenant="a")
        while (await queue.get(told.job_id)).status is not Status.DELAYED:
            await asyncio.sleep(0.005)
        mine = await queue.enqueue(kind, "mine", tenant="a")
        theirs = await queue.enqueue(kind, "theirs", tenant="b")
        async with working({f"{kind}x": work}):
            free = await queue.enqueue(f"{kind}x", "another queue", tenant="a")
            assert await queue.result(free.job_id) == "ran"
        if scope == "tenant":
            assert await queue.result(theirs.job_id) == "ran"
        waiting = [mine] if scope == "tenant" else [mine, theirs]
        for job in waiting:
            assert (await queue.get(job.job_id)).status is Status.WAITING
        assert (await queue.why(mine.job_id)).cause == f"{scope}_rate"
        # An operator lifts it by setting the rate anew.
        await queue.limit(kind, {}, tenant="a" if scope == "tenant" else None)
        for job in waiting:
            assert await queue.result(job.job_id) == "ran"
        assert (await queue.get(told.job_id)).status is Status.DELAYED


@pytest.mark.row("C4")
async def test_a_rate_shared_by_all_workers_counts_units(
    queue: Queue, kind: str, working: Any
) -> None:
    await queue.limit(kind, Limits(rate=Rate(count=100, per_ms=1000, burst=4)))

    async def work(payload: Any, context: Any) -> None: ...

    options = [JobOptions(cost=1 + n % 4) for n in range(16)]
    jobs = await queue.enqueue_many([NewJob(type=kind, payload=o.cost, options=o) for o in options])
    async with working({kind: work}), working({kind: work}):
        done = [await queue.wait(job.job_id) for job in jobs]  # type: ignore[union-attr]
    starts = sorted((job.started_ms or 0, int(job.payload)) for job in done)
    for begin, _ in starts:
        spent = sum(cost for at, cost in starts if begin <= at < begin + 100)
        assert spent <= 10 + 4


@pytest.mark.parametrize("cost", [0, MAX_COST + 1, "2"])
async def test_a_cost_out_of_range_is_named(queue: Queue, kind: str, cost: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        await queue.enqueue(kind, 1, options={"cost": cost})
    assert [fault.field for fault in caught.value.fields] == ["options.cost"]
    await queue.enqueue(kind, 1, options={"cost": MAX_COST})
