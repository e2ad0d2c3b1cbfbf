"""rq: one job at a time on Redis lists, with redis-py; SimpleWorker, which does not fork."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import redis
from rq import Queue, SimpleWorker

from . import protocol
from .protocol import About, Engine, Order, Payload

JOB = "benchmarks.rivals.protocol.sync_body"


class Rq(Engine):
    about = About(
        skips=(
            "one job at a time, in the worker's own process (its usual worker forks for each job); "
            "result kept 500 s; no event stream, no tenants"
        ),
        left=[
            ["LLEN", "rq:queue:bench"],
            ["ZCARD", "rq:wip:bench"],
            ["ZCARD", "rq:scheduled:bench"],
        ],
        concurrency=32,
        drain_jobs=1_500,
        enqueue_jobs=4_000,
        bulk=True,
        slots=1,
    )

    def produce(self, order: Order) -> None:
        queue = Queue("bench", connection=redis.Redis.from_url(order.url))

        def put(payload: Payload, delay_s: float, n: int) -> None:
            if delay_s:
                queue.enqueue_in(timedelta(seconds=delay_s), JOB, payload)
            else:
                queue.enqueue(JOB, payload)

        def put_many(payloads: Any) -> None:
            queue.enqueue_many([Queue.prepare_data(JOB, args=(each,)) for each in payloads])

        protocol.produce_sync(order, put, put_many)

    def work(self, order: Order) -> None:
        connection = redis.Redis.from_url(order.url)
        worker = SimpleWorker(["bench"], connection=connection, log_job_description=False)
        worker.work(logging_level="WARNING", with_scheduler=True)


if __name__ == "__main__":
    protocol.main(Rq())
