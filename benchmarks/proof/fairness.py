"""Turns of tenants: a newcomer behind a flood, weights, the price of 10,000 tenants, no idle slot,
and caps that hold in the history of every worker, also while workers are killed.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence
from time import monotonic
from typing import Any

from cotiza_queue import JobOptions, Limits, NewJob, Queue
from cotiza_queue.store.commands import Commands, Settlement
from cotiza_queue.store.connection import Connection

from .common import Crew, Line, Report, Server, crew, main, ms, raw, share, until
from .history import overlap

BATCH = 10_000
FLOOD_MS, NEWCOMERS = 20, 10
TAKE_US = 1000
IDLE_GAP_S = 0.1
LEASE_MS = 1500


async def prove(server: Server, report: Report, asked: argparse.Namespace) -> None:
    quick = asked.quick
    async with Queue(server.url) as queue:
        for slots in (1, 10):
            await _flood(server, report, queue, slots, 5_000 if quick else 100_000)
        await _weights(server, report, queue, 800 if quick else 8_000)
        for tenants in (1, 500 if quick else 10_000):
            await _price(server, report, queue, tenants, 1_000 if quick else 10_000)
        await _busy_slots(server, report, queue, 10 if quick else 60)
        await _caps(server, report, queue, 10.0 if quick else 60.0, asked.seed)


async def _enqueue(queue: Queue, kind: str, payload: Any, tenants: Sequence[str]) -> list[str]:
    """One job for each name, in that order. Their ids."""
    ids = []
    for first in range(0, len(tenants), BATCH):
        names = tenants[first : first + BATCH]
        options = JobOptions(remove_on_complete=True)
        jobs = [NewJob(type=kind, payload=payload, tenant=t, options=options) for t in names]
        for answer in await queue.enqueue_many(jobs):
            if isinstance(answer, Exception):
                raise answer
            ids.append(answer.job_id)
    return ids


def _starts(workers: Crew) -> list[Line]:
    workers.reader.more()
    return sorted((x for x in workers.reader.lines if x.op == "start"), key=lambda line: line.t)


async def _flood(server: Server, report: Report, queue: Queue, slots: int, flood: int) -> None:
    """A has its jobs in line and runs; then B comes with ten. Before, B had the queue alone."""
    report.figure(f"— {flood:,} jobs of A, then {NEWCOMERS} of B, on {slots} slots", "")
    kind = f"flood{slots}"
    payload, names = {"ms": FLOOD_MS}, ["b"] * NEWCOMERS
    async with crew(server, {kind: slots}) as workers:
        await workers.hire()
        await _newcomers(queue, workers, (kind, payload, names))
        alone = workers.reader.lines
        await until(lambda: workers.reader.count("end") == NEWCOMERS)
        alone_s = alone[-1].t - min(line.t for line in alone if line.op == "start")
        await _enqueue(queue, kind, payload, ["a"] * flood)
        await until(lambda: len(_starts(workers)) > NEWCOMERS + 20)
        beside_s, place = await _newcomers(queue, workers, (kind, payload, names))
        left = (await queue.metrics(kind))[0].waiting
    report.figure("B alone: done after", ms(alone_s))
    report.count("A's jobs still waiting at B's last start", f"{left:,}", "> 0", left > 0)
    bound = 2 * NEWCOMERS + (slots if slots > 1 else 0)
    text = f"≤ 2 × {NEWCOMERS}" + (" + slots" if slots > 1 else "")
    report.count("B behind the flood: its last start is number", place, text, place <= bound)
    times = beside_s / alone_s
    if slots == 1:  # with more slots, B alone never waits for one, and the times compare nothing
        report.time("  after", ms(beside_s), f"≤ 2 × {ms(alone_s)}", times <= 2)
    else:
        report.figure("  after", ms(beside_s))


async def _newcomers(
    queue: Queue, workers: Crew, jobs: tuple[str, Any, list[str]]
) -> tuple[float, int]:
    """Seconds from enqueueing to the last start of these jobs, and its place among all starts."""
    asked_at = monotonic()
    ids = set(await _enqueue(queue, *jobs))
    taken_in = monotonic()
    await until(lambda: ids <= {line.job for line in _starts(workers)})
    since = [line for line in _starts(workers) if line.t > taken_in or line.job in ids]
    last = max(n for n, line in enumerate(since, 1) if line.job in ids)
    return since[last - 1].t - asked_at, last


async def _weights(server: Server, report: Report, queue: Queue, jobs: int) -> None:
    """Two tenants that both want more than there is, weights 3 and 1."""
    for slots in (1, 10):
        kind = f"weights{slots}"
        await queue.limit(kind, Limits(weight=3), tenant="heavy")
        await _enqueue(queue, kind, {"ms": 1}, ["heavy"] * jobs)
        await _enqueue(queue, kind, {"ms": 1}, ["light"] * jobs)
        async with crew(server, {kind: slots}) as workers:
            await workers.hire()
            await until(lambda: len(_starts(workers)) >= jobs)
            first = Counter(line.tenant for line in _starts(workers)[:jobs])
        part = 100 * first["heavy"] / jobs
        report.count(
            f"weights 3 : 1 on {slots} slots: share of the first",
            f"{part:.1f} %",
            "75 ± 2 %",
            73 <= part <= 77,
        )


async def _price(server: Server, report: Report, queue: Queue, tenants: int, jobs: int) -> None:
    """The server's own time for each call that settles one job and takes the next."""
    kind = f"price{tenants}"
    names = [f"t{n % tenants}" for n in range(max(jobs, tenants) + 100)]
    await _enqueue(queue, kind, {"ms": 0}, names)
    waited, served = [], []
    async with raw(server) as connection:
        commands, outcomes = Commands(connection), list[Settlement]()
        spent = await _spent(connection)
        for _ in range(jobs):
            began = monotonic()
            turn = await commands.turn(kind, "proof", 1, outcomes)
            waited.append(monotonic() - began)
            before, spent = spent, await _spent(connection)
            served.append(spent - before)
            outcomes = [Settlement("complete", d.stored, d.token, b"1", 0) for d in turn.deliveries]
    report.figure(f"— {tenants:,} tenants: calls that settle one and take one", len(served))
    report.figure("server time of a call, p50", f"{share(served, 50):.0f} µs")
    p99 = share(served, 99)
    report.time("server time of a call, p99", f"{p99:.0f} µs", f"< {TAKE_US} µs", p99 < TAKE_US)
    report.figure("server time of a call, p100", f"{max(served):.0f} µs")
    report.figure("at the client, p99", ms(share(waited, 99)))


async def _spent(connection: Connection) -> float:
    """Microseconds that the server has spent on functions so far, by its own account. (SLOWLOG
    would count its own logging of each command inside.)
    """
    stats = await connection.command("INFO", "commandstats")
    return float(stats["cmdstat_fcall"]["usec"])


async def _busy_slots(server: Server, report: Report, queue: Queue, jobs_a_slot: int) -> None:
    """One tenant may run two at once, the other one has enough for all slots: none may idle."""
    kind, slots, length_ms = "busy", 10, 50
    await queue.limit(kind, Limits(concurrency=2), tenant="capped")
    await _enqueue(queue, kind, {"ms": length_ms}, ["capped"] * jobs_a_slot * slots)
    free = await _enqueue(queue, kind, {"ms": length_ms}, ["free"] * jobs_a_slot * slots)
    async with crew(server, {kind: slots // 2}) as workers:
        await workers.hire(2)
        await until(lambda: set(free) <= {line.job for line in _starts(workers)})
        used, gap = _use(workers.reader.lines, slots, set(free))
        most = overlap(workers.reader.lines, [])
    report.figure(f"— {slots} slots, one tenant capped at 2, the other not", "")
    report.count("the capped one: most at once", most["capped"], "2", most["capped"] == 2)
    report.figure("slots in use while the other one waits", f"{used * 100:.1f} %")
    report.time(
        "longest time that a slot was free", ms(gap), f"≤ {ms(IDLE_GAP_S)}", gap <= IDLE_GAP_S
    )


def _use(lines: list[Line], slots: int, free: set[str]) -> tuple[float, float]:
    """Share of slot time in use, and the longest time with a free slot, from when all slots were
    first taken until the last job of ``free`` has started.
    """
    last = max(line.t for line in lines if line.op == "start" and line.job in free)
    running, full_since, previous, idle, longest, since = 0, 0.0, 0.0, 0.0, 0.0, None
    for line in sorted(lines, key=lambda line: line.t):
        if line.op not in ("start", "end") or line.t > last:
            continue
        if full_since:
            idle += (slots - running) * (line.t - previous)
        running += 1 if line.op == "start" else -1
        previous = line.t
        if running == slots:
            full_since = full_since or line.t
            longest, since = max(longest, line.t - (since or line.t)), None
        elif full_since:
            since = since or line.t
    return 1 - idle / (slots * (last - full_since)), longest


async def _caps(server: Server, report: Report, queue: Queue, seconds: float, seed: int) -> None:
    """Caps of two tenants and of the queue, over four workers that die at random."""
    kind, dice = "caps", random.Random(seed)
    caps = {"": 7, "two": 2, "three": 3}
    await queue.limit(kind, Limits(concurrency=caps[""]))
    for tenant in ("two", "three"):
        await queue.limit(kind, Limits(concurrency=caps[tenant]), tenant=tenant)
    async with crew(server, {kind: 5}, LEASE_MS) as workers:
        await workers.hire(4)
        over, kills = monotonic() + seconds, 0
        while monotonic() < over:
            if (await queue.metrics(kind))[0].waiting < 500:
                await _enqueue(queue, kind, {"ms": 30}, ["two", "three", "any", "other"] * 250)
            await workers.kill(dice.choice(sorted(workers.alive)))
            kills += 1
            await workers.hire()
        workers.reader.more()
        lines = workers.reader.lines
        most = overlap(lines, [line for line in lines if line.op == "killed"])
    report.figure("— caps while workers are killed: kills", kills)
    report.figure("runs", len(_starts(workers)))
    for tenant, cap in caps.items():
        name = f"most at once of {tenant!r}" if tenant else "most at once in the queue"
        report.count(name, most[tenant], f"≤ {cap}", most[tenant] <= cap)


if __name__ == "__main__":
    numbers = [("seed", 1, "of the dice: which worker dies")]
    sys.exit(main("fairness", prove, sys.argv[1:], numbers=numbers))
