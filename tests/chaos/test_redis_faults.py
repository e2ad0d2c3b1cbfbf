"""Redis going away, losing replies, filling up: the worker survives, and nothing happens twice."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from typing import Any

import pytest

from chaos.proxy import proxy_to
from chaos.servers import Server
from cotiza_queue import Queue, Status, Worker, WorkerOptions
from cotiza_queue.errors import QueueUnavailable
from cotiza_queue.store.connection import Connection

pytestmark = pytest.mark.row("D9")


@pytest.mark.row("D1")
async def test_a_server_killed_and_started_again_loses_nothing_and_the_worker_goes_on(
    server: Server, kind: str
) -> None:
    runs: Counter[int] = Counter()

    async def work(payload: int, context: Any) -> int:
        await asyncio.sleep(0.01)
        runs[payload] += 1
        return payload

    worker = Worker(
        {kind: work}, server.url, options=WorkerOptions(handle_signals=False, lease_ms=1500)
    )
    async with Queue(server.url) as queue, asyncio.TaskGroup() as group:
        running = group.create_task(worker.run())
        await worker.ready.wait()
        accepted: list[str] = []
        for n in range(300):
            if n in (100, 200):
                server.kill()
                restart = group.create_task(server.start())
            while True:
                try:
                    answer = await queue.enqueue(kind, n, options={"jobId": f"job-{n}"})
                    accepted.append(answer.job_id)
                    break
                except QueueUnavailable:
                    await asyncio.sleep(0.02)
        await restart
        for n, job_id in enumerate(accepted):
            done = await queue.wait(job_id, timeout_ms=60_000)
            assert (done.status, done.result) == (Status.COMPLETED, n)
        worker.stop()
        await running
        metrics = (await queue.metrics(kind))[0]
    assert (metrics.completed, metrics.failed, metrics.active, metrics.waiting) == (300, 0, 0, 0)
    assert len(set(accepted)) == 300


@pytest.mark.parametrize("verb", [b"_turn", b"_enqueue", b"_renew", b"_cancel", b"_progress"])
@pytest.mark.row("D1")
async def test_a_lost_reply_makes_nothing_happen_twice(
    server: Server, kind: str, verb: bytes
) -> None:
    runs: Counter[int] = Counter()
    hang = asyncio.Event()

    async def work(payload: Any, context: Any) -> Any:
        runs[payload] += 1
        context.progress(10, "started")
        if payload == "hang":
            await hang.wait()
        await asyncio.sleep(0.15)
        return payload

    async with proxy_to(server.socket) as (proxy, url), Queue(url) as queue:
        options = WorkerOptions(handle_signals=False, lease_ms=1500)
        worker = Worker({kind: work}, url, options=options)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(worker.run())
            await worker.ready.wait()
            proxy.lose_reply_of = verb
            for n in range(8):
                while True:
                    try:
                        await queue.enqueue(kind, n, options={"jobId": f"job-{n}"})
                        break
                    except QueueUnavailable:
                        continue
            if verb == b"_cancel":
                job = await queue.enqueue(kind, "hang")
                while runs["hang"] == 0:
                    await asyncio.sleep(0.01)
                with pytest.raises(QueueUnavailable) as caught:
                    await queue.cancel(job.job_id)
                assert caught.value.indeterminate
                assert (await queue.get(job.job_id)).status is Status.CANCELLED
            for n in range(8):
                done = await queue.wait(f"job-{n}", tenant="default", timeout_ms=30_000)
                assert (done.status, done.result) == (Status.COMPLETED, n)
            while not proxy.lost:
                await asyncio.sleep(0.01)
            worker.stop()
            await running
        metrics = (await queue.metrics(kind))[0]
    assert (metrics.completed, metrics.active, metrics.waiting) == (8, 0, 0)
    assert all(runs[n] == 1 for n in range(8))


async def test_connections_cut_again_and_again_lose_nothing(server: Server, kind: str) -> None:
    async def work(payload: Any, context: Any) -> Any:
        await asyncio.sleep(0.005)
        return payload

    async with proxy_to(server.socket) as (proxy, url), Queue(server.url) as queue:
        worker = Worker(
            {kind: work}, url, options=WorkerOptions(handle_signals=False, lease_ms=1500)
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(worker.run())
            await worker.ready.wait()
            jobs = [await queue.enqueue(kind, n) for n in range(400)]
            for _ in range(10):
                proxy.cut()
                await asyncio.sleep(0.05)
            for n, job in enumerate(jobs):
                done = await queue.wait(job.job_id, timeout_ms=30_000)
                assert (done.status, done.result) == (Status.COMPLETED, n)
            worker.stop()
            await running
        metrics = (await queue.metrics(kind))[0]
    assert (metrics.completed, metrics.active) == (400, 0)


async def test_a_full_server_refuses_new_jobs_but_lets_running_ones_finish(
    server: Server, kind: str
) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def work(payload: Any, context: Any) -> Any:
        begun.set()
        await go.wait()
        if payload == "bad":
            raise ValueError("bad")
        return payload

    connection = Connection(server.url)
    worker = Worker({kind: work}, server.url, options=WorkerOptions(handle_signals=False))
    async with Queue(server.url) as queue, asyncio.TaskGroup() as group:
        running = group.create_task(worker.run())
        await worker.ready.wait()
        good = await queue.enqueue(kind, "good")
        bad = await queue.enqueue(kind, "bad", options={"attempts": 1})
        await begun.wait()
        await connection.command("CONFIG", "SET", "maxmemory", "1mb")
        with pytest.raises(QueueUnavailable):
            await queue.enqueue(kind, "more")
        go.set()
        assert (await queue.wait(good.job_id)).status is Status.COMPLETED
        assert (await queue.wait(bad.job_id)).status is Status.FAILED
        await connection.command("CONFIG", "SET", "maxmemory", "0")
        more = await queue.enqueue(kind, "more")
        assert (await queue.wait(more.job_id)).status is Status.COMPLETED
        worker.stop()
        await running
    await connection.close()


async def test_a_frozen_server_is_waited_out(server: Server, kind: str) -> None:
    async def work(payload: Any, context: Any) -> Any:
        return payload

    worker = Worker(
        {kind: work}, server.url, options=WorkerOptions(handle_signals=False, lease_ms=1000)
    )
    assert server.process is not None
    async with Queue(server.url) as queue, asyncio.TaskGroup() as group:
        running = group.create_task(worker.run())
        await worker.ready.wait()
        os.kill(server.process.pid, signal.SIGSTOP)
        pending = group.create_task(queue.enqueue(kind, 1))
        await asyncio.sleep(1.5)  # longer than the lease: that is the fault, not a wait for a fact
        os.kill(server.process.pid, signal.SIGCONT)
        done = await queue.wait((await pending).job_id)
        assert (done.status, done.attempt) == (Status.COMPLETED, 1)
        worker.stop()
        await running


async def test_after_a_flush_of_everything_new_jobs_run_without_a_storm(
    server: Server, kind: str
) -> None:
    runs: Counter[Any] = Counter()
    begun, go = asyncio.Event(), asyncio.Event()

    async def work(payload: Any, context: Any) -> Any:
        runs[payload] += 1
        if payload == "lost":
            begun.set()
            await go.wait()
        return payload

    connection = Connection(server.url)
    worker = Worker(
        {kind: work}, server.url, options=WorkerOptions(handle_signals=False, lease_ms=1000)
    )
    async with Queue(server.url) as queue, asyncio.TaskGroup() as group:
        running = group.create_task(worker.run())
        await worker.ready.wait()
        await queue.enqueue(kind, "lost")
        await begun.wait()
        await connection.command("FLUSHALL")
        for n in range(20):
            done = await queue.wait((await queue.enqueue(kind, n)).job_id)
            assert (done.status, done.attempt) == (Status.COMPLETED, 1)
        go.set()
        worker.stop()
        await running
        assert (await queue.doctor(fix=True)).counts == {}
        assert (await queue.metrics(kind))[0].completed == 20
    await connection.close()
    assert runs["lost"] == 1


async def test_functions_and_scripts_forgotten_again_and_again_are_not_noticed(
    server: Server, kind: str
) -> None:
    async def work(payload: Any, context: Any) -> Any:
        return payload

    connection = Connection(server.url)
    worker = Worker({kind: work}, server.url, options=WorkerOptions(handle_signals=False))
    async with Queue(server.url) as queue, asyncio.TaskGroup() as group:
        running = group.create_task(worker.run())
        await worker.ready.wait()
        for n in range(100):
            if n % 5 == 0:
                await connection.command("FUNCTION", "FLUSH")
            done = await queue.wait((await queue.enqueue(kind, n)).job_id)
            assert done.result == n
        worker.stop()
        await running
    await connection.close()
