"""Pauses of a queue and of a tenant: with a reason, and with an end that needs nobody."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from cotiza_queue import NewJob, Queue, Status
from cotiza_queue.errors import InvalidInput
from cotiza_queue.model.policy import MAX_DELAY_MS, MAX_REASON

OPERATOR = """
import asyncio, os, sys
from cotiza_queue import Queue

async def main(url, kind, tenant):
    queue = await Queue(url).open()
    await queue.pause(kind, tenant=tenant or None, for_ms=2000, reason="the operator is gone")
    os.kill(os.getpid(), 9)

asyncio.run(main(*sys.argv[1:]))
"""


async def quick(payload: Any, context: Any) -> Any:
    return payload


async def jobs_of(queue: Queue, kind: str, tenant: str, count: int) -> list[str]:
    jobs = [NewJob(type=kind, payload=n, tenant=tenant) for n in range(count)]
    return [job.job_id for job in await queue.enqueue_many(jobs)]  # type: ignore[union-attr]


@pytest.mark.row("G1")
async def test_pausing_a_tenant_stops_its_starts_and_nobody_elses(
    queue: Queue, kind: str, working: Any
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    started: list[str] = []

    async def work(payload: Any, context: Any) -> None:
        started.append(context.tenant)
        begun.set()
        await go_on.wait()

    running = (await jobs_of(queue, kind, "held", 1))[0]
    async with working({kind: work}, concurrency=3), working({kind: work}, concurrency=3):
        await begun.wait()
        await queue.pause(kind, tenant="held", reason="their printer burns")
        mine = await jobs_of(queue, kind, "held", 30)
        theirs = await jobs_of(queue, kind, "free", 200)
        go_on.set()
        for job_id in [running, *theirs]:  # what ran goes on
            assert (await queue.wait(job_id)).status is Status.COMPLETED
        assert started.count("held") == 1
        await queue.resume(kind, tenant="held")
        for job_id in mine:
            assert (await queue.wait(job_id)).status is Status.COMPLETED


@pytest.mark.row("G1")
@pytest.mark.parametrize("tenant", ["", "held"])
async def test_a_pause_with_a_span_ends_although_every_operator_process_is_gone(
    redis_url: str, queue: Queue, kind: str, working: Any, tenant: str
) -> None:
    await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", OPERATOR, redis_url, kind, tenant], check=False
    )
    pause = (await queue.pauses(kind))[0]
    assert (pause.tenant, pause.reason) == (tenant or None, "the operator is gone")
    job = await queue.enqueue(kind, 1, tenant="held")
    async with working({kind: quick}):
        done = await queue.wait(job.job_id)
    assert pause.until_ms is not None
    assert (done.started_ms or 0) >= pause.until_ms
    assert await queue.pauses(kind) == []


async def test_a_pause_tells_who_since_when_until_when_and_why(queue: Queue, kind: str) -> None:
    await queue.pause(kind, reason="moving house")
    await queue.pause(kind, tenant="a", for_ms=3_600_000)
    await queue.pause(kind, tenant="b", reason="unpaid")
    whole, a, b = await queue.pauses(kind)
    assert (whole.type, whole.tenant, whole.until_ms, whole.reason) == (
        kind, None, None, "moving house",
    )  # fmt: skip
    assert (a.tenant, a.reason) == ("a", None)
    assert (a.until_ms or 0) - a.since_ms == 3_600_000
    assert (b.tenant, b.until_ms, b.reason) == ("b", None, "unpaid")
    metrics = (await queue.metrics(kind))[0]
    assert (metrics.paused, metrics.paused_reason) == (True, "moving house")
    await queue.pause(kind, tenant="b", for_ms=1000, reason="paid half")
    again = (await queue.pauses(kind))[2]
    assert (again.since_ms, again.reason) == (b.since_ms, "paid half")
    for tenant in (None, "a", "b"):
        await queue.resume(kind, tenant=tenant)
    assert await queue.pauses(kind) == []
    assert not (await queue.metrics(kind))[0].paused


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"for_ms": 0}, "forMs"),
        ({"for_ms": MAX_DELAY_MS + 1}, "forMs"),
        ({"reason": "x" * (MAX_REASON + 1)}, "reason"),
        ({"reason": "two\nlines"}, "reason"),
    ],
)
async def test_a_pause_out_of_range_is_named(
    queue: Queue, kind: str, asked: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await queue.pause(kind, **asked)
    assert [fault.field for fault in caught.value.fields] == [field]
    assert await queue.pauses(kind) == []
    await queue.pause(kind, for_ms=MAX_DELAY_MS, reason="x" * MAX_REASON)
