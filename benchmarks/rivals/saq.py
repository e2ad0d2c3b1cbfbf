"""saq: asyncio on Redis lists, with redis-py."""

from __future__ import annotations

from typing import Any

from saq import Queue, Worker

from . import protocol
from .protocol import About, Engine, Order, Payload


async def job(context: Any, *, payload: Payload) -> Any:
    return await protocol.body(payload)


class Saq(Engine):
    about = About(
        skips="result kept ten minutes; no event stream, no tenants, no dead letters",
        left=[["ZCARD", "saq:bench:incomplete"], ["LLEN", "saq:bench:active"]],
        concurrency=32,
    )

    def produce(self, order: Order) -> None:
        protocol.run_async(_produce(order))

    def work(self, order: Order) -> None:
        protocol.run_async(_work(order))


async def _work(order: Order) -> None:
    worker = Worker(
        Queue.from_url(order.url, name="bench"),
        functions=[job],
        concurrency=order.concurrency,
    )
    await worker.start()


async def _produce(order: Order) -> None:
    import time

    queue = Queue.from_url(order.url, name="bench")
    await queue.connect()

    async def put(payload: Payload, delay_s: float, n: int) -> None:
        scheduled = {"scheduled": time.time() + delay_s} if delay_s else {}
        await queue.enqueue("job", payload=payload, **scheduled)

    await protocol.produce(order, put)
    await queue.disconnect()


if __name__ == "__main__":
    protocol.main(Saq())
