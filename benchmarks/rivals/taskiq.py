"""taskiq: asyncio on Redis Streams, with redis-py; its scheduler runs beside the worker."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from taskiq import TaskiqScheduler
from taskiq.api import run_receiver_task, run_scheduler_task
from taskiq_redis import (
    ListRedisScheduleSource,
    RedisAsyncResultBackend,
    RedisStreamBroker,
)

from . import protocol
from .protocol import About, Engine, Order, Payload


def _broker(order: Order) -> tuple[Any, Any]:
    results: Any = RedisAsyncResultBackend(order.url, result_ex_time=600)
    broker = RedisStreamBroker(order.url, queue_name="bench").with_result_backend(results)
    return broker, broker.register_task(protocol.body, task_name="job")


class Taskiq(Engine):
    about = About(
        skips=(
            "result kept ten minutes; retries only by a middleware that is not on; "
            "no event stream, no tenants, no dead letters; its stream is never cut"
        ),
        left=[["LAG", "bench", "taskiq"]],
    )

    def produce(self, order: Order) -> None:
        protocol.run_async(_produce(order))

    def work(self, order: Order) -> None:
        protocol.run_async(_work(order))


async def _work(order: Order) -> None:
    broker, _ = _broker(order)
    await broker.startup()
    scheduler = TaskiqScheduler(broker, [ListRedisScheduleSource(order.url)])
    await asyncio.gather(
        run_receiver_task(broker, max_async_tasks=order.concurrency),
        run_scheduler_task(scheduler, interval=timedelta(seconds=1)),
    )


async def _produce(order: Order) -> None:
    broker, job = _broker(order)
    await broker.startup()
    source = ListRedisScheduleSource(order.url)
    await source.startup()

    async def put(payload: Payload, delay_s: float, n: int) -> None:
        if delay_s:
            due = datetime.now(UTC) + timedelta(seconds=delay_s)
            await job.schedule_by_time(source, due, payload)
        else:
            await job.kiq(payload)

    await protocol.produce(order, put)
    await source.shutdown()
    await broker.shutdown()


if __name__ == "__main__":
    protocol.main(Taskiq())
