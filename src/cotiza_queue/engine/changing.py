"""Changing a job that has not started. Whoever is first wins: the change, or the worker's take."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ..errors import Conflict, FieldError, InvalidInput
from ..model.ids import check_actor
from ..model.job import Job, JobType
from ..model.policy import DelayMs, Priority, lane_of
from ..store import codec
from ..store.asked import Changed
from ..store.link import Link
from .intake import invalid, validated

TRIES = 10
"""How often a change is tried while others change the same job."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What of a job shall be another. What is left out stays as it is."""

    payload: Any = UNSET
    priority: Priority | UnsetType = UNSET
    delay_ms: DelayMs | UnsetType = UNSET
    """Due so many milliseconds from now on; 0: as soon as there is a slot."""
    by: str = ""
    """Who asks, for the job's history."""


def change_of(
    payload: Any, priority: int | UnsetType, delay_ms: int | UnsetType, by: str
) -> Change:
    """Raises InvalidInput for what is out of range, or if there is nothing to change."""
    actor = check_actor(by)
    asked = {"priority": priority, "delay_ms": delay_ms}
    given = {name: value for name, value in asked.items() if value is not UNSET}
    if not given and payload is UNSET:
        fields = [FieldError(name, "give at least one") for name in ("data", "priority", "delay")]
        raise InvalidInput("there is nothing to change", fields=fields)
    try:
        checked = msgspec.convert(given, Change)
    except msgspec.ValidationError as error:
        raise invalid(error, "", "the change is not valid", Change) from None
    return msgspec.structs.replace(checked, payload=payload, by=actor)


async def change(
    link: Link, job: Job, kind: JobType[Any], asked: Change, tenant: str
) -> tuple[str, ...]:
    """Make the change: the script's answer. Raises InvalidInput, TooLarge, Conflict."""
    payload: bytes | UnsetType = UNSET
    if asked.payload is not UNSET:
        payload = codec.encode_payload(validated(asked.payload, kind))
    for _ in range(TRIES):
        changed = Changed(delay=None if asked.delay_ms is UNSET else asked.delay_ms, by=asked.by)
        if payload is not UNSET or asked.priority is not UNSET:
            body = await link.views.body(job.type, job.id)
            if body is None:
                return ("not_found",)
            changed = _changed(body, payload, asked, kind.version)
        answer = await link.commands.change(job.type, job.id, tenant, changed)
        if answer[0] != "changed":
            return answer
    raise Conflict(
        "the job is being changed by others",
        code="changed_meanwhile",
        remedy="Look at it, and try again.",
    )


async def promote(link: Link, job: Job, tenant: str, by: str) -> tuple[str, ...]:
    """To its lane at once, whatever it waited for: the script's answer. Raises InvalidInput."""
    now = Changed(delay="now", by=check_actor(by))
    return await link.commands.change(job.type, job.id, tenant, now)


def _changed(
    read: bytes, payload: bytes | UnsetType, asked: Change, payload_version: int
) -> Changed:
    body = codec.decode_body(read)
    if payload is not UNSET:
        if body.payload_version != payload_version:
            raise Conflict(
                f"the job's payload is of version {body.payload_version}, "
                f"and this program writes version {payload_version}",
                code="payload_version_differs",
                remedy="Cancel the job and enqueue a new one.",
            )
        body = msgspec.structs.replace(body, payload=payload, blob=None)
    priority = None if asked.priority is UNSET else asked.priority
    if priority is not None:
        body = msgspec.structs.replace(body, priority=priority)
    return Changed(
        read=read,
        body=codec.encode_body(body),
        priority=priority,
        lane=None if priority is None else lane_of(priority),
        delay=None if asked.delay_ms is UNSET else asked.delay_ms,
        fresh=payload is not UNSET,
        by=asked.by,
    )


def refused(word: str) -> Conflict:
    """Why a job can't be changed any more, by the status that it has."""
    if word == "active":
        return Conflict("the job has started already", code="already_started")
    return Conflict(f"the job is {word} already", code=f"already_{word}")
