"""Weighted slots: heavy and light jobs share the units of one worker."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import NewJob, Queue, Status, Worker, WorkerOptions
from cotiza_queue.engine.units import MAX_UNITS
from cotiza_queue.errors import ConfigurationError

pytestmark = pytest.mark.row("C16")


class Meter:
    """How many units run, and who started in which order."""

    def __init__(self, weights: dict[str, int]) -> None:
        self.weights = weights
        self.now = 0
        self.most = 0
        self.order: list[str] = []

    async def work(self, payload: Any, context: Any) -> None:
        weight = self.weights.get(context.job_type, 1)
        self.now += weight
        self.most = max(self.most, self.now)
        self.order.append(context.job_type)
        await asyncio.sleep(0.002)
        self.now -= weight


async def fill(queue: Queue, kind: str, count: int) -> list[str]:
    jobs = await queue.enqueue_many([NewJob(type=kind, payload=n) for n in range(count)])
    return [job.job_id for job in jobs]  # type: ignore[union-attr]


async def test_never_more_than_eight_units_run_and_heavy_jobs_run_while_light_ones_flood(
    queue: Queue, kind: str, working: Any
) -> None:
    heavy, light = f"{kind}heavy", f"{kind}light"
    meter = Meter({heavy: 4})
    flood = await fill(queue, light, 600)
    few = await fill(queue, heavy, 20)
    options = {"units": 8, "weights": {heavy: 4}, "concurrency": 10}
    async with working({light: meter.work, heavy: meter.work}, **options):
        for job_id in few:
            assert (await queue.wait(job_id)).status is Status.COMPLETED
        behind = meter.order.count(light)
        for job_id in flood:
            await queue.wait(job_id)
    assert meter.most == 8
    assert behind < 600
    assert len(meter.order) == 620


async def test_light_jobs_are_not_kept_out_by_heavy_ones_either(
    queue: Queue, kind: str, working: Any
) -> None:
    heavy, other, light = f"{kind}heavy", f"{kind}other", f"{kind}light"
    meter = Meter({heavy: 3, other: 2})
    for name in (heavy, other):
        await fill(queue, name, 150)
    few = await fill(queue, light, 20)
    options = {"units": 3, "weights": {heavy: 3, other: 2}}
    async with working(dict.fromkeys((heavy, other, light), meter.work), **options):
        for job_id in few:
            await queue.wait(job_id)
        assert len(meter.order) < 320
    assert meter.most == 3


async def test_a_job_that_waits_for_units_keeps_its_lease_and_its_timeout_has_not_begun(
    queue: Queue, kind: str, working: Any
) -> None:
    long, heavy = f"{kind}long", f"{kind}heavy"
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def hold(payload: Any, context: Any) -> None:
        begun.set()
        await let_go.wait()

    async def work(payload: Any, context: Any) -> int:
        return int(context.attempt)

    first = await queue.enqueue(long, 1)
    options = {"units": 2, "weights": {heavy: 2}, "lease_ms": 300}
    async with working({long: hold, heavy: work}, **options):
        await begun.wait()
        waits = await queue.enqueue(heavy, 1, options={"timeout": 100})
        while (await queue.get(waits.job_id)).status is not Status.ACTIVE:
            await asyncio.sleep(0.005)
        # Well over its timeout and three leases: nobody takes it for lost, and it has not begun.
        await asyncio.sleep(1.0)
        let_go.set()
        done = await queue.wait(waits.job_id)
        await queue.wait(first.job_id)
    assert (done.status, done.result, done.stalls) == (Status.COMPLETED, 1, 0)


async def test_a_job_that_waits_for_units_can_be_cancelled_and_is_handed_back_at_the_end(
    queue: Queue, kind: str, working: Any
) -> None:
    long, heavy = f"{kind}long", f"{kind}heavy"
    begun, let_go = asyncio.Event(), asyncio.Event()
    ran: list[Any] = []

    async def hold(payload: Any, context: Any) -> None:
        begun.set()
        await let_go.wait()

    async def work(payload: Any, context: Any) -> None:
        ran.append(payload)

    await queue.enqueue(long, 1)
    options = {"units": 2, "weights": {heavy: 2}, "drain_ms": 100}
    async with working({long: hold, heavy: work}, **options):
        await begun.wait()
        first = await queue.enqueue(heavy, "cancelled")
        while (await queue.get(first.job_id)).status is not Status.ACTIVE:
            await asyncio.sleep(0.005)
        await queue.cancel(first.job_id)
        second = await queue.enqueue(heavy, "handed back")
        while (await queue.get(second.job_id)).status is not Status.ACTIVE:
            await asyncio.sleep(0.005)
    assert (await queue.get(second.job_id)).status is Status.WAITING
    assert (await queue.get(second.job_id)).attempt == 0
    assert ran == []


@pytest.mark.parametrize(
    "options",
    [
        {"units": 0},
        {"units": MAX_UNITS + 1},
        {"units": 8, "weights": {"t": 9}},
        {"units": 8, "weights": {"t": 0}},
        {"weights": {"t": 1}},
    ],
)
def test_units_and_weights_that_cannot_work_are_refused(options: Any) -> None:
    async def work(payload: Any, context: Any) -> None: ...

    with pytest.raises(ConfigurationError):
        Worker({"t": work}, options=WorkerOptions(**options))
    Worker({"t": work}, options=WorkerOptions(units=MAX_UNITS, weights={"t": MAX_UNITS}))
