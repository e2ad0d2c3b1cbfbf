"""streaq: asyncio on Redis Streams, with coredis."""

from __future__ import annotations

from typing import Any

from streaq import Worker

from . import protocol
from .protocol import About, Engine, Order, Payload


def _worker(order: Order) -> tuple[Any, Any]:
    worker: Any = Worker(order.url, concurrency=order.concurrency, queue_name="bench", id=None)

    @worker.task(silent=True)
    async def job(payload: Payload) -> Any:
        return await protocol.body(payload)

    return worker, job


class Streaq(Engine):
    about = About(
        skips="result kept five minutes; no event stream, no tenants, no dead letters",
        left=[
            ["XLEN", "streaq:bench:queues:normal"],
            ["ZCARD", "streaq:bench:queues:delayed:normal"],
        ],
        drain_jobs=6_000,
        bulk=True,
    )

    def produce(self, order: Order) -> None:
        protocol.run_async(_produce(order))

    def work(self, order: Order) -> None:
        worker, _ = _worker(order)
        protocol.run_async(worker.run_async())


async def _produce(order: Order) -> None:
    worker, job = _worker(order)
    async with worker:

        async def put(payload: Payload, delay_s: float, n: int) -> None:
            task = job.enqueue(payload)
            await (task.start(delay=delay_s) if delay_s else task)

        async def put_many(payloads: Any, first: int) -> None:
            await worker.enqueue_many([job.enqueue(payload) for payload in payloads])

        await protocol.produce(order, put, put_many)


if __name__ == "__main__":
    protocol.main(Streaq())
