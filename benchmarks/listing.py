"""How long one page of a listing takes with very many retained jobs, filter by filter.

    python benchmarks/listing.py [--jobs 1000000] [--pages 300] [--url redis://…]

The jobs go the engine's own way, by its calls, into an embedded server (or the empty database of
``--url``): taken in, taken out and ended, in pages of a hundred. Then pages of 50 are read one
after the other with their cursors, as a caller does, and timed from call to answer.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from cotiza_queue import JobOptions, JobType, NewJob, Queue, Status
from cotiza_queue.engine.intake import intake_of
from cotiza_queue.model.ids import type_code
from cotiza_queue.store.asked import Intake
from cotiza_queue.store.commands import Commands, Delivery, Settlement
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import stored

KIND: JobType[Any] = JobType("listed")
TENANT, PAGE, WORKER, DAY_MS = "acme", 100, "filler", 86_400_000
FAILURE = b'{"code":"gone","message":"it went","at":1,"attempt":1,"worker":"filler"}'
FILTERS: tuple[tuple[str, str | None, Status | None, str | None], ...] = (
    ("any", TENANT, None, None),
    ("completed", TENANT, Status.COMPLETED, None),
    ("failed (1 in 50)", TENANT, Status.FAILED, None),
    ("waiting (1 in 500)", TENANT, Status.WAITING, None),
    ("active (none)", TENANT, Status.ACTIVE, None),
    ("tag on every second", TENANT, None, "even"),
    ("tag on 1 in 500", TENANT, None, "rare"),
    ("failed, tag on every second", TENANT, Status.FAILED, "even"),
    ("completed, tag on 1 in 500", TENANT, Status.COMPLETED, "rare"),
    ("failed, a tag none of them has", TENANT, Status.FAILED, "odd"),
    ("all tenants", None, None, None),
    ("all tenants, failed (1 in 50)", None, Status.FAILED, None),
)


def made(n: int) -> Intake:
    """The nth job: every second tag is even, 1 in 500 is rare, 1 in 500 is due in a day."""
    tags = ("even" if n % 2 == 0 else "odd", *(["rare"] if n % 1000 < 2 else []))
    options = JobOptions(tags=tags, delay=DAY_MS if n % 500 == 2 else 0, attempts=1)
    job = NewJob(type=KIND.name, payload={"n": n}, tenant=TENANT, options=options)
    return intake_of(job, KIND, stored(f"{n:030d}{type_code(KIND.name)}", KIND.name))


def ended(delivery: Delivery) -> Settlement:
    """1 in 50 fails, the others complete."""
    if int(delivery.id[:30]) % 50 == 0:
        return Settlement("fail", delivery.stored, delivery.token, FAILURE)
    return Settlement("complete", delivery.stored, delivery.token, b"1")


async def fill(url: str, jobs: int) -> None:
    """That many jobs: of 500 ten failed, one delayed, one waiting, five cancelled; the others
    completed.
    """
    connection = Connection(url)
    await connection.load()
    commands = Commands(connection)
    began, waiting = perf_counter(), jobs // 500
    for first in range(0, jobs - waiting, PAGE):
        page = [made(n) for n in range(first, min(first + PAGE, jobs - waiting))]
        await commands.enqueue(KIND.name, page)
        for job in page[1:2]:
            await commands.cancel(KIND.name, job.id, "")
        await _drain(commands)
    for first in range(jobs - waiting, jobs, PAGE):
        page = [made(n) for n in range(first, min(first + PAGE, jobs))]
        await commands.enqueue(KIND.name, page)
    await commands.announce_type(KIND.name)
    await connection.close()
    print(f"{jobs:,} jobs in {perf_counter() - began:.0f} s")


async def _drain(commands: Commands) -> None:
    outcomes: list[Settlement] = []
    while True:
        turn = await commands.turn(KIND.name, WORKER, PAGE, outcomes)
        outcomes = [ended(delivery) for delivery in turn.deliveries]
        if not outcomes:
            return


async def measure(url: str, pages: int) -> None:
    """Time pages of 50, one after the other."""
    print(f"{'filter':34} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}  jobs a page")
    async with Queue(url) as queue:
        for name, tenant, status, tag in FILTERS:
            cursor, spans, shown = None, list[float](), 0
            for _ in range(pages):
                began = perf_counter()
                page = await queue.list(
                    tenant, job_type=KIND.name, status=status, tag=tag, cursor=cursor, limit=50
                )
                spans.append((perf_counter() - began) * 1000)
                shown, cursor = shown + len(page.items), page.next_cursor
            cuts = statistics.quantiles(spans, n=100)
            print(
                f"{name:34} {statistics.median(spans):>8.2f} {cuts[98]:>8.2f} {max(spans):>8.2f}"
                f"  {shown / pages:.0f}"
            )


async def run(asked: argparse.Namespace) -> None:
    if asked.url:
        await fill(asked.url, asked.jobs)
        await measure(asked.url, asked.pages)
        return
    with tempfile.TemporaryDirectory(prefix="cq-listing-") as folder:
        async with Queue(data_dir=Path(folder)) as queue:
            await fill(queue.url, asked.jobs)
            await measure(queue.url, asked.pages)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--pages", type=int, default=300, help="pages read per filter")
    parser.add_argument("--url", help="an empty Redis; without it, an embedded server")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
