"""Ourselves, with everything on: typed payloads, checks for duplicates, the fence, retries,
timeouts, leases, cancelling, events, histories, tenants' windows, listings, metrics.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

import msgspec

from cotiza_queue import JobContext, JobOptions, JobType, Queue, Worker, WorkerOptions
from cotiza_queue.errors import CotizaError
from cotiza_queue.telemetry import LogTelemetry, configure_logging

from . import protocol
from .computing import compute
from .protocol import About, Engine, Order, Payload

NAME = "bench"


class Job(msgspec.Struct):
    """The payload, as its type checks it."""

    do: str
    amount: int
    at: float
    pad: str


KIND: JobType[Job, Any] = JobType(NAME, Job)
WATCH_S = 0.005
COUNTS = ["HMGET", "{cq:bench}:counts", "waiting", "active", "delayed", "blocked"]
INBOX = ["LLEN", "{cq:bench}:inbox"]


class Cotiza(Engine):
    about = About(
        skips="",
        left=[COUNTS, INBOX],
        drain_jobs=40_000,
        enqueue_jobs=40_000,
        bulk=True,
        cpu="in two child processes",
    )

    def produce(self, order: Order) -> None:
        protocol.run_async(_produce(order))

    def work(self, order: Order) -> None:
        options = WorkerOptions(concurrency=order.concurrency)
        configure_logging("WARNING", pretty=False)
        worker = Worker({KIND: _process}, order.url, options=options, telemetry=LogTelemetry())
        protocol.run_async(_work(worker))


async def _work(worker: Worker) -> None:
    watching = asyncio.create_task(_watch())
    gc.freeze()  # as cotiza-worker does
    await worker.run()
    watching.cancel()


async def _watch() -> None:
    """Note how late a sleeper wakes up, whenever it is later than ever before: nothing else was
    served in that time. Beside it, how much of that the loop computed, as far as its own clock of
    CPU time tells; the rest it waited for a core. 200 times a second, at 4 µs each in a busy loop.
    """
    longest, computed = 0.0, 0.0
    while True:
        began, cpu = time.monotonic(), time.thread_time()
        await asyncio.sleep(WATCH_S)
        late = time.monotonic() - began - WATCH_S
        own = min(late, time.thread_time() - cpu)
        if (late > longest or own > computed) and protocol.has_begun():
            longest, computed = max(longest, late), max(computed, own)
            protocol.note(stall_ms=1000 * longest, stall_cpu_ms=1000 * computed)


async def _process(payload: Job, context: JobContext) -> Any:
    if payload.do == "cpu":
        protocol.begin({"at": payload.at})
        return await context.run_in_process(compute, payload.amount)
    return await protocol.body(msgspec.structs.asdict(payload))


async def _produce(order: Order) -> None:
    until = time.monotonic() + order.delay_ms / 1000

    async with Queue(order.url, job_types=[KIND]) as queue:

        async def put(payload: Payload, delay_s: float, n: int) -> None:
            options = JobOptions(delay=round(delay_s * 1000)) if delay_s else None
            await queue.enqueue(KIND, payload, tenant=f"t{n % order.tenants}", options=options)

        async def put_many(payloads: Any, first: int) -> None:
            left_ms = round((until - time.monotonic()) * 1000) if order.together else order.delay_ms
            options = JobOptions(delay=max(0, left_ms))
            answers = await queue.enqueue_many(
                [
                    KIND.job(each, tenant=f"t{n % order.tenants}", options=options)
                    for n, each in enumerate(payloads, first)
                ]
            )
            for answer in answers:
                if isinstance(answer, CotizaError):
                    raise answer

        await protocol.produce(order, put, put_many)


if __name__ == "__main__":
    protocol.main(Cotiza())
