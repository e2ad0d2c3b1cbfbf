"""Tenants beside each other: shares, caps, rates, pauses. No slot idles while anything may run."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from typing import Any

import pytest

from cotiza_queue import Limits, NewJob, Queue, Status
from cotiza_queue.errors import InvalidInput
from cotiza_queue.model.policy import Rate
from cotiza_queue.store.commands import Commands
from cotiza_queue.store.connection import Connection
from engine.records import kept_of, names


async def fill(queue: Queue, kind: str, tenant: str, count: int) -> None:
    for start in range(0, count, 1000):
        jobs = [
            NewJob(type=kind, payload=tenant, tenant=tenant)
            for _ in range(min(1000, count - start))
        ]
        await queue.enqueue_many(jobs)


class Ledger:
    """Who started in which order, and how many ran at once at most."""

    def __init__(self, wanted: int) -> None:
        self.order: list[str] = []
        self.moments: list[float] = []
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.most_of_all = 0
        self._wanted = wanted
        self.enough = asyncio.Event()
        self.pause_s = 0.0

    async def work(self, payload: Any, context: Any) -> None:
        self.order.append(payload)
        self.moments.append(time.monotonic())
        self.now[payload] += 1
        self.most[payload] = max(self.most[payload], self.now[payload])
        self.most_of_all = max(self.most_of_all, self.now.total())
        await asyncio.sleep(self.pause_s)
        self.now[payload] -= 1
        if len(self.order) >= self._wanted:
            self.enough.set()


@pytest.mark.row("C5")
async def test_a_newcomer_behind_a_flood_is_served_within_the_window(
    queue: Queue, kind: str, working: Any
) -> None:
    await fill(queue, kind, "flood", 5000)
    await fill(queue, kind, "newcomer", 10)
    ledger = Ledger(200)
    async with working({kind: ledger.work}, concurrency=1):
        await ledger.enough.wait()
    last = max(i for i, tenant in enumerate(ledger.order) if tenant == "newcomer") + 1
    assert last <= 20  # twice what its ten jobs take alone
    assert ledger.order.count("newcomer") == 10


async def test_takes_that_empty_the_lane_serve_all_tenants_alike(
    redis_url: str, queue: Queue, kind: str
) -> None:
    tenants = [f"t{n}" for n in range(20)]
    for first in range(0, 240, 40):
        jobs = range(first, first + 40)
        await queue.enqueue_many(
            [NewJob(type=kind, payload=n, tenant=tenant) for n in jobs for tenant in tenants]
        )
    connection, started, apart = Connection(redis_url), Counter[str](), list[int]()
    for _ in range(90):
        turn = await Commands(connection).turn(kind, "w", 50, [])
        started.update(delivery.tenant for delivery in turn.deliveries)
        apart.append(max(started.values()) - min(started.values()))
    await connection.close()
    assert started.total() == 90 * 50
    assert max(apart) <= 12  # it comes about in the first takes, and does not grow


@pytest.mark.row("C5")
@pytest.mark.parametrize("small", [0, 2], ids=["all large", "small ones first"])
async def test_large_payloads_that_a_take_leaves_behind_stand_in_the_line_and_not_in_the_lane(
    redis_url: str, queue: Queue, kind: str, small: int
) -> None:
    flood = ["x"] * small + ["x" * 100_000] * (30 - small)
    made = [await queue.enqueue(kind, text, tenant="flood") for text in flood]
    connection = Connection(redis_url)
    commands = Commands(connection)
    first = (await commands.turn(kind, "w", 100, [])).deliveries
    await queue.enqueue(kind, "me too", tenant="newcomer")
    rest = [await commands.turn(kind, "w", 1, []) for _ in range(31 - len(first))]
    await connection.close()
    assert 5 <= len(first) <= 10  # half a megabyte
    order = [delivery for turn in rest for delivery in turn.deliveries]
    assert [delivery.tenant for delivery in order].index("newcomer") == 2
    ids = [delivery.id for delivery in [*first, *order] if delivery.tenant == "flood"]
    assert ids == [job.job_id for job in made]


@pytest.mark.row("C5")
async def test_weights_of_three_to_one_give_three_quarters_of_the_starts(
    queue: Queue, kind: str, working: Any
) -> None:
    await queue.limit(kind, Limits(weight=3), tenant="heavy")
    await fill(queue, kind, "light", 2000)
    await fill(queue, kind, "heavy", 2000)
    ledger = Ledger(1000)
    async with working({kind: ledger.work}, concurrency=5):
        await ledger.enough.wait()
    first = Counter(ledger.order[100:900])
    assert first["heavy"] / first.total() == pytest.approx(0.75, abs=0.02)


async def test_jobs_of_one_tenant_keep_their_order_through_the_backlog(
    queue: Queue, kind: str, working: Any
) -> None:
    seen: list[int] = []
    done = asyncio.Event()

    async def note(payload: Any, context: Any) -> None:
        seen.append(payload)
        if len(seen) == 300:
            done.set()

    await queue.enqueue_many([NewJob(type=kind, payload=n) for n in range(300)])
    async with working({kind: note}, concurrency=1):
        await done.wait()
    assert seen == list(range(300))


@pytest.mark.row("C3")
async def test_a_tenants_cap_is_never_exceeded_and_others_fill_the_slots(
    queue: Queue, kind: str, working: Any
) -> None:
    await queue.limit(kind, {"concurrency": 2}, tenant="capped")
    await fill(queue, kind, "capped", 60)
    await fill(queue, kind, "free", 200)
    ledger = Ledger(260)
    ledger.pause_s = 0.005
    async with (
        working({kind: ledger.work}, concurrency=5),
        working({kind: ledger.work}, concurrency=5),
    ):
        await ledger.enough.wait()
    assert ledger.most["capped"] == 2
    assert ledger.most_of_all == 10


async def test_a_cap_lowered_while_jobs_run_holds_from_the_next_start(
    queue: Queue, kind: str, working: Any
) -> None:
    await queue.limit(kind, {"concurrency": 6}, tenant="t")
    await fill(queue, kind, "t", 120)
    ledger = Ledger(60)
    ledger.pause_s = 0.01
    async with working({kind: ledger.work}, concurrency=10):
        await ledger.enough.wait()
        await queue.limit(kind, {"concurrency": 1}, tenant="t")
        while (await queue.metrics(kind))[0].active > 1:
            await asyncio.sleep(0.001)
        ledger.most.clear()
        while len(ledger.order) < 120:
            await asyncio.sleep(0.01)
    assert ledger.most["t"] == 1


@pytest.mark.row("C2")
async def test_the_queues_own_cap_holds_over_all_workers_and_can_be_changed(
    queue: Queue, kind: str, working: Any
) -> None:
    await queue.limit(kind, {"concurrency": 3})
    await fill(queue, kind, "a", 60)
    ledger = Ledger(60)
    ledger.pause_s = 0.005
    async with (
        working({kind: ledger.work}, concurrency=5),
        working({kind: ledger.work}, concurrency=5),
    ):
        await ledger.enough.wait()
    assert ledger.most_of_all == 3


@pytest.mark.row("C4")
async def test_a_rate_is_kept_in_every_window_and_burst_is_its_allowance(
    queue: Queue, kind: str, working: Any
) -> None:
    await queue.limit(kind, Limits(rate=Rate(count=100, per_ms=1000, burst=5)), tenant="slow")
    await fill(queue, kind, "slow", 40)
    await fill(queue, kind, "free", 100)
    ledger = Ledger(140)
    async with working({kind: ledger.work}, concurrency=10):
        await ledger.enough.wait()
    jobs = (await queue.list("slow", job_type=kind, limit=100)).items
    starts = sorted(job.started_ms or 0 for job in jobs)
    # By the server's clock: of any 6 starts, the last is at least one period after the first.
    assert all(later - start >= 9 for start, later in zip(starts, starts[5:], strict=False))
    assert all(later - start >= 100 for start, later in zip(starts, starts[15:], strict=False))
    assert "slow" in ledger.order[:20]


async def test_a_queues_rate_is_kept_by_all_workers_together(
    queue: Queue, kind: str, working: Any
) -> None:
    await queue.limit(kind, {"rate": {"count": 100, "perMs": 1000, "burst": 1}})
    await fill(queue, kind, "a", 30)
    ledger = Ledger(30)
    async with working({kind: ledger.work}), working({kind: ledger.work}):
        await ledger.enough.wait()
    jobs = (await queue.list("a", job_type=kind, limit=100)).items
    starts = sorted(job.started_ms or 0 for job in jobs)
    assert all(later - start >= 9 for start, later in itertools.pairwise(starts))


@pytest.mark.row("G1")
async def test_a_paused_tenant_waits_and_others_go_on(
    queue: Queue, kind: str, working: Any
) -> None:
    await queue.pause(kind, tenant="held")
    await fill(queue, kind, "held", 5)
    await fill(queue, kind, "free", 20)
    ledger = Ledger(20)
    async with working({kind: ledger.work}):
        await ledger.enough.wait()
        assert "held" not in ledger.order
        await queue.resume(kind, tenant="held")
        while ledger.order.count("held") < 5:
            await asyncio.sleep(0.005)


async def test_a_tenant_paused_for_a_span_goes_on_by_itself(
    queue: Queue, kind: str, working: Any
) -> None:
    ledger = Ledger(3)
    async with working({kind: ledger.work}):
        await queue.pause(kind, tenant="held", for_ms=200)
        await fill(queue, kind, "held", 3)
        await ledger.enough.wait()
    jobs = (await queue.list("held", job_type=kind)).items
    assert all((job.started_ms or 0) - job.created_ms >= 150 for job in jobs)


async def test_jobs_in_a_backlog_can_be_cancelled_and_replayed(
    queue: Queue, kind: str, working: Any
) -> None:
    jobs = await queue.enqueue_many([NewJob(type=kind, payload=n) for n in range(40)])
    ids = [job.job_id for job in jobs]  # type: ignore[union-attr]
    for job_id in ids[5:35]:
        assert (await queue.cancel(job_id)).status is Status.CANCELLED
    assert (await queue.metrics(kind))[0].waiting == 10
    await queue.replay(ids[20])
    ledger = Ledger(11)
    async with working({kind: ledger.work}, concurrency=2):
        await ledger.enough.wait()
        await queue.wait(ids[20])
        await queue.wait(ids[39])
    assert sorted(ledger.order) == sorted([0, 1, 2, 3, 4, 20, 35, 36, 37, 38, 39])  # type: ignore[list-item]
    metrics = (await queue.metrics(kind))[0]
    assert (metrics.waiting, metrics.active, metrics.completed, metrics.cancelled) == (0, 0, 11, 29)


async def test_a_tenant_leaves_no_line_behind_and_with_its_last_job_no_key(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    await fill(queue, kind, "gone", 50)
    ledger = Ledger(50)
    async with working({kind: ledger.work}):
        await ledger.enough.wait()
        while (await queue.metrics(kind))[0].active:
            await asyncio.sleep(0.01)
    connection = Connection(redis_url)
    left = await names(connection, kind)
    assert not [name for name in left if name.startswith("backlog:")]
    assert (await kept_of(connection, kind, "gone")).numbers == {}
    while await queue.clean(kind, status=Status.COMPLETED, tenant="gone"):
        pass
    assert not [name for name in await names(connection, kind) if "gone" in name]
    await connection.close()


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"concurrency": 0}, "limits.concurrency"),
        ({"weight": 101}, "limits.weight"),
        ({"rate": {"count": 0}}, "limits.rate.count"),
        ({"speed": 1}, "limits.speed"),
    ],
)
async def test_a_limit_out_of_range_is_named(
    queue: Queue, kind: str, limits: Any, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await queue.limit(kind, limits)
    assert caught.value.fields[0].field == field


async def test_a_thousand_cancelled_jobs_in_a_backlog_strand_nothing_behind_them(
    queue: Queue, kind: str, working: Any
) -> None:
    jobs = await queue.enqueue_many([NewJob(type=kind, payload=n) for n in range(1000)])
    for job in jobs[2:999]:
        await queue.cancel(job.job_id)  # type: ignore[union-attr]
    ledger = Ledger(4)
    async with working({kind: ledger.work}):
        await queue.enqueue(kind, "later")
        await ledger.enough.wait()
    assert sorted(map(str, ledger.order)) == ["0", "1", "999", "later"]


async def test_raising_or_lifting_a_rate_takes_effect_at_once(
    queue: Queue, kind: str, working: Any
) -> None:
    await queue.limit(kind, {"rate": {"count": 1, "perMs": 3_600_000}}, tenant="t")
    await fill(queue, kind, "t", 6)
    ledger = Ledger(6)
    async with working({kind: ledger.work}):
        while not ledger.order:
            await asyncio.sleep(0.01)
        await queue.limit(kind, {"rate": {"count": 100, "perMs": 1000}}, tenant="t")
        while len(ledger.order) < 3:
            await asyncio.sleep(0.01)
        await queue.limit(kind, {}, tenant="t")
        await ledger.enough.wait()


async def test_room_under_a_cap_goes_to_the_best_lane_that_waits(
    queue: Queue, kind: str, working: Any
) -> None:
    await queue.limit(kind, {"concurrency": 1}, tenant="t")
    normal = await queue.enqueue(kind, "normal", tenant="t")
    better = await queue.enqueue(kind, "better", tenant="t", options={"priority": 1})
    await queue.cancel(normal.job_id)
    ledger = Ledger(1)
    async with working({kind: ledger.work}):
        await queue.wait(better.job_id)
    assert ledger.order == ["better"]


async def test_a_rate_keeps_the_order_of_a_tenants_jobs(
    queue: Queue, kind: str, working: Any
) -> None:
    await queue.limit(kind, {"rate": {"count": 50, "perMs": 1000}}, tenant="t")
    await queue.enqueue_many([NewJob(type=kind, payload=n, tenant="t") for n in range(12)])
    ledger = Ledger(12)
    async with working({kind: ledger.work}, concurrency=3):
        await ledger.enough.wait()
    assert ledger.order == list(range(12))


async def test_a_rate_and_a_pause_of_one_tenant_do_not_forget_each_other(
    queue: Queue, kind: str, working: Any
) -> None:
    await queue.limit(kind, {"rate": {"count": 5, "perMs": 1000}}, tenant="t")
    await fill(queue, kind, "t", 5)
    ledger = Ledger(5)
    async with working({kind: ledger.work}):
        while not ledger.order:
            await asyncio.sleep(0.005)
        await queue.pause(kind, tenant="t", for_ms=3_600_000)
        await queue.resume(kind, tenant="t")
        await queue.pause(kind, tenant="t", for_ms=20)
        await ledger.enough.wait()
