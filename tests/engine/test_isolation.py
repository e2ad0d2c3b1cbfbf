"""A job that has lost two workers runs alone in its process, and what came beside it goes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import NewJob, Queue, Status
from cotiza_queue.engine.isolation import SUSPECT_STALLS
from cotiza_queue.store.commands import Commands
from cotiza_queue.store.connection import Connection

pytestmark = pytest.mark.row("D7")


async def _stall(redis_url: str, kind: str, times: int) -> None:
    """Everything that waits loses so many workers."""
    connection = Connection(redis_url)
    commands = Commands(connection)
    for n in range(times):
        taken = (await commands.turn(kind, f"gone{n}", 100, [])).deliveries
        await asyncio.sleep(0.005)
        found: list[tuple[str, str]] = []
        while len(found) < len(taken):
            found += await commands.stale(kind, 1)
        back = await commands.reclaim(kind, "finder", 1, 9, found)
        assert len(back) == len(taken)
    await connection.close()


@pytest.mark.parametrize("stalls", [SUSPECT_STALLS - 1, SUSPECT_STALLS])
async def test_suspects_run_one_by_one_and_alone_others_side_by_side(
    redis_url: str, queue: Queue, kind: str, working: Any, stalls: int
) -> None:
    other = f"{kind}x"
    at_once, most, alone = 0, 0, []

    async def work(payload: Any, context: Any) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.02)
        if payload == "suspect":
            alone.append(at_once == 1)
        at_once -= 1

    suspects = await queue.enqueue_many([NewJob(type=kind, payload="suspect")] * 4)
    await _stall(redis_url, kind, stalls)
    fresh = await queue.enqueue_many(
        [NewJob(type=name, payload="fresh") for name in (kind, other) * 5]
    )
    async with working({kind: work, other: work}):
        ends = [await queue.wait(job.job_id) for job in (*suspects, *fresh)]  # type: ignore[union-attr]
    assert {(end.status, end.attempt) for end in ends} == {(Status.COMPLETED, 1)}
    assert all(alone) == (stalls >= SUSPECT_STALLS)
    assert most > 1


async def test_a_suspect_that_waits_for_the_others_goes_back_when_the_worker_leaves(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    started, calls = asyncio.Event(), []

    async def work(payload: Any, context: Any) -> None:
        calls.append(payload)
        started.set()
        await asyncio.Event().wait()

    other = f"{kind}x"
    suspect = await queue.enqueue(other, "suspect")
    await _stall(redis_url, other, SUSPECT_STALLS)
    await queue.pause(other)
    long = await queue.enqueue(kind, "long")
    async with working({kind: work, other: work}, drain_ms=1):
        await started.wait()
        await queue.resume(other)
        while (await queue.get(suspect.job_id)).status is not Status.ACTIVE:
            await asyncio.sleep(0.01)
    assert calls == ["long"]
    for job in (long, suspect):
        found = await queue.get(job.job_id)
        assert (found.status, found.attempt) == (Status.WAITING, 0)
