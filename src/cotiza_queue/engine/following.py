"""Watching jobs from outside: join the stream of events first, then look at the present, so nothing
falls between.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from ..errors import FieldError, InvalidInput, NotFound, ResultTimeout
from ..model.job import Event, Job
from ..store.events import Listener, order
from ..store.link import Link

_FINAL = frozenset({"completed", "failed", "cancelled"})
_LOOK_S = 5.0
"""A waiter looks at the job this often even if no event comes, for an event stream that was lost
with its server.
"""


async def wait_for_end(link: Link, job: Job, timeout_ms: int) -> Job:
    """The job once it has ended. Raises ResultTimeout; NotFound if it was removed."""
    listener = await link.events.join([job.type])
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            while True:
                found = await link.views.job(job.type, job.id, "")
                if found is None:
                    raise NotFound(f"job {job.id} ended and was removed", code="job_removed")
                if found.status.final:
                    return found
                await _next_final(listener, job.id)
    except TimeoutError:
        raise ResultTimeout(f"job {job.id} did not end within {timeout_ms} ms") from None
    finally:
        link.events.leave(listener)


async def follow(link: Link, job: Job, after: str | None) -> AsyncIterator[Event]:
    """The events of one job, up to and with its final one."""
    listener = await link.events.join([job.type])
    try:
        start = checked(after) if after else await link.events.last_id(job.type)
        present = await link.views.job(job.type, job.id, "")
        if present is not None and not after:
            yield _state(present, start)
        # What is kept comes first. If the job had ended before that is read, its final event is
        # either in there or was before ``start``; if not, the listener will hear it.
        async for event in link.events.history(job.type, start):
            start = event.id
            if _is_of(event, job):
                yield event
            if _is_of(event, job) and event.name in _FINAL:
                return
        if present is None or present.status.final:
            return
        while True:
            event = await listener.next()
            if _is_of(event, job) and order(event.id) > order(start):
                yield event
                if event.name in _FINAL:
                    return
    finally:
        link.events.leave(listener)


async def follow_tenant(
    link: Link, job_types: Iterable[str], tenant: str, after: str | None
) -> AsyncIterator[Event]:
    """The events of all jobs of a tenant, without end."""
    names = sorted(job_types)
    listener = await link.events.join(names)
    try:
        starts: dict[str, str] = {}
        async for event in _histories(link, names if after else [], checked(after or "0-0")):
            starts[event.type] = event.id
            if event.tenant in (tenant, ""):
                yield event
        while True:
            event = await listener.next()
            is_new = order(event.id) > order(starts.get(event.type, "0-0"))
            if event.tenant in (tenant, "") and is_new:
                yield event
    finally:
        link.events.leave(listener)


async def _histories(link: Link, job_types: Iterable[str], after: str) -> AsyncIterator[Event]:
    for job_type in job_types:
        async for event in link.events.history(job_type, after):
            yield event


def _state(job: Job, at: str) -> Event:
    """The state of a job as an event that a later resume can start from."""
    return Event(
        id=at,
        name="state",
        job_id=job.id,
        type=job.type,
        tenant=job.tenant,
        at_ms=order(at)[0],
        data=state_of(job),
    )


def _is_of(event: Event, job: Job) -> bool:
    return event.job_id == job.id or event.name == "gap"


def state_of(job: Job) -> Mapping[str, Any]:
    """The present of a job as event data."""
    data: dict[str, Any] = {
        "status": str(job.status),
        "attempt": job.attempt,
        "progress": {
            "percentage": job.progress.percentage,
            "step": job.progress.step,
            "message": job.progress.message,
        },
    }
    if job.failure is not None:
        data["error"] = {"code": job.failure.code, "message": job.failure.message}
    return data


def checked(event_id: str) -> str:
    """An event id as it came from outside. Raises InvalidInput if it is not one."""
    try:
        moment, sequence = order(event_id)
    except ValueError:
        moment = sequence = -1
    if not (0 <= moment < 1 << 63 and 0 <= sequence < 1 << 63):
        raise InvalidInput(
            "that is not an event id", fields=[FieldError("Last-Event-ID", "the id of an event")]
        )
    return f"{moment}-{sequence}"


async def _next_final(listener: Listener, job_id: str) -> None:
    try:
        async with asyncio.timeout(_LOOK_S):
            while True:
                event = await listener.next()
                if event.name == "gap" or (event.job_id == job_id and event.name in _FINAL):
                    return
    except TimeoutError:
        return
