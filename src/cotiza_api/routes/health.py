"""Is it well? Public, so it tells totals only: no tenant, no host, no job."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from cotiza_queue import jobtypes
from cotiza_queue.errors import CotizaError, QueueUnavailable
from cotiza_queue.model.job import QueueMetrics

from .. import respond
from ..answers import Alive, Health, QueueHealth, RedisHealth
from ..operation import API, AnyOperation, Call, Operation
from ..schemas import Nothing

LOOK_S = 2.0
"""A server that does not answer by then counts as away."""


async def check_health(call: Call[Nothing, Nothing]) -> Response:
    """200 while Redis answers, else 503, with the same fields."""
    try:
        async with asyncio.timeout(LOOK_S):
            latency_ms = await call.queue.ping()
            metrics = await call.queue.metrics()
            workers = await call.queue.workers()
    except (CotizaError, TimeoutError):
        away = Health(
            status="unhealthy",
            queues=len(jobtypes.ALL),
            total_jobs=0,
            metrics=[],
            redis=RedisHealth(status="down", latency_ms=None),
            workers=0,
        )
        return respond.json(away, 503, retry_after="2")
    health = Health(
        status="healthy",
        queues=len(metrics),
        total_jobs=sum(_jobs(one) for one in metrics),
        metrics=[
            QueueHealth(
                name=one.name,
                active=one.active,
                failed=one.failed,
                failed_rate=round(one.failed_rate, 2),
                paused=one.paused,
            )
            for one in metrics
        ],
        redis=RedisHealth(status="up", latency_ms=round(latency_ms, 2)),
        workers=len(workers),
    )
    return respond.json(health)


async def alive(_: Call[Nothing, Nothing]) -> Response:
    """The process answers. Says nothing of Redis: a restart would not bring it back."""
    return respond.json(Alive())


async def ready(call: Call[Nothing, Nothing]) -> Response:
    """Requests can be served: Redis answers, and the server is not stopping."""
    try:
        async with asyncio.timeout(LOOK_S):
            await call.queue.ping()
    except TimeoutError:
        raise QueueUnavailable("Redis does not answer") from None
    if call.services.stopping.is_set():
        raise QueueUnavailable("the server is stopping")
    return respond.json(Alive())


def _jobs(one: QueueMetrics) -> int:
    ended = one.completed + one.failed + one.cancelled
    return one.blocked + one.delayed + one.waiting + one.active + ended


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET", path=f"{API}/jobs/health/check", handler=check_health, role=None,
        body=Nothing, query=Nothing, answer=Health,
        tag="health", summary="Check the queues' health", faults=(503,),
    ),
    Operation(
        method="GET", path="/healthz", handler=alive, role=None,
        body=Nothing, query=Nothing, answer=Alive,
        tag="health", summary="Is the process alive?",
    ),
    Operation(
        method="GET", path="/readyz", handler=ready, role=None,
        body=Nothing, query=Nothing, answer=Alive,
        tag="health", summary="Can requests be served?", faults=(503,),
    ),
)  # fmt: skip
