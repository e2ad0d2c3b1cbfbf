"""Watching jobs from outside: join the stream of events first, then look at the present, so nothing
falls between.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from ..errors import (
    Expired,
    FieldError,
    InvalidInput,
    QueueUnavailable,
    ResultPending,
    ResultTimeout,
)
from ..model.ids import type_code
from ..model.job import Event, Job
from ..store.events import Listener, compound, order, places_of
from ..store.link import Link

T = TypeVar("T")
_FINAL = frozenset({"completed", "failed", "cancelled"})
_AGAIN_S = 0.2
"""How soon a waiter asks again where Redis could not be reached."""
_LOOK_S = 5.0
"""A waiter looks at the job this often even if no event comes, for an event stream that was lost
with its server.
"""


async def wait_for_end(link: Link, job: Job, timeout_ms: int) -> Job:
    """The job once it has ended; without a wait, only if it has. Raises ResultTimeout,
    ResultPending; Expired if it was removed.
    """
    if timeout_ms <= 0:
        if job.status.final:
            return job
        raise ResultPending(f"job {job.id} is {job.status}", remedy="Ask later, or wait for it.")
    listener = Listener([job.type], job_id=job.id)
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            await _persist(lambda: link.events.join(listener))
            while True:
                found = await _persist(lambda: link.views.job(job.type, job.id, ""))
                if found is None:
                    raise Expired(f"job {job.id} ended and was removed")
                if found.status.final:
                    return found
                await _next_final(listener)
    except TimeoutError:
        raise ResultTimeout(f"job {job.id} did not end within {timeout_ms} ms") from None
    finally:
        link.events.leave(listener)


async def _persist(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer, sooner or later: a wait outlives a connection that breaks under it."""
    while True:
        try:
            return await ask()
        except QueueUnavailable:
            await asyncio.sleep(_AGAIN_S)


async def follow(link: Link, job: Job, after: str | None) -> AsyncIterator[Event]:
    """The events of one job, up to and with its final one."""
    listener = Listener([job.type], job_id=job.id)
    await link.events.join(listener)
    try:
        start = await link.events.last_id(job.type)
        if after:
            start = min(checked(after), start, key=order)
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
        async for event in _live(link, job, listener, start):
            yield event
    finally:
        link.events.leave(listener)


async def _live(link: Link, job: Job, listener: Listener, start: str) -> AsyncIterator[Event]:
    """What happens to the job from now on. In a long silence, or where events were lost, the job
    itself is asked, so that its end is never missed.
    """
    while True:
        event = await _next(listener)
        if event is not None and (event.name == "gap" or order(event.id) > order(start)):
            yield event
            if event.name in _FINAL:
                return
        if event is None or event.name == "gap":
            found = await link.views.job(job.type, job.id, "")
            if found is None:
                return
            if found.status.final:
                yield _state(found, await link.events.last_id(job.type))
                return


async def _next(listener: Listener) -> Event | None:
    try:
        async with asyncio.timeout(_LOOK_S):
            return await listener.next()
    except TimeoutError:
        return None


async def follow_tenant(
    link: Link, job_types: Iterable[str], tenant: str, after: str | None
) -> AsyncIterator[Event]:
    """The events of all jobs of a tenant, without end. An event's id holds a place in each type's
    stream, so that a resume misses nothing.
    """
    listener = Listener(job_types, tenant=tenant)
    await link.events.join(listener)
    try:
        places = await _places(link, listener.job_types, after)
        for name in places:
            async for event in link.events.history(name, places[name]):
                places[name] = event.id
                if event.tenant in (tenant, ""):
                    yield msgspec.structs.replace(event, id=compound(places))
        while True:
            event = await listener.next()
            if not _is_known(event, places):
                yield event
    finally:
        link.events.leave(listener)


async def _places(link: Link, names: Sequence[str], after: str | None) -> dict[str, str]:
    """The place in each stream after which to go on; none, to begin now. Raises InvalidInput."""
    if after is None:
        return {}
    kept = places_of(after)
    if not any(type_code(name) in kept for name in names):
        raise InvalidInput(
            "that is not an event id", fields=[FieldError("Last-Event-ID", "the id of an event")]
        )
    return {
        name: checked(kept.get(type_code(name)) or await link.events.last_id(name))
        for name in names
    }


def _is_known(event: Event, places: dict[str, str]) -> bool:
    """True for what the history has told already: an event that came while it was read. After the
    first new one of a stream, all are new.
    """
    if event.type not in places or event.name == "gap":
        return False
    if order(places_of(event.id)[type_code(event.type)]) <= order(places[event.type]):
        return True
    del places[event.type]
    return False


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


async def _next_final(listener: Listener) -> None:
    """Returns when the job may have ended, or when it is time to look."""
    try:
        async with asyncio.timeout(_LOOK_S):
            while True:
                event = await listener.next()
                if event.name == "gap" or event.name in _FINAL:
                    return
    except TimeoutError:
        return
