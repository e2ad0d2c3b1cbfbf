"""dramatiq: threads on Redis lists, with redis-py."""

from __future__ import annotations

import threading
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from . import protocol
from .protocol import About, Engine, Order, Payload


def _actor(order: Order) -> tuple[Any, Any]:
    broker = RedisBroker(url=order.url)
    dramatiq.set_broker(broker)
    return broker, dramatiq.actor(protocol.sync_body, actor_name="job", queue_name="bench")


class Dramatiq(Engine):
    about = About(
        skips="no result kept, no event stream, no tenants, no call for many",
        left=[["HLEN", "dramatiq:bench.msgs"], ["HLEN", "dramatiq:bench.DQ.msgs"]],
        concurrency=32,
        drain_jobs=10_000,
    )

    def produce(self, order: Order) -> None:
        _, job = _actor(order)

        def put(payload: Payload, delay_s: float, n: int) -> None:
            delay = round(delay_s * 1000) or None
            job.send_with_options(args=(payload,), delay=delay)

        protocol.produce_sync(order, put)

    def work(self, order: Order) -> None:
        broker, _ = _actor(order)
        worker = dramatiq.Worker(broker, worker_threads=order.concurrency)
        worker.start()
        threading.Event().wait()


if __name__ == "__main__":
    protocol.main(Dramatiq())
