"""huey: threads on Redis lists, with redis-py, whose usual pool is too small for 100 threads."""

from __future__ import annotations

from typing import Any

from huey import RedisHuey

from . import protocol
from .protocol import About, Engine, Order, Payload


def _huey(order: Order) -> tuple[Any, Any]:
    huey = RedisHuey("bench", url=f"{order.url}?max_connections=1000")
    return huey, huey.task(name="job")(protocol.sync_body)


class Huey(Engine):
    about = About(
        skips=(
            "a job is popped before it runs, so a crash loses it; results are kept until they are "
            "read; no event stream, no tenants, no dead letters"
        ),
        left=[["LLEN", "huey.redis.bench"], ["ZCARD", "huey.schedule.bench"]],
        done=[["HLEN", "huey.results.bench"]],
        concurrency=32,
    )

    def produce(self, order: Order) -> None:
        _, job = _huey(order)

        def put(payload: Payload, delay_s: float, n: int) -> None:
            if delay_s:
                job.schedule(args=(payload,), delay=delay_s)
            else:
                job(payload)

        protocol.produce_sync(order, put)

    def work(self, order: Order) -> None:
        huey, _ = _huey(order)
        huey.create_consumer(workers=order.concurrency, worker_type="thread").run()


if __name__ == "__main__":
    protocol.main(Huey())
