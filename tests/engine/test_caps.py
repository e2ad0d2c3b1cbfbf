"""Caps of tenants and of a queue while workers are killed, told by the history of all runs.

The clock of the server is ours, so that a lease ends when the test says so and nothing is waited
for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from random import Random
from typing import Any

import pytest

from cotiza_queue import JobOptions, NewJob
from cotiza_queue.engine.intake import intake_of
from cotiza_queue.model.job import JobType
from cotiza_queue.store.commands import Commands, Delivery, Settlement
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import stored
from stateful.server import TimedServer

LEASE_MS = 3000
KIND = JobType[Any]("capped")


class Fleet:
    """Workers that take, settle and die. A job of a dead one counts as running until it is
    recovered.
    """

    def __init__(self, timed: TimedServer, connection: Connection, workers: int) -> None:
        self.clock = timed.clock
        self.commands = Commands(connection)
        self.chance = Random(3)
        self.held: dict[str, dict[str, Delivery]] = {f"w{n}": {} for n in range(workers)}
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.order: dict[str, list[int]] = defaultdict(list)
        self.done = 0
        self.lost: dict[str, str] = {}
        """Jobs of the dead: id → tenant."""
        self._born = workers

    async def fill(self, tenants: int, each: int) -> None:
        for n in range(each):
            jobs = []
            for tenant in range(tenants):
                name = f"t{tenant}"
                options = JobOptions(remove_on_complete=True, attempts=20)
                job = NewJob(type="capped", payload=n, tenant=name, options=options)
                jobs.append(intake_of(job, KIND, stored(f"{name}-{n}", KIND.name)))
            await self.commands.enqueue("capped", jobs)

    async def turn(self, worker: str, want: int) -> list[Delivery]:
        held = self.held[worker]
        ended = [d for d in held.values() if self.chance.random() < 0.6]
        outcomes = [Settlement("complete", d.stored, d.token) for d in ended]
        turn = await self.commands.turn("capped", worker, want - len(held) + len(ended), outcomes)
        assert turn.answers == ["ok"] * len(ended)
        for d in ended:
            del held[d.id]
            self.running[d.tenant] -= 1
        self.done += len(ended)
        for d in turn.deliveries:
            held[d.id] = d
            self.running[d.tenant] += 1
            self.most[d.tenant] = max(self.most[d.tenant], self.running[d.tenant])
            self.most["all"] = max(self.most["all"], self.running.total())
            if d.stalls == 0:
                self.order[d.tenant].append(int(d.id.split("-")[1]))
        return turn.deliveries

    def kill(self, worker: str) -> None:
        """It is gone with all it ran; another one comes."""
        self.lost |= {d.id: d.tenant for d in self.held.pop(worker).values()}
        self._born += 1
        self.held[f"w{self._born}"] = {}

    async def recover(self) -> None:
        """The leases of the dead run out; the living renew theirs."""
        self.clock.now_ms += LEASE_MS - 1
        for worker, held in self.held.items():
            pairs = [(d.stored, d.token) for d in held.values()]
            assert await self.commands.renew("capped", worker, b"{}", LEASE_MS, pairs) == []
        self.clock.now_ms += 1
        for _ in range(100):  # a page of living ones is no end
            found = await self.commands.stale("capped", LEASE_MS)
            for id_, status in await self.commands.reclaim("capped", "w", LEASE_MS, 99, found):
                assert status == "waiting"
                self.running[self.lost.pop(id_)] -= 1
            if not self.lost:
                return
        assert self.lost == {}


@pytest.mark.row("C3")
async def test_a_thousand_tenants_with_a_cap_of_two_never_run_a_third_though_workers_are_killed(
    timed: TimedServer, connection: Connection
) -> None:
    tenants, each = 1000, 5
    fleet = Fleet(timed, connection, workers=6)
    for tenant in range(tenants):
        await fleet.commands.limit("capped", f"t{tenant}", {"concurrency": 2})
    await fleet.fill(tenants, each)
    turns = 0
    while fleet.done < tenants * each:
        worker = fleet.chance.choice(list(fleet.held))
        await fleet.turn(worker, 50)
        turns += 1
        if turns % 12 == 0:
            fleet.kill(worker)
            await fleet.recover()
        assert turns < 2000
    assert fleet.most.pop("all") > 100
    assert max(fleet.most.values()) == 2
    # First starts of a tenant's jobs come in the order of the jobs.
    assert all(order == sorted(order) for order in fleet.order.values())


@pytest.mark.row("C3")
async def test_no_tenant_with_work_and_a_seat_is_left_waiting_beside_a_free_slot(
    timed: TimedServer, connection: Connection
) -> None:
    fleet = Fleet(timed, connection, workers=3)
    for tenant in range(10):
        await fleet.commands.limit("capped", f"t{tenant}", {"concurrency": 2})
    await fleet.fill(10, 60)
    started: Counter[str] = Counter()
    while fleet.done < 600:
        for worker in fleet.held:
            want = 15
            for delivery in await fleet.turn(worker, want):
                started[delivery.tenant] += 1
            if len(fleet.held[worker]) < want:
                seats = {t for t in fleet.most if fleet.running[t] < 2 and started[t] < 60}
                assert seats <= {"all"}, f"{seats} wait beside a free slot"


@pytest.mark.row("C2")
async def test_the_seat_of_a_killed_worker_is_free_when_its_lease_ends_and_not_before(
    timed: TimedServer, connection: Connection
) -> None:
    fleet = Fleet(timed, connection, workers=3)
    await fleet.commands.limit("capped", "", {"concurrency": 7})
    await fleet.fill(20, 20)
    while fleet.done < 400:
        worker = fleet.chance.choice(list(fleet.held))
        await fleet.turn(worker, 10)
        if fleet.chance.random() < 0.1:
            fleet.kill(worker)
            await fleet.turn(next(iter(fleet.held)), 10)
            await fleet.recover()
    assert fleet.most["all"] == 7
    await fleet.commands.limit("capped", "", {"concurrency": 3})
    await fleet.fill(3, 10)
    fleet.most.clear()
    while fleet.done < 430:
        await fleet.turn(fleet.chance.choice(list(fleet.held)), 10)
    assert fleet.most["all"] == 3


@pytest.mark.row("C5")
async def test_ten_thousand_tenants_have_each_started_once_before_any_starts_a_third_time(
    timed: TimedServer, connection: Connection
) -> None:
    fleet = Fleet(timed, connection, workers=4)
    for begin in range(0, 10_000, 100):
        jobs = []
        for tenant in range(begin, begin + 100):
            for n in range(3):
                name = f"t{tenant}"
                options = JobOptions(remove_on_complete=True)
                job = NewJob(type="capped", payload=n, tenant=name, options=options)
                jobs.append(intake_of(job, KIND, stored(f"{name}-{n}", KIND.name)))
        await fleet.commands.enqueue("capped", jobs)
    started: Counter[str] = Counter()
    while len(started) < 10_000:
        for delivery in await fleet.turn(fleet.chance.choice(list(fleet.held)), 100):
            started[delivery.tenant] += 1
            # Two stand in the lane from the beginning; the third comes to its tail.
            assert started[delivery.tenant] <= 2 or len(started) == 10_000
