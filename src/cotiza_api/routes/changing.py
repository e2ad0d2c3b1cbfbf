"""Jobs that have not started: changed, and promoted."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from starlette.responses import Response

from .. import respond
from ..intake import known_type, named_tenant, payload_of
from ..operation import Call
from ..schemas import ChangeJob, Nothing


async def change_job(call: Call[ChangeJob, Nothing]) -> Response:
    """Gives a job that has not started other `data`, another `priority`, or another moment.

    What is left out stays as it is; `data` is replaced as a whole. 409 `already_started` if a
    worker was first: then nothing has changed.
    """
    asked = call.body
    job = await call.queue.get(call.path("jobId"), tenant=call.caller.reach)
    payload: Any = UNSET
    if asked.data is not UNSET:
        if (name := named_tenant(asked.data)) is not None:
            call.tenant(name)
        payload = payload_of(asked.data, known_type(job.type))
    changed = await call.queue.change(
        job.id,
        tenant=call.caller.reach,
        payload=payload,
        priority=asked.priority,
        delay_ms=asked.delay,
        by=call.caller.name,
    )
    return respond.json(respond.job_status(changed, call.public_url))


async def promote_job(call: Call[Nothing, Nothing]) -> Response:
    """A delayed or blocked job waits for a slot at once; a waiting one stays as it is."""
    reach, by = call.caller.reach, call.caller.name
    job = await call.queue.promote(call.path("jobId"), tenant=reach, by=by)
    return respond.json(respond.job_status(job, call.public_url))
