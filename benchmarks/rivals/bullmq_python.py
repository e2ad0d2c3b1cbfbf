"""bullmq for Python: BullMQ's scripts called from asyncio, with redis-py."""

from __future__ import annotations

import asyncio
from typing import Any

from bullmq import Queue, Worker

from . import protocol
from .protocol import About, Engine, Order, Payload


async def job(given: Any, token: str) -> Any:
    return await protocol.body(given.data)


class BullMq(Engine):
    about = About(
        skips="no tenants, no timeouts; ended jobs are kept for ever",
        left=[
            ["LLEN", "bull:bench:wait"],
            ["LLEN", "bull:bench:active"],
            ["ZCARD", "bull:bench:delayed"],
        ],
        concurrency=32,
        bulk=True,
    )

    def produce(self, order: Order) -> None:
        protocol.run_async(_produce(order))

    def work(self, order: Order) -> None:
        protocol.run_async(_work(order))


async def _work(order: Order) -> None:
    options: Any = {"connection": order.url, "concurrency": order.concurrency}
    Worker("bench", job, options)
    await asyncio.Event().wait()


async def _produce(order: Order) -> None:
    queue: Any = Queue("bench", {"connection": order.url})

    async def put(payload: Payload, delay_s: float, n: int) -> None:
        await queue.add("job", payload, {"delay": round(delay_s * 1000)} if delay_s else {})

    async def put_many(payloads: Any, first: int) -> None:
        await queue.addBulk([{"name": "job", "data": each, "opts": {}} for each in payloads])

    await protocol.produce(order, put, put_many)
    await queue.close()


if __name__ == "__main__":
    protocol.main(BullMq())
