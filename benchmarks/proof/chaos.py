"""20 worker processes, one of them killed every two seconds and replaced, for two minutes; 20,000
mixed jobs (10 ms, one in twenty 500 ms; 5 % fail once, 1 % always, 5 % are delayed up to 3 s, 2 %
are cancelled) and 200 schedules meanwhile. Then the checker (history.py), and Redis counted anew.

Then the worker of the only job of an otherwise idle queue is killed, 20 times: recovery must not
wait for traffic. At last one that holds one job among 900 of another, and then the other.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic, time
from typing import Any, NamedTuple

from cotiza_queue import Job, JobOptions, NewJob, Queue, RetryPolicy, Status
from cotiza_queue.errors import Conflict
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.events import EventReader
from cotiza_queue.telemetry import Silent

from .common import Crew, Report, Server, crew, fields, main, ms, raw, share, until
from .history import Final, Verdict, judge

MIXED, TICKS = "mixed", "ticks"
LEASE_MS = 3000
RESTART_S = 3.7
"""The promised restart delay with that lease: lease, and less than a quarter of it for looking."""
BATCH = 100
KEEP = {"removeOnComplete": {"age": 3600}, "removeOnFail": {"age": 3600}}


class Size(NamedTuple):
    """How much of everything. ``boundaries``: full minutes that must pass."""

    workers: int
    slots: int
    jobs: int
    schedules: int
    kill_every_s: float
    seconds: float
    boundaries: int
    idle_kills: int


FULL = Size(20, 10, 20_000, 200, 2.0, 120.0, 2, 20)
QUICK = Size(5, 10, 1_500, 20, 2.0, 15.0, 1, 3)


async def prove(server: Server, report: Report, asked: argparse.Namespace) -> None:
    size = QUICK if asked.quick else FULL
    dice = random.Random(asked.seed)
    report.figure("seed", asked.seed)
    await _busy(server, report, size, dice)
    await _idle(server, report, size.idle_kills)
    await _crowd(server, report, 300 if asked.quick else 900)


async def _busy(server: Server, report: Report, size: Size, dice: random.Random) -> None:
    async with crew(server, {MIXED: size.slots, TICKS: 2}, LEASE_MS) as workers:
        async with Queue(server.url) as queue, raw(server) as connection:
            await workers.hire(size.workers)
            firsts = dict([await _schedule(queue, n) for n in range(size.schedules)])
            async with _watching(connection, workers):
                async with asyncio.TaskGroup() as group:
                    feeding = group.create_task(_feed(queue, workers, size, dice))
                    kills = await _kill(workers, size, dice, max(firsts.values()))
                    await feeding
                await _quiet(queue)
                finals = await _finals(queue, MIXED)
            lines = _of(workers, MIXED)
            _print(report, judge(lines, finals), size, kills)
            announced = sum(line.op == "final" for line in lines)
            report.count("ends announced", announced, "= jobs", announced == len(finals))
            counts = await _hash(connection, MIXED, "counts")
            refused = int(counts.get("total_refused", 0))
            report.figure("stale writes refused", refused)
            await _recount(report, connection, finals, counts)
            await _occurrences(report, queue, firsts)
        await workers.dismiss()


def _of(workers: Crew, kind: str) -> list[Any]:
    """The lines about jobs of a kind; ends name it by the job's start."""
    workers.reader.more()
    lines = workers.reader.lines
    others = {line.job for line in lines if line.op == "start" and line.kind != kind}
    return [line for line in lines if line.job not in others]


async def _schedule(queue: Queue, n: int) -> tuple[str, int]:
    """One that fires each minute: its id, and the first minute (since the epoch) of it."""
    made = await queue.add_recurring(
        TICKS, {"ms": 1}, "* * * * *", key=f"tick-{n}", options=KEEP, tenant=f"t{n % 10}"
    )
    return made.id, (made.next_ms or 0) // 60_000


async def _feed(queue: Queue, workers: Crew, size: Size, dice: random.Random) -> None:
    """Enqueue the jobs, spread over the run; two of each batch are cancelled, at once and later."""
    pause = size.seconds * BATCH / size.jobs
    for _ in range(size.jobs // BATCH):
        jobs = [_job(dice) for _ in range(BATCH)]
        asked_at = monotonic()
        ids = []
        for job, answer in zip(jobs, await queue.enqueue_many(jobs), strict=True):
            if isinstance(answer, Exception):
                raise answer
            ids.append(answer.job_id)
            due = round((asked_at * 1000) + job.options.delay) if job.options.delay else 0
            workers.journal.note("enqueued", job=answer.job_id, token=due)
        await _cancel(queue, workers, ids[-1])
        await asyncio.sleep(max(0.0, pause - (monotonic() - asked_at)))
        await _cancel(queue, workers, ids[-2])


def _job(dice: random.Random) -> NewJob:
    chance = dice.random()
    fail = "always" if chance < 0.01 else "once" if chance < 0.06 else ""
    delay = dice.randrange(3000) if dice.random() < 0.05 else 0
    options = JobOptions(attempts=3, backoff=RetryPolicy("fixed", 100), delay=delay)
    tenant = f"t{dice.randrange(10)}"
    payload = {"ms": 500 if dice.random() < 0.05 else 10, "fail": fail}
    return NewJob(type=MIXED, payload=payload, options=options, tenant=tenant)


async def _cancel(queue: Queue, workers: Crew, job: str) -> None:
    with suppress(Conflict):
        await queue.cancel(job)
        workers.journal.note("cancelled", job=job)


async def _kill(workers: Crew, size: Size, dice: random.Random, first: int) -> int:
    """Kill and replace until the time and the minutes are over. Returns the number of kills."""
    until_t, kills = monotonic() + size.seconds, 0
    last_boundary = (first + size.boundaries - 1) * 60 + 3.0
    while monotonic() < until_t or time() < last_boundary:
        began = monotonic()
        await workers.kill(dice.choice(_busy_ones(workers) or sorted(workers.alive)))
        kills += 1
        await workers.hire(wait=False)
        await asyncio.sleep(max(0.0, size.kill_every_s - (monotonic() - began)))
    return kills


def _busy_ones(workers: Crew) -> list[int]:
    """The workers that run something just now: killing an idle one proves little."""
    workers.reader.more()
    running: dict[int, int] = {}
    for line in workers.reader.lines:
        if line.op == "start":
            running[line.token] = line.pid
        elif line.op == "end":
            running.pop(line.token, None)
    return sorted(set(running.values()) & set(workers.alive))


@asynccontextmanager
async def _watching(connection: Connection, workers: Crew) -> AsyncIterator[None]:
    """Note every final event of the mixed jobs, and gaps, while the block runs and to its end."""
    events, position = EventReader(connection, Silent()), "0-0"
    over = asyncio.Event()

    async def read() -> bool:
        nonlocal position
        before = position
        async for event in events.history(MIXED, position):
            if event.name in ("completed", "failed", "cancelled", "gap"):
                op = "gap" if event.name == "gap" else "final"
                workers.journal.note(op, job=event.job_id, how=event.name)
            position = event.id
        return position != before

    async def watch() -> None:
        while not over.is_set():
            if not await read():
                await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group:
        group.create_task(watch())
        try:
            yield
        finally:
            over.set()
    while await read():
        pass


async def _quiet(queue: Queue) -> None:
    """Wait until none of the mixed jobs waits, runs or is due."""
    began = monotonic()
    while monotonic() - began < 120:
        found = (await queue.metrics(MIXED))[0]
        if not (found.waiting or found.active or found.delayed):
            return
        await asyncio.sleep(0.1)


async def _finals(queue: Queue, kind: str) -> dict[str, Final]:
    """What Redis holds of every job of a kind."""
    found: dict[str, Final] = {}
    for job in await _all(queue, kind):
        done = job.status is Status.COMPLETED
        result = (await queue.get(job.id)).result if done else None
        found[job.id] = Final(str(job.status), result, job.token)
    return found


async def _all(queue: Queue, kind: str) -> list[Job]:
    """Every job of a kind, by the listing."""
    found: list[Job] = []
    cursor: str | None = None
    while True:
        page = await queue.list(None, job_type=kind, limit=500, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def _print(report: Report, verdict: Verdict, size: Size, kills: int) -> None:
    report.figure("workers killed (SIGKILL), and replaced", kills)
    for name in ("accepted", "completed", "dead", "cancelled"):
        report.figure(name, getattr(verdict, name))
    sums = verdict.completed + verdict.dead + verdict.cancelled
    report.count("completed + dead + cancelled", sums, "= accepted", sums == verdict.accepted)
    for name in ("left", "lost", "phantom", "duplicate_finals", "stale_accepted", "early",
                 "taken_after_cancel"):  # fmt: skip
        value = getattr(verdict, name)
        report.count(name.replace("_", " "), value, "0", value == 0)
    bound = kills * size.slots
    repeated = verdict.duplicate_executions
    report.count("duplicate executions", repeated, f"≤ kills × slots ({bound})", repeated <= bound)
    _print_restarts(report, "jobs of killed workers", verdict.restarts_s)


def _print_restarts(report: Report, whose: str, delays: list[float]) -> None:
    report.figure(f"{whose}: restarts", len(delays))
    report.figure("  restart delay p50", ms(share(delays, 50)))
    worst = max(delays, default=0.0)
    report.time("  restart delay p100", ms(worst), f"≤ {ms(RESTART_S)}", worst <= RESTART_S)


async def _hash(connection: Connection, kind: str, name: str) -> dict[str, str]:
    return fields(await connection.command("HGETALL", f"{{cq:{kind}}}:{name}"))


async def _recount(
    report: Report, connection: Connection, finals: dict[str, Final], counts: dict[str, str]
) -> None:
    """The counters, the lanes and the delayed, against what there is."""
    there = Counter(final.status for final in finals.values())
    names = ("waiting", "active", "delayed", "completed", "failed", "cancelled")
    off = {name: counts.get(name, "0") for name in names if int(counts.get(name, 0)) != there[name]}
    report.count("counters that differ from a recount", len(off), "0", not off)
    totals = sum(
        int(counts.get(f"total_{name}", 0)) for name in ("completed", "failed", "cancelled")
    )
    report.count("ends counted by the scripts", totals, "= jobs", totals == len(finals))
    pending = 0
    for number in await _hash(connection, MIXED, "lanes"):
        groups = await connection.command("XINFO", "GROUPS", f"{{cq:{MIXED}}}:lane:{number}")
        pending += int(groups[0][b"pending"])
    delayed = int(await connection.command("ZCARD", f"{{cq:{MIXED}}}:delayed"))
    report.count("entries pending or delayed", pending + delayed, "0", pending + delayed == 0)


async def _occurrences(report: Report, queue: Queue, firsts: dict[str, int]) -> None:
    """Each schedule has one job for each full minute that passed since it was made."""
    while not 3 <= time() % 60 <= 50:  # no full minute is to pass during the look
        await asyncio.sleep(0.1)
    last = int(time() // 60)
    jobs = await _all(queue, TICKS)
    made = Counter((job.schedule_id or "", job.created_ms // 60_000) for job in jobs)
    wanted = {(key, m) for key, first in firsts.items() for m in range(first, last + 1)}
    missing = len(wanted - set(made))
    twice = sum(times - 1 for times in made.values())
    strange = len(set(made) - wanted)
    report.figure("occurrences, of all schedules", len(wanted))
    report.count("occurrences that became no job", missing, "0", missing == 0)
    report.count("jobs beyond one an occurrence", twice, "0", twice == 0)
    report.count("jobs of no occurrence", strange, "0", strange == 0)


async def _idle(server: Server, report: Report, kills: int) -> None:
    """Two workers and one job that hangs; its worker is killed, the other one must find it."""
    async with crew(server, {"idle": 1}, LEASE_MS) as workers, Queue(server.url) as queue:
        await workers.hire(2)
        for n in range(kills):
            mark = str(workers.folder / f"hung-{n}")
            job = (await queue.enqueue("idle", {"hang": mark})).job_id
            workers.journal.note("enqueued", job=job)
            await until(lambda: Path(mark).exists())  # noqa: B023 - awaited here
            runs = [line for line in workers.reader.more() if line.op == "start"]
            await workers.kill(runs[-1].pid)
            await queue.wait(job, timeout_ms=60_000)
            await workers.hire()
        verdict = judge(_of(workers, "idle"), await _finals(queue, "idle"))
        await workers.dismiss()
    ended = verdict.completed
    report.count("idle queue: jobs completed", ended, str(kills), ended == kills)
    _print_restarts(report, "idle queue", verdict.restarts_s)


async def _crowd(server: Server, report: Report, crowd: int) -> None:
    """One job of a dead worker behind many of a living one; then that one dies with all of them."""
    async with crew(server, {"crowd": 1}, LEASE_MS) as workers, Queue(server.url) as queue:
        (first,) = await workers.hire()
        mark = workers.folder / "hung"
        await queue.enqueue("crowd", {"hang": str(mark)})
        await until(mark.exists)
        workers.order.slots = {"crowd": crowd + 1}
        (second,) = await workers.hire()
        jobs = [NewJob(type="crowd", payload={"ms": 600_000})] * crowd
        await queue.enqueue_many(jobs)
        await until(lambda: workers.reader.count("start") == crowd + 1)
        await workers.kill(first)
        await until(lambda: workers.reader.count("start") == crowd + 2)
        await workers.hire()
        await workers.kill(second)
        await until(lambda: workers.reader.count("start") == 2 * crowd + 2)
        delays = judge(workers.reader.lines, {}).restarts_s
    _print_restarts(report, f"one behind {crowd} live ones, then those", delays)


if __name__ == "__main__":
    numbers = [("seed", 1, "of the dice: which worker dies, which job fails")]
    sys.exit(main("chaos", prove, sys.argv[1:], numbers=numbers))
