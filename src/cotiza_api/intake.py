"""From a request for work to what the queue takes: whose it is, and what of it is the payload."""

from __future__ import annotations

from typing import Any

import msgspec

from cotiza_queue import NewJob
from cotiza_queue.errors import CotizaError, FieldError, InvalidInput

from .errors import invalid_fields
from .operation import Call
from .schemas import CreateJob, JobRequest

_IDENTITY = ("tenantId", "userId")


def new_job(call: Call[Any, Any], asked: JobRequest) -> NewJob:
    """The job that is asked for, under the tenant that the token allows.

    The tenant may be named beside ``data`` or in it, as long as it is the token's own; the user is
    the token's, whatever the body says. Raises Forbidden, InvalidInput.
    """
    named = [asked.tenant_id, asked.data.get("tenantId")]
    tenant = call.caller.tenant
    for name in named:
        if name is not None and not isinstance(name, str):
            raise InvalidInput(
                "the tenant id is not text", fields=[FieldError("data.tenantId", "Expected `str`")]
            )
        if name is not None:
            tenant = call.tenant(name)
    payload = {name: value for name, value in asked.data.items() if name not in _IDENTITY}
    return NewJob(type=asked.type, payload=payload, tenant=tenant, options=asked.options)


def one_of_many(call: Call[Any, Any], index: int, item: dict[str, Any]) -> NewJob | CotizaError:
    """The job number ``index`` of a bulk request, or what is wrong with it."""
    try:
        return new_job(call, msgspec.convert(item, CreateJob))
    except msgspec.ValidationError as error:
        return invalid_fields(error, f"job {index}", f"jobs[{index}]")
    except CotizaError as error:
        return error
