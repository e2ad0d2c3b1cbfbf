"""Queues: their numbers, and what an operator does to them."""

from __future__ import annotations

from typing import TypeVar

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
from ..schemas import CleanQueue, Nothing, PauseQueue, TenantQuery, TypeQuery

PATH = f"{API}/jobs/queues"
ONE = f"{PATH}/{{type}}"
B = TypeVar("B")
KNOWN = frozenset(job_type.name for job_type in jobtypes.ALL)


async def get_metrics(call: Call[Nothing, TypeQuery]) -> Response:
    """A list of all queues' numbers, or those of the one queue asked for.

    They are totals of the whole platform, whoever asks; no tenant is named in them.
    """
    found = await call.queue.metrics(call.query.type)
    return respond.json(found if call.query.type is None else found[0])


async def get_prometheus(call: Call[Nothing, Nothing]) -> Response:
    """The same numbers for Prometheus: totals of the whole platform, without tenants."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(QueueGauges(await call.queue.metrics()))
    return Response(
        generate_latest(registry),
        headers={"cache-control": "no-store", "content-type": CONTENT_TYPE_LATEST},
    )


async def pause_queue(call: Call[PauseQueue, TenantQuery]) -> Response:
    """Workers take no new jobs of the type from the caller's tenant; running ones go on. Survives
    restarts. With `forMs` it ends by itself.

    Only a platform token pauses the whole queue, for all tenants, or names one with `tenantId`.
    """
    job_type, asked = _known(call), call.body
    tenant = call.reach(asked.tenant_id or call.query.tenant_id)
    await call.queue.pause(job_type, tenant=tenant, for_ms=asked.for_ms, reason=asked.reason)
    message = f"no new jobs {_of(tenant)} start; what runs goes on"
    return respond.json(PausedQueue(type=job_type, tenant=tenant, paused=True, message=message))


async def resume_queue(call: Call[Nothing, TenantQuery]) -> Response:
    """Workers take the caller's jobs of the type again; a platform token resumes the whole queue.

    A tenant's jobs start again only if the whole queue isn't paused, and the other way round.
    """
    job_type, tenant = _known(call), call.reach(call.query.tenant_id)
    await call.queue.resume(job_type, tenant=tenant)
    message = f"jobs {_of(tenant)} start again"
    return respond.json(PausedQueue(type=job_type, tenant=tenant, paused=False, message=message))


async def clean_queue(call: Call[CleanQueue, TenantQuery]) -> Response:
    """Removes the caller's jobs that ended long enough ago, a bounded number per call.

    A platform token removes those of all tenants, or of the one that it names with `tenantId`.
    """
    job_type, asked, tenant = _known(call), call.body, call.reach(call.query.tenant_id)
    removed = await call.queue.clean(
        job_type,
        status=Status(asked.status),
        grace_ms=asked.grace,
        limit=asked.limit,
        tenant=tenant,
    )
    message = f"{removed:,} {asked.status} jobs {_of(tenant)} are gone"
    return respond.json(
        CleanedQueue(type=job_type, tenant=tenant, removed=removed, message=message)
    )


def _of(tenant: str | None) -> str:
    return "of all tenants" if tenant is None else f"of tenant {tenant}"


def _known(call: Call[B, TenantQuery]) -> str:
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
        body=PauseQueue, bodiless=True, query=TenantQuery, answer=PausedQueue,
        tag="queues", summary="Pause a queue for a tenant, or for all", faults=(404, 422),
    ),
    Operation(
        method="POST", path=f"{ONE}/resume", handler=resume_queue, role=Role.ADMIN,
        body=Nothing, query=TenantQuery, answer=PausedQueue,
        tag="queues", summary="Resume a queue for a tenant, or for all", faults=(404, 422),
    ),
    Operation(
        method="POST", path=f"{ONE}/clean", handler=clean_queue, role=Role.ADMIN,
        body=CleanQueue, query=TenantQuery, answer=CleanedQueue,
        tag="queues", summary="Remove jobs that ended long ago", faults=(404, 422),
    ),
    Operation(
        method="GET", path="/metrics", handler=get_prometheus, role=Role.MANAGER,
        body=Nothing, query=Nothing, content="text/plain",
        tag="health", summary="Get the numbers of all queues for Prometheus",
    ),
)  # fmt: skip
