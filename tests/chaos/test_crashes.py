"""Workers killed, frozen and stopped, as real processes: nothing is lost and nothing ends twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cotiza_queue import JobOptions, NewJob, Queue, RetryPolicy, Status
from cotiza_queue.model.policy import KeepFor
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.events import EventReader
from cotiza_queue.telemetry import Silent

SCRIPT = Path(__file__).with_name("crash_worker.py")


class Crew:
    """Worker processes of one test, and what they wrote down."""

    def __init__(self, redis_url: str, kind: str, log: Path) -> None:
        self.arguments = [redis_url, kind, str(log)]
        self.log = log
        self.processes: list[asyncio.subprocess.Process] = []

    def lines(self, word: str) -> list[list[str]]:
        text = self.log.read_text() if self.log.exists() else ""
        return [line.split() for line in text.splitlines() if line.startswith(word + " ")]

    async def hire(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(sys.executable, str(SCRIPT), *self.arguments)
        self.processes.append(process)
        await until(lambda: [str(process.pid)] in [line[1:] for line in self.lines("ready")])
        return process


async def until(fact: Callable[[], Any], look_s: float = 0.02) -> None:
    """Wait for a fact; the test's own time limit is the only clock."""
    while not fact():
        await asyncio.sleep(look_s)


@asynccontextmanager
async def crew(redis_url: str, kind: str, tmp_path: Path) -> AsyncIterator[Crew]:
    workers = Crew(redis_url, kind, tmp_path / "log")
    try:
        yield workers
    finally:
        for process in workers.processes:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def events_of(redis_url: str, kind: str) -> list[tuple[str, str]]:
    """(job id, event name) of every kept event."""
    connection = Connection(redis_url)
    reader = EventReader(connection, Silent())
    found = [(event.job_id, event.name) async for event in reader.history(kind, "0-0")]
    await connection.close()
    return found


@pytest.mark.row("D1", "D2")
async def test_three_kills_in_the_middle_of_200_jobs_lose_nothing_and_end_nothing_twice(
    redis_url: str, queue: Queue, kind: str, tmp_path: Path
) -> None:
    async with crew(redis_url, kind, tmp_path) as workers:
        jobs = [
            NewJob(type=kind, payload={"n": n, "ms": 60, "fail": "once" if n % 20 == 0 else ""},
                   options=_quick())
            for n in range(200)
        ]  # fmt: skip
        accepted = await queue.enqueue_many(jobs)
        ids = [answer.job_id for answer in accepted]  # type: ignore[union-attr]
        await workers.hire()
        for _ in range(3):
            started = len(workers.lines("start"))
            await until(lambda seen=started: len(workers.lines("start")) >= seen + 15)
            workers.processes[-1].kill()
            await workers.processes[-1].wait()
            await workers.hire()
        for job_id in ids:
            done = await queue.wait(job_id, timeout_ms=60_000)
            assert done.status is Status.COMPLETED
        results = sorted([(await queue.get(job_id)).result for job_id in ids])
    assert results == list(range(200))
    finals = Counter(job for job, name in await events_of(redis_url, kind) if name == "completed")
    assert finals == dict.fromkeys(ids, 1)
    metrics = (await queue.metrics(kind))[0]
    assert (metrics.completed, metrics.waiting, metrics.active, metrics.delayed) == (200, 0, 0, 0)


@pytest.mark.row("D3")
async def test_a_worker_frozen_past_its_lease_cannot_overwrite_what_another_finished(
    redis_url: str, queue: Queue, kind: str, tmp_path: Path
) -> None:
    async with crew(redis_url, kind, tmp_path) as workers:
        frozen = await workers.hire()
        job = await queue.enqueue(kind, {"n": 7, "ms": 400})
        await until(lambda: workers.lines("start"))
        os.kill(frozen.pid, signal.SIGSTOP)
        await workers.hire()
        done = await queue.wait(job.job_id, timeout_ms=60_000)
        os.kill(frozen.pid, signal.SIGCONT)
        frozen.send_signal(signal.SIGTERM)
        assert await frozen.wait() == 0
        after = await queue.get(job.job_id)
    assert (done.status, done.result, done.stalls) == (Status.COMPLETED, 7, 1)
    assert after == done
    finals = [name for id_, name in await events_of(redis_url, kind) if name == "completed"]
    assert len(finals) == 1


@pytest.mark.row("C11")
async def test_a_worker_told_to_stop_finishes_or_hands_back_without_burning_an_attempt(
    redis_url: str, queue: Queue, kind: str, tmp_path: Path
) -> None:
    async with crew(redis_url, kind, tmp_path) as workers:
        leaving = await workers.hire()
        quick = await queue.enqueue(kind, {"n": 1, "ms": 500})
        long = await queue.enqueue(kind, {"n": 2, "ms": 60_000})
        await until(lambda: len(workers.lines("start")) == 2)
        leaving.send_signal(signal.SIGTERM)
        assert await leaving.wait() == 0
        assert (await queue.get(quick.job_id)).status is Status.COMPLETED
        handed_back = await queue.get(long.job_id)
    assert (handed_back.status, handed_back.attempt, handed_back.stalls) == (Status.WAITING, 0, 0)
    assert handed_back.failures == ()
    assert all(kind not in worker.get("types", ()) for worker in await queue.workers())


@pytest.mark.row("C11")
async def test_a_worker_with_ten_running_takes_nothing_more_and_another_one_goes_on_at_once(
    redis_url: str, queue: Queue, kind: str, tmp_path: Path
) -> None:
    async with crew(redis_url, kind, tmp_path) as workers:
        jobs = await queue.enqueue_many(
            [NewJob(type=kind, payload={"n": n, "ms": 60_000 if n < 10 else 0}) for n in range(20)]
        )
        leaving = await workers.hire()
        await until(lambda: len(workers.lines("start")) == 10)
        leaving.send_signal(signal.SIGTERM)
        assert await leaving.wait() == 0
        assert {line[3] for line in workers.lines("start")} == {str(leaving.pid)}
        assert len(workers.lines("start")) == 10
        found = [await queue.get(job.job_id) for job in jobs]  # type: ignore[union-attr]
        assert {(job.status, job.attempt, job.stalls) for job in found} == {(Status.WAITING, 0, 0)}
        await workers.hire()
        # The ten that were handed back stand before the rest: nothing of the rest starts earlier.
        await until(lambda: len(workers.lines("start")) == 20)
        again = {line[1] for line in workers.lines("start")[10:]}
    assert again == {job.id for job in found[:10]}


@pytest.mark.row("C11")
async def test_told_twice_to_stop_a_worker_leaves_at_once_and_still_hands_back(
    redis_url: str, queue: Queue, kind: str, tmp_path: Path
) -> None:
    async with crew(redis_url, kind, tmp_path) as workers:
        leaving = await workers.hire()
        long = await queue.enqueue(kind, {"n": 1, "ms": 60_000})
        stubborn = await queue.enqueue(kind, {"n": 2, "ms": 60_000, "stubborn": True})
        await until(lambda: len(workers.lines("start")) == 2)
        leaving.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.3)  # two signals at one instant are one to the kernel
        leaving.send_signal(signal.SIGTERM)
        for job in (long, stubborn):
            while (found := await queue.get(job.job_id)).status is Status.ACTIVE:
                await asyncio.sleep(0.02)
            assert (found.status, found.attempt, found.stalls) == (Status.WAITING, 0, 0)


async def test_ten_thousand_jobs_and_two_workers_leave_nothing_behind(
    redis_url: str, queue: Queue, kind: str, tmp_path: Path
) -> None:
    async with crew(redis_url, kind, tmp_path) as workers:
        options = JobOptions(remove_on_complete=KeepFor(age=1))
        for start in range(0, 10_000, 1000):
            batch = [
                NewJob(type=kind, payload={"n": n, "ms": 0}, options=options)
                for n in range(start, start + 1000)
            ]
            assert all(answer.created for answer in await queue.enqueue_many(batch))  # type: ignore[union-attr]
        await workers.hire()
        await workers.hire()
        await until(lambda: len(workers.lines("end")) >= 10_000, look_s=0.2)
        while (
            (metrics := (await queue.metrics(kind))[0]).completed
            or metrics.active
            or metrics.waiting
        ):
            await asyncio.sleep(0.1)
        for process in workers.processes:
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    ends = Counter(line[1] for line in workers.lines("end"))
    assert len(ends) == 10_000
    assert set(ends.values()) == {1}
    connection = Connection(redis_url)
    keys = {
        key.decode("latin-1").split("}:")[1]
        for key in await connection.command("KEYS", f"{{cq:{kind}}}:*")
    }
    await connection.close()
    assert {key for key in keys if not key.startswith(("lane", "metrics:"))} <= {
        "meta",
        "counts",
        "events",
        "events:marks",
        "tenants",
    }


async def test_each_occurrence_of_a_schedule_becomes_one_job_whoever_fires_it(
    redis_url: str, queue: Queue, kind: str, tmp_path: Path
) -> None:
    async with crew(redis_url, kind, tmp_path) as workers:
        schedule = await queue.add_recurring(kind, {"n": 1, "ms": 0}, "* * * * *", key="tick")
        same = await queue.add_recurring(kind, {"n": 1, "ms": 0}, "* * * * *", key="tick")
        assert same.id == schedule.id
        connection = Connection(redis_url)
        for _ in range(3):
            await workers.hire()
        for fired in range(1, 6):
            # Make it due now: its next occurrence is set to the moment just gone.
            seconds, micros = await connection.command("TIME")
            now = int(seconds) * 1000 + int(micros) // 1000
            await connection.command("ZADD", f"{{cq:{kind}}}:schedules", now, schedule.id)
            while (await queue.get_schedule(schedule.id)).fired < fired:
                await asyncio.sleep(0.02)
        await connection.close()
        await until(lambda: len(workers.lines("end")) >= 1)
        found = await queue.get_schedule(schedule.id)
    jobs = (await queue.list(None, job_type=kind)).items
    assert found.fired == 5
    assert len({job.id for job in jobs}) == len(jobs) <= 5


@pytest.mark.parametrize("verb", ["SCRIPT FLUSH", "FUNCTION FLUSH"])
async def test_flushing_the_scripts_goes_unnoticed(
    redis_url: str, queue: Queue, kind: str, working: Any, verb: str
) -> None:
    async def echo(payload: Any, context: Any) -> Any:
        return payload

    connection = Connection(redis_url)
    async with working({kind: echo}):
        for n in range(20):
            await connection.command(*verb.split())
            job = await queue.enqueue(kind, n)
            assert await queue.result(job.job_id) == n
    await connection.close()


def _quick() -> Any:
    return JobOptions(backoff=RetryPolicy("fixed", 10))
