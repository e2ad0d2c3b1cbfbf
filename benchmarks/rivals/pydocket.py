"""pydocket: asyncio on Redis Streams, with redis-py, whose usual pool is too small for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from docket import Docket, Worker

from . import protocol
from .protocol import About, Engine, Order, Payload


async def job(payload: Payload) -> Any:
    return await protocol.body(payload)


class Pydocket(Engine):
    about = About(
        skips="record kept 15 minutes; looks every 250 ms; no tenants, no dead letters",
        left=[["XLEN", "bench:stream"], ["ZCARD", "bench:queue"]],
        concurrency=32,
        drain_jobs=600,
        enqueue_jobs=4_000,
    )

    def produce(self, order: Order) -> None:
        protocol.run_async(_produce(order))

    def work(self, order: Order) -> None:
        protocol.run_async(_work(order))


async def _work(order: Order) -> None:
    async with Docket("bench", f"{order.url}?max_connections=1000") as docket:
        docket.register(job)
        async with Worker(docket, concurrency=order.concurrency) as worker:
            await worker.run_forever()


async def _produce(order: Order) -> None:
    async with Docket("bench", f"{order.url}?max_connections=1000") as docket:
        docket.register(job)

        async def put(payload: Payload, delay_s: float, n: int) -> None:
            due = datetime.now(UTC) + timedelta(seconds=delay_s) if delay_s else None
            await docket.add(job, when=due)(payload)

        await protocol.produce(order, put)


if __name__ == "__main__":
    protocol.main(Pydocket())
