"""From a request for work to what the queue takes: whose it is, and what of it is the payload."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import msgspec

from cotiza_queue import JobType, NewJob, jobtypes
from cotiza_queue.errors import Conflict, CotizaError, FieldError, InvalidInput, UnknownJobType

from . import headers
from .errors import invalid_fields
from .operation import Call
from .schemas import CreateJob, JobRequest

_IDENTITY = ("tenantId", "userId")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_TYPES: dict[str, JobType[Any]] = {job_type.name: job_type for job_type in jobtypes.ALL}


def known_type(name: str) -> JobType[Any]:
    """The job type of that name. Raises UnknownJobType."""
    if name not in _TYPES:
        choices = ", ".join(sorted(_TYPES))
        raise UnknownJobType(
            f"{name!r:.60} is not a known job type",
            fields=[FieldError("type", f"must be one of {choices}")],
        )
    return _TYPES[name]


def idempotency_key(call: Call[Any, Any]) -> str | None:
    """The key under which a request may be repeated and is done once. Raises InvalidInput."""
    given = headers.every(call.request.scope, b"idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise InvalidInput(
            "the Idempotency-Key is not usable",
            fields=[FieldError("Idempotency-Key", "must be one word of 1 to 255 ASCII characters")],
        )
    return given[0]


def in_flight(call: Call[Any, Any], key: str | None) -> AbstractContextManager[None]:
    """Hold a key while its request is answered. Raises Conflict if another request holds it.

    The key is held in this process. Of two that reach two processes at once, the server takes one
    in, and both get its answer.
    """
    return nullcontext() if key is None else _held(call, key)


@contextmanager
def _held(call: Call[Any, Any], key: str) -> Iterator[None]:
    held, mark = call.services.in_flight, (call.caller.tenant, key)
    if mark in held:
        raise Conflict(
            "a request with that Idempotency-Key is still being answered",
            code="request_in_flight",
            remedy="Repeat it in a moment: it gets the first one's answer.",
        )
    held.add(mark)
    try:
        yield
    finally:
        held.discard(mark)


def new_job(call: Call[Any, Any], asked: JobRequest, *, key: str | None = None) -> NewJob:
    """The job that is asked for, under the tenant that the token allows.

    The tenant may be named beside ``data`` or in it, as long as it is the token's own; the user is
    the token's, whatever the body says. Raises Forbidden, InvalidInput.
    """
    tenant = call.caller.tenant
    for name in (asked.tenant_id, named_tenant(asked.data)):
        if name is not None:
            tenant = call.tenant(name)
    return NewJob(
        type=asked.type,
        payload=payload_of(asked.data, known_type(asked.type)),
        tenant=tenant,
        options=asked.options,
        idempotency_key=key,
    )


def named_tenant(data: dict[str, Any]) -> str | None:
    """The tenant that a payload names. Raises InvalidInput."""
    name = data.get("tenantId")
    if name is not None and not isinstance(name, str):
        raise InvalidInput(
            "the tenant id is not text", fields=[FieldError("data.tenantId", "must be text")]
        )
    return name


def payload_of(data: dict[str, Any], kind: JobType[Any]) -> dict[str, Any]:
    """What of ``data`` is the payload. Raises InvalidInput if the job type can't parse it."""
    payload = {name: value for name, value in data.items() if name not in _IDENTITY}
    _check(payload, kind)
    return payload


def one_of_many(
    call: Call[Any, Any], index: int, item: Any, *, key: str | None = None
) -> NewJob | CotizaError:
    """The job number ``index`` of a bulk request, or what is wrong with it."""
    try:
        return new_job(
            call, msgspec.convert(item, CreateJob), key=None if key is None else f"{key}#{index}"
        )
    except msgspec.ValidationError as error:
        return invalid_fields(error, CreateJob, f"job {index}", f"jobs[{index}]")
    except CotizaError as error:
        return error


def _check(payload: dict[str, Any], kind: JobType[Any]) -> None:
    """The queue checks it again; here it is done with words for people who write requests."""
    try:
        msgspec.convert(payload, kind.payload)
    except msgspec.ValidationError as error:
        raise invalid_fields(error, kind.payload, f"the payload of {kind.name}", "data") from None
