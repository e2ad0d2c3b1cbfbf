"""When a worker takes what: on the moment, within the caps of type and queue, in few calls."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cotiza_queue import JobOptions, NewJob, Queue, Worker, WorkerOptions
from cotiza_queue.engine import taker
from cotiza_queue.model.job import Enqueued
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.embedded import acquire
from cotiza_queue.store.ids import stored


async def fill(queue: Queue, kind: str, count: int) -> list[str]:
    made = []
    for start in range(0, count, 1000):
        jobs = [NewJob(type=kind, payload=n) for n in range(start, min(count, start + 1000))]
        made += await queue.enqueue_many(jobs)
    return [job.job_id for job in made]  # type: ignore[union-attr]


async def calls(connection: Connection) -> int:
    """How many calls of functions the server has answered."""
    stats = await connection.command("INFO", "commandstats")
    text = stats.decode() if isinstance(stats, bytes) else str(stats)
    found = re.search(r"cmdstat_fcall'?:.*?calls['=: ]+(\d+)", text)
    return int(found[1]) if found else 0


@pytest.mark.row("A6")
async def test_no_delayed_job_starts_before_its_moment(
    queue: Queue, kind: str, working: Any
) -> None:
    chance = Random(6)
    made = [
        await queue.schedule(kind, n, chance.randrange(1, 1500), options={"attempts": 1})
        for n in range(300)
    ]

    async def work(payload: Any, context: Any) -> None: ...

    async with working({kind: work}), working({kind: work}):
        for job in made:
            done = await queue.wait(job.job_id)
            assert (done.started_ms or 0) >= (job.due_ms or 0)  # both by the server's clock


async def waken(payload: Any, context: Any) -> str:
    return "woken"


@pytest.mark.row("A6")
async def test_an_earlier_job_wakes_the_sleeper_whose_next_look_is_an_hour_away(
    queue: Queue, kind: str, working: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taker, "POLL_S", 3600.0)
    await queue.schedule(kind, "late", 3_600_000)
    async with working({kind: waken}):
        for _ in range(3):
            sooner = await queue.schedule(kind, "soon", 300)
            at_once = await queue.enqueue(kind, "now")
            assert await queue.result(at_once.job_id) == "woken"
            assert await queue.result(sooner.job_id) == "woken"


@pytest.mark.row("A6")
async def test_an_earlier_job_amid_many_wakes_the_sleeper(
    queue: Queue, kind: str, working: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taker, "POLL_S", 3600.0)
    await queue.schedule(kind, "late", 3_600_000)
    delays = [7_200_000 + n for n in range(40)]
    delays[20] = 300
    async with working({kind: waken}):
        at_once = await queue.enqueue(kind, "now")
        assert await queue.result(at_once.job_id) == "woken"
        jobs = [NewJob(type=kind, payload=n, options=JobOptions(delay=n)) for n in delays]
        made = await queue.enqueue_many(jobs)
        assert isinstance(made[20], Enqueued)
        assert await queue.result(made[20].job_id) == "woken"


@pytest.mark.row("A6")
async def test_a_sleeper_that_nobody_wakes_looks_again_after_a_poll(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    async def work(payload: Any, context: Any) -> str:
        return "found"

    late = await queue.schedule(kind, 1, 3_600_000)
    connection = Connection(redis_url)
    async with working({kind: work}):
        # Due at once, and no hint says so.
        await connection.command("ZADD", f"{{cq:{kind}}}:delayed", 1, stored(late.job_id, kind))
        assert await queue.result(late.job_id) == "found"
    await connection.close()


@pytest.mark.row("A6")
async def test_delayed_jobs_cost_an_idle_worker_no_looks(tmp_path: Path) -> None:
    server = await acquire(tmp_path)
    connection = Connection(server.url)
    async with Queue(server.url) as queue:
        for start in range(0, 5000, 1000):
            jobs = [
                NewJob(type="later", payload=n, options=JobOptions(delay=86_400_000))
                for n in range(start, start + 1000)
            ]
            await queue.enqueue_many(jobs)

        async def work(payload: Any, context: Any) -> None: ...

        options = WorkerOptions(handle_signals=False, lease_ms=60_000)
        worker = Worker({"later": work}, server.url, options=options)
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run())
            await worker.ready.wait()
            before, began = await calls(connection), asyncio.get_running_loop().time()
            await asyncio.sleep(2)
            after, spent = await calls(connection), asyncio.get_running_loop().time() - began
            worker.stop()
    await connection.close()
    await server.release()
    # A look a second of each role, whether one job is delayed or five thousand.
    assert after - before <= 8 * (spent + 1)


@pytest.mark.row("C1")
async def test_a_type_whose_slots_are_all_taken_delays_no_other_in_the_same_worker(
    queue: Queue, kind: str, working: Any
) -> None:
    heavy, light = f"{kind}heavy", f"{kind}light"
    let_go = asyncio.Event()
    running = most = 0

    async def hold(payload: Any, context: Any) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await let_go.wait()
        running -= 1

    async def quick(payload: Any, context: Any) -> str:
        return "done"

    stuck = await fill(queue, heavy, 20)
    async with working({heavy: hold, light: quick}, concurrency={heavy: 2, light: 50}):
        while running < 2:
            await asyncio.sleep(0.005)
        for job_id in await fill(queue, light, 500):
            assert await queue.result(job_id) == "done"
        assert (running, most) == (2, 2)
        let_go.set()
        for job_id in stuck:
            await queue.wait(job_id)
    assert most == 2


@pytest.mark.row("C2")
async def test_a_queue_never_runs_more_than_seven_over_four_workers_and_then_three(
    queue: Queue, kind: str, working: Any
) -> None:
    await queue.limit(kind, {"concurrency": 7})
    running, history = 0, list[int]()

    async def work(payload: Any, context: Any) -> None:
        nonlocal running
        running += 1
        history.append(running)
        await asyncio.sleep(0.002)
        running -= 1

    jobs = await fill(queue, kind, 900)
    fleet = [working({kind: work}, concurrency=10) for _ in range(4)]
    async with fleet[0], fleet[1], fleet[2], fleet[3]:
        while len(history) < 400:
            await asyncio.sleep(0.002)
        assert max(history) == 7
        await queue.limit(kind, {"concurrency": 3})
        # What was handed out before the change goes on, also if it has not begun yet.
        while (await queue.metrics(kind))[0].active > 3:
            await asyncio.sleep(0.001)
        changed = len(history)
        for job_id in jobs:
            await queue.wait(job_id)
    assert max(history[changed:]) == 3
    assert len(history) == 900


@pytest.mark.row("I4")
async def test_a_busy_worker_makes_at_most_one_call_a_job(tmp_path: Path) -> None:
    server = await acquire(tmp_path)
    connection = Connection(server.url)
    async with Queue(server.url) as queue:
        jobs = await fill(queue, "noop", 2000)

        async def work(payload: Any, context: Any) -> None:
            await asyncio.sleep(0)

        worker = Worker(
            {"noop": work},
            server.url,
            options=WorkerOptions(concurrency=8, handle_signals=False),
        )
        before = await calls(connection)
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run())
            while (await queue.metrics("noop"))[0].completed < len(jobs):
                before += 1  # that look was a call as well
                await asyncio.sleep(0.05)
            after = await calls(connection)
            worker.stop()
    await connection.close()
    await server.release()
    assert 0 < after - before <= len(jobs)


@pytest.mark.row("I6")
async def test_a_worker_of_four_types_holds_three_connections_however_many_jobs_run(
    tmp_path: Path,
) -> None:
    server = await acquire(tmp_path)
    connection = Connection(server.url)
    async with Queue(server.url) as queue:
        for name in ("a", "b", "c", "d"):
            options = [JobOptions(priority=1 + n % 4) for n in range(400)]
            await queue.enqueue_many([NewJob(type=name, payload=1, options=o) for o in options])
    mine = len((await connection.command("CLIENT", "LIST")).splitlines())

    async def work(payload: Any, context: Any) -> None:
        context.progress(50, "half")
        await asyncio.sleep(0.01)

    worker = Worker(
        dict.fromkeys(("a", "b", "c", "d"), work),
        server.url,
        options=WorkerOptions(concurrency=50, handle_signals=False, lease_ms=1000),
    )
    most = 0
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        left = 1600
        while left:
            seen = await connection.command("CLIENT", "LIST")
            most = max(most, len(seen.splitlines()) - mine)
            done = [
                int(await connection.command("HGET", f"{{cq:{name}}}:counts", "completed") or 0)
                for name in ("a", "b", "c", "d")
            ]
            left = 1600 - sum(done)
            await asyncio.sleep(0.005)
        worker.stop()
    await connection.close()
    await server.release()
    assert 0 < most <= 3


async def test_large_jobs_come_in_replies_of_bounded_bytes_and_all_of_them_come(
    queue: Queue, kind: str
) -> None:
    payloads = [NewJob(type=kind, payload="x" * 100_000) for _ in range(40)]
    await queue.enqueue_many(payloads)
    commands, sizes, jobs = queue._link.commands, [], set()
    while len(jobs) < 40:
        turn = await commands.turn(kind, "w", 40, [])
        assert turn.deliveries
        sizes.append(sum(len(delivery.body) for delivery in turn.deliveries))
        jobs |= {delivery.id for delivery in turn.deliveries}
        if len(jobs) < 40:
            assert turn.next_due_ms is not None
            assert turn.next_due_ms <= turn.now_ms  # look again at once
    assert max(sizes) <= 8 * 100_200  # half a megabyte, and not before eight are known
    assert len(sizes) <= 8
