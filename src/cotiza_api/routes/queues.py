"""Queues: their numbers, and what an operator does to them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from cotiza_queue import Status, jobtypes
from cotiza_queue.errors import NotFound
from cotiza_queue.model.job import QueueMetrics

from .. import respond
from ..answers import CleanedQueue, PausedQueue
from ..auth import Role
from ..gauges import QueueGauges
from ..operation import API, AnyOperation, Call, Operation
from ..schemas import CleanQueue, Nothing, TypeQuery

PATH = f"{API}/jobs/queues"
ONE = f"{PATH}/{{type}}"
KNOWN = frozenset(job_type.name for job_type in jobtypes.ALL)


async def get_metrics(call: Call[Nothing, TypeQuery]) -> Response:
    """A list of all queues' numbers, or those of the one queue asked for."""
    found = await call.queue.metrics(call.query.type)
    return respond.json(found if call.query.type is None else found[0])


async def get_prometheus(call: Call[Nothing, Nothing]) -> Response:
    """The same numbers for Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(QueueGauges(await call.queue.metrics()))
    return Response(
        generate_latest(registry),
        headers={"cache-control": "no-store", "content-type": CONTENT_TYPE_LATEST},
    )


async def pause_queue(call: Call[Nothing, Nothing]) -> Response:
    """Workers take no new jobs of the type; running ones go on. Survives restarts."""
    job_type = _known(call)
    await call.queue.pause(job_type)
    message = "no new jobs start; what runs goes on"
    return respond.json(PausedQueue(type=job_type, paused=True, message=message))


async def resume_queue(call: Call[Nothing, Nothing]) -> Response:
    """Workers take jobs of the type again."""
    job_type = _known(call)
    await call.queue.resume(job_type)
    return respond.json(PausedQueue(type=job_type, paused=False, message="jobs start again"))


async def clean_queue(call: Call[CleanQueue, Nothing]) -> Response:
    """Removes jobs that ended long enough ago, a bounded number per call."""
    job_type, asked = _known(call), call.body
    removed = await call.queue.clean(
        job_type, status=Status(asked.status), grace_ms=asked.grace, limit=asked.limit
    )
    message = f"{removed:,} {asked.status} jobs are gone"
    return respond.json(CleanedQueue(type=job_type, removed=removed, message=message))


def _known(call: Call[CleanQueue, Nothing] | Call[Nothing, Nothing]) -> str:
    name = call.path("type")
    if name not in KNOWN:
        raise NotFound(
            f"there is no queue {name!r:.60}",
            code="queue_not_found",
            remedy=f"There are {', '.join(sorted(KNOWN))}.",
        )
    return name


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET", path=f"{PATH}/metrics", handler=get_metrics, role=Role.MANAGER,
        body=Nothing, query=TypeQuery, answer=list[QueueMetrics] | QueueMetrics,
        tag="queues", summary="Get the numbers of all queues, or of one", faults=(422,),
    ),
    Operation(
        method="POST", path=f"{ONE}/pause", handler=pause_queue, role=Role.ADMIN,
        body=Nothing, query=Nothing, answer=PausedQueue,
        tag="queues", summary="Pause a queue", faults=(404,),
    ),
    Operation(
        method="POST", path=f"{ONE}/resume", handler=resume_queue, role=Role.ADMIN,
        body=Nothing, query=Nothing, answer=PausedQueue,
        tag="queues", summary="Resume a queue", faults=(404,),
    ),
    Operation(
        method="POST", path=f"{ONE}/clean", handler=clean_queue, role=Role.ADMIN,
        body=CleanQueue, query=Nothing, answer=CleanedQueue,
        tag="queues", summary="Remove jobs that ended long ago", faults=(404, 422),
    ),
    Operation(
        method="GET", path="/metrics", handler=get_prometheus, role=Role.MANAGER,
        body=Nothing, query=Nothing, content="text/plain",
        tag="health", summary="Get the numbers of all queues for Prometheus",
    ),
)  # fmt: skip
