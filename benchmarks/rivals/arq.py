"""arq: asyncio on a sorted set, with redis-py."""

from __future__ import annotations

from typing import Any

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func

from . import protocol
from .protocol import About, Engine, Order, Payload


async def job(context: Any, payload: Payload) -> Any:
    return await protocol.body(payload)


class Arq(Engine):
    about = About(
        skips="result kept an hour; polls; no event stream, no tenants, no dead letters",
        left=[["ZCARD", "arq:bench"]],
        drain_jobs=3_000,
    )

    def produce(self, order: Order) -> None:
        protocol.run_async(_produce(order))

    def work(self, order: Order) -> None:
        protocol.run_async(_work(order))


async def _work(order: Order) -> None:
    worker = Worker(
        [func(job, name="job")],
        queue_name="arq:bench",
        redis_settings=RedisSettings.from_dsn(order.url),
        max_jobs=order.concurrency,
        handle_signals=False,
    )
    await worker.async_run()


async def _produce(order: Order) -> None:
    pool = await create_pool(RedisSettings.from_dsn(order.url), default_queue_name="arq:bench")

    async def put(payload: Payload, delay_s: float, n: int) -> None:
        await pool.enqueue_job("job", payload, _defer_by=delay_s or None)

    await protocol.produce(order, put)
    await pool.aclose()


if __name__ == "__main__":
    protocol.main(Arq())
