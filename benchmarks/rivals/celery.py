"""celery: child processes on Redis lists, with redis-py; one child drains the fastest."""

from __future__ import annotations

from typing import Any

from celery import Celery

from . import protocol
from .protocol import About, Engine, Order, Payload


def _app(order: Order) -> tuple[Any, Any]:
    app: Any = Celery("bench", broker=order.url, backend=order.url)
    app.conf.update(
        result_expires=600,
        task_default_queue="bench",
        broker_connection_retry_on_startup=True,
        worker_redirect_stdouts=False,
    )
    return app, app.task(name="job")(protocol.sync_body)


class CeleryRival(Engine):
    about = About(
        skips=(
            "jobs are acknowledged before they run; result kept ten minutes; no event stream, "
            "no tenants, no dead letters; one child process for no-op jobs, else two"
        ),
        left=[["LLEN", "bench"], ["HLEN", "unacked"]],
        done=[["DBSIZE"]],
        concurrency=32,
        drain_jobs=3_000,
        enqueue_jobs=3_000,
        slots=2,
        cpu="in two child processes",
    )

    def produce(self, order: Order) -> None:
        _, job = _app(order)

        def put(payload: Payload, delay_s: float, n: int) -> None:
            job.apply_async((payload,), countdown=delay_s or None)

        protocol.produce_sync(order, put)

    def work(self, order: Order) -> None:
        app, _ = _app(order)
        children = "1" if order.do == "noop" else "2"
        arguments = ["worker", "-c", children, "--loglevel", "WARNING", "-P", "prefork"]
        quiet = ["--without-gossip", "--without-mingle", "-n", f"bench{_pid()}@%h"]
        app.worker_main([*arguments, *quiet])


def _pid() -> int:
    import os

    return os.getpid()


if __name__ == "__main__":
    protocol.main(CeleryRival())
