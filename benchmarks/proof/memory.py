"""A million mixed jobs through workers leave nothing behind: after their retention the keys are the
documented idle set, and the server's memory is that of the warmed-up queue, within 1 %. (Without
the event stream, which is capped and goes up and down below its cap, and the buffers of
connections.)
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
from collections import Counter
from time import monotonic

from cotiza_queue import JobOptions, NewJob, Queue, RetryPolicy
from cotiza_queue.errors import Conflict, NotFound
from cotiza_queue.model.policy import KeepFor
from cotiza_queue.store.connection import Connection

from .common import Report, Server, crew, fields, main, raw

KIND = "memory"
BATCH = 2_000
AHEAD = 10_000
"""So many jobs may wait: the keyspace never holds more than a moment's jobs."""
WARM_UP = 100_000
"""Jobs before the first look: by then the server's own tables and Lua's heap have found their size.
"""
PATIENCE_S = 120.0
EVENTS = b"{cq:memory}:events"
"""The stream keeps between 9,000 and 10,000 events: that goes up and down by a tenth for ever."""
IDLE = re.compile(
    r"cq:(types|form)|\{cq:memory\}:(meta|counts|lanes|events(:marks)?|dead|lane:\d+|metrics:\d+|worker:.+|workers)"
)
"""What an idle queue keeps; the workers' own keys go with them."""


async def prove(server: Server, report: Report, asked: argparse.Namespace) -> None:
    jobs = 20_000 if asked.quick else asked.jobs
    warm_up = jobs if asked.quick else WARM_UP
    dice = random.Random(asked.seed)
    async with (
        Queue(server.url) as queue,
        raw(server) as connection,
        crew(server, {KIND: 50}) as workers,
    ):
        workers.order.quiet = True
        await workers.hire(2)
        await _through(queue, warm_up, dice)
        baseline = await _at_rest(queue, connection)
        began = monotonic()
        await _through(queue, jobs, dice)
        took = monotonic() - began
        used = await _at_rest(queue, connection)
        held = await _held(connection)
        strange = [name for name in await _names(connection) if not IDLE.fullmatch(name)]
        counts = Counter(await _counts(connection))
        await workers.dismiss()
    ended = sum(counts[f"total_{how}"] for how in ("completed", "failed", "cancelled"))
    everything = jobs + warm_up
    report.count("jobs enqueued and ended", f"{ended:,}", f"{everything:,}", ended == everything)
    report.figure("  completed", f"{counts['total_completed']:,}")
    report.figure(
        "  failed for good, retried", f"{counts['total_failed']:,}, {counts['total_retried']:,}"
    )
    report.figure("  cancelled", f"{counts['total_cancelled']:,}")
    report.figure("jobs per second, meanwhile", f"{jobs / took:,.0f}")
    report.count("keys outside the idle set", len(strange), "0", not strange)
    for name in strange[:10]:
        report.figure("  left behind:", name)
    report.figure("bytes of the keys, without events", f"{held:,}")
    report.figure("used_memory without events and connections", f"{baseline:,} → {used:,}")
    grown = 100 * (used - baseline) / baseline
    if asked.quick:  # too few jobs for the server's own tables to have found their size
        report.figure("  grown by", f"{grown:+.2f} %")
    else:
        report.count("  grown by", f"{grown:+.2f} %", "≤ 1 %", grown <= 1)


async def _through(queue: Queue, jobs: int, dice: random.Random) -> None:
    """Enqueue so many, never far ahead of the workers, and wait until all have ended."""
    for first in range(0, jobs, BATCH):
        batch = [_job(dice) for _ in range(min(BATCH, jobs - first))]
        ids = []
        for answer in await queue.enqueue_many(batch):
            if isinstance(answer, Exception):
                raise answer
            ids.append(answer.job_id)
        for job in ids[:: BATCH // 20]:
            await _cancel(queue, job)
        while (await queue.metrics(KIND))[0].waiting > AHEAD:
            await asyncio.sleep(0.02)
    await _ended(queue)


def _job(dice: random.Random) -> NewJob:
    """100 tenants; 5 % fail once, 1 % for good; 5 % delayed, 5 % with a unique key; kept for a
    second, by age or also by number.
    """
    chance = dice.random()
    keep = KeepFor(age=1, count=100 if dice.random() < 0.1 else None)
    options = JobOptions(
        attempts=2,
        backoff=RetryPolicy("fixed", 10),
        delay=dice.randrange(1000) if dice.random() < 0.05 else 0,
        unique_key=f"{dice.getrandbits(64):x}" if dice.random() < 0.05 else None,
        remove_on_complete=keep,
        remove_on_fail=keep,
        tags=("proof",),
    )
    fail = "always" if chance < 0.01 else "once" if chance < 0.06 else ""
    payload = {"ms": 0, "fail": fail, "filling": "x" * dice.randrange(200)}
    return NewJob(type=KIND, payload=payload, options=options, tenant=f"t{dice.randrange(100)}")


async def _cancel(queue: Queue, job: str) -> None:
    try:
        await queue.cancel(job)
    except (Conflict, NotFound):
        return


async def _ended(queue: Queue) -> None:
    while True:
        found = (await queue.metrics(KIND))[0]
        if not (found.waiting or found.active or found.delayed):
            return
        await asyncio.sleep(0.05)


async def _at_rest(queue: Queue, connection: Connection) -> int:
    """Bytes in use once retention has passed, dead letters are purged, and nothing moves."""
    while letters := (await queue.dead_letters(job_type=KIND, limit=500))[0]:
        for letter in letters:
            await queue.purge_dead_letter(letter.job_id)
    limit = monotonic() + PATIENCE_S
    while monotonic() < limit:
        found = (await queue.metrics(KIND))[0]
        if not (found.completed or found.failed or found.cancelled):
            break
        await asyncio.sleep(0.2)
    before, used = 0, await _used(connection)
    while before != used and monotonic() < limit:
        await asyncio.sleep(2.0)  # the server gives tables back bit by bit
        before, used = used, await _used(connection)
    return used


async def _used(connection: Connection) -> int:
    """Bytes that the server has allocated, without the event stream's and the connections' own."""
    events = await connection.command("MEMORY", "USAGE", EVENTS, "SAMPLES", 0)
    memory = await connection.command("INFO", "memory")
    return int(memory["used_memory"]) - int(memory["mem_clients_normal"]) - (events or 0)


async def _held(connection: Connection) -> int:
    """Bytes of all keys but the event stream, by MEMORY USAGE."""
    names = await connection.command("KEYS", "*")
    sizes = {n: await connection.command("MEMORY", "USAGE", n, "SAMPLES", 0) for n in names}
    return sum(size for name, size in sizes.items() if name != EVENTS)


async def _names(connection: Connection) -> list[str]:
    return sorted(name.decode("latin-1") for name in await connection.command("KEYS", "*"))


async def _counts(connection: Connection) -> dict[str, int]:
    found = fields(await connection.command("HGETALL", f"{{cq:{KIND}}}:counts"))
    return {name: int(value) for name, value in found.items()}


if __name__ == "__main__":
    numbers = [("jobs", 1_000_000, "how many"), ("seed", 1, "of the dice: which job does what")]
    sys.exit(main("memory", prove, sys.argv[1:], numbers=numbers))
