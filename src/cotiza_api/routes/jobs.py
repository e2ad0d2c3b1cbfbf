"""Jobs: create, look at, follow, retry, cancel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec
from starlette.responses import Response

from cotiza_queue import Job, NewJob, Status
from cotiza_queue.clock import parse_iso
from cotiza_queue.errors import CotizaError, FieldError, InvalidInput, ResultTimeout
from cotiza_queue.model.job import Enqueued, Event
from cotiza_queue.model.policy import MAX_DELAY_MS

from .. import respond
from ..answers import (
    BulkAnswer,
    CancelledJob,
    CreatedJob,
    JobHistory,
    JobPage,
    JobStatus,
    RetriedJob,
    WhyAnswer,
)
from ..auth import Role
from ..intake import idempotency_key, in_flight, known_type, new_job, one_of_many
from ..operation import API, AnyOperation, Call, Operation
from ..schemas import (
    MIN_DELAY_MS,
    SYNONYMS,
    ChangeJob,
    CreateJob,
    CreateJobs,
    JobQuery,
    JobsQuery,
    Nothing,
    ScheduleJob,
    TenantQuery,
)
from ..sse import EventStream, last_event_id
from .changing import change_job, promote_job

WAIT_SLICE_MS = 1000
"""A long poll looks up this often, to see whether the caller has left or the server is stopping."""
SKIP_PAGE = 200
MAX_SKIP_PAGES = 100
"""Pages that one call reads to get past ``offset``."""


async def create_job(call: Call[CreateJob, Nothing]) -> Response:
    """201 with the job; 200 if a job of that id or unique key was there already.

    With an `Idempotency-Key`, a repeated request gets the first one's answer again for 24 hours,
    marked by `Idempotency-Replayed: true`; the same key with another body is refused, and so
    is a repeat while the first one is still being answered (409).
    """
    key = idempotency_key(call)
    job = new_job(call, call.body, key=key)
    with in_flight(call, key):
        made = await call.queue.enqueue(
            job.type, job.payload, tenant=job.tenant, options=job.options, idempotency_key=key
        )
    return _created(made, key)


async def create_jobs(call: Call[CreateJobs, Nothing]) -> Response:
    """201 if every job was taken, else 207; either way one result per job, in order.

    With an `Idempotency-Key`, a repeated request gets the first one's answer again for 24 hours,
    job by job: what broke off halfway is completed, and nothing is done twice.
    """
    key = idempotency_key(call)
    asked = [one_of_many(call, index, item, key=key) for index, item in enumerate(call.body.jobs)]
    good = [job for job in asked if isinstance(job, NewJob)]
    with in_flight(call, key):
        taken = iter(await call.queue.enqueue_many(good))
    results: list[Enqueued | CotizaError] = [
        next(taken) if isinstance(job, NewJob) else job for job in asked
    ]
    made = [result for result in results if isinstance(result, Enqueued)]
    new = [result for result in made if result.created]
    failed = len(results) - len(made)
    answer = BulkAnswer(
        results=[respond.bulk_item(result) for result in results],
        created=len(new if key is None else made),
        failed=failed,
    )
    replayed = key is not None and bool(made) and not new
    return respond.json(answer, 207 if failed else 201, **_mark(replayed))


async def schedule_job(call: Call[ScheduleJob, Nothing]) -> Response:
    """201 with the moment at which the job becomes due.

    `Idempotency-Key` works as for a job that runs now, with `delay`; a job at `runAt` is asked for
    once by a `jobId` of your own.
    """
    key = idempotency_key(call)
    if key is not None and call.body.run_at is not None:
        # What a key stands for includes the delay, which is another at each repeat.
        raise InvalidInput(
            "an Idempotency-Key goes with delay, not with runAt",
            fields=[FieldError("Idempotency-Key", "leave it out beside runAt")],
            remedy="Send options.jobId: the same id again finds the first job.",
        )
    delay_ms = _delay_ms(call)
    job = new_job(call, call.body, key=key)
    options = msgspec.structs.replace(job.options, delay=delay_ms)
    with in_flight(call, key):
        made = await call.queue.enqueue(
            job.type, job.payload, tenant=job.tenant, options=options, idempotency_key=key
        )
    return _created(made, key)


async def list_jobs(call: Call[Nothing, JobsQuery]) -> Response:
    """The tenant's jobs, newest first. A platform token sees all tenants' unless it names one."""
    query = call.query
    tenant = call.reach(query.tenant_id)
    if query.type is not None:
        known_type(query.type)
    status = None if query.status is None else SYNONYMS.get(query.status) or Status(query.status)
    cursor, skip, items = query.cursor, query.offset, list[Job]()
    for _ in range(MAX_SKIP_PAGES):
        limit = min(SKIP_PAGE, skip + query.limit - len(items))
        page = await call.queue.list(
            tenant, job_type=query.type, status=status, tag=query.tag, limit=limit, cursor=cursor
        )
        cursor = page.next_cursor
        items += page.items[skip:]
        skip = max(0, skip - len(page.items))
        if skip == 0 or cursor is None:
            break
    else:
        raise InvalidInput(
            "the offset is too deep",
            fields=[FieldError("offset", "go on with the cursor of the last page instead")],
        )
    shown = [respond.job_status(job, call.public_url) for job in items]
    return respond.json(JobPage(items=shown, next_cursor=cursor))


async def get_job(call: Call[Nothing, JobQuery]) -> Response:
    """The job as it is now or, with ``wait``, once it has ended or the time is over."""
    job = await call.queue.get(call.path("jobId"), tenant=call.caller.reach)
    left_ms = call.query.wait * 1000
    while left_ms > 0 and not job.status.final:
        if call.services.stopping.is_set() or await call.request.is_disconnected():
            break
        try:
            job = await call.queue.wait(
                job.id, tenant=call.caller.reach, timeout_ms=min(WAIT_SLICE_MS, left_ms)
            )
        except ResultTimeout:
            left_ms -= WAIT_SLICE_MS
            job = await call.queue.get(job.id, tenant=call.caller.reach)
    if job.result_blob is not None:
        job = await call.queue.load(msgspec.structs.replace(job, payload_blob=None))
    return respond.json(respond.job_status(job, call.public_url))


async def follow_job(call: Call[Nothing, Nothing]) -> Response:
    """The job's events; 204 tells a client that comes back after the final event to stop."""
    after = last_event_id(call.request)
    job = await call.queue.get(call.path("jobId"), tenant=call.caller.reach)
    events = call.queue.events(job.id, tenant=call.caller.reach, after=after)
    if after is not None and job.status.final:
        missed = [event async for event in events]
        if not missed:
            return Response(status_code=204)
        events = _each(missed)
    return EventStream(events, call.services.encode, stopping=call.services.stopping)


async def follow_tenant(call: Call[Nothing, TenantQuery]) -> Response:
    """The events of all jobs of a tenant, without end."""
    after = last_event_id(call.request, of_tenant=True)
    events = call.queue.tenant_events(call.tenant(call.query.tenant_id), after=after)
    return EventStream(events, call.services.encode, stopping=call.services.stopping)


async def retry_job(call: Call[Nothing, Nothing]) -> Response:
    """Runs a failed or cancelled job again, under the same id."""
    reach, by = call.caller.reach, call.caller.name
    job = await call.queue.replay(call.path("jobId"), tenant=reach, by=by)
    message = "the job waits to run again, with all its attempts"
    return respond.json(RetriedJob(job_id=job.id, message=message, attempts=job.attempt))


async def cancel_job(call: Call[Nothing, Nothing]) -> Response:
    """Cancels a job that has not ended, running or not."""
    reach, by = call.caller.reach, call.caller.name
    job = await call.queue.cancel(call.path("jobId"), tenant=reach, by=by)
    return respond.json(CancelledJob(job_id=job.id, cancelled=True, message="the job is cancelled"))


async def history(call: Call[Nothing, Nothing]) -> Response:
    """Every change of the job's status, the oldest first: when, from where, by what and by whom."""
    job_id = call.path("jobId")
    entries = await call.queue.history(job_id, tenant=call.caller.reach)
    return respond.json(respond.job_history(job_id, entries))


async def why_not(call: Call[Nothing, Nothing]) -> Response:
    """Why the job is not running now: the first thing that stands in its way, in one sentence and
    as data.
    """
    why = await call.queue.why(call.path("jobId"), tenant=call.caller.reach)
    return respond.json(respond.why(why))


async def _each(events: Sequence[Event]) -> AsyncIterator[Event]:
    for event in events:
        yield event


def _created(made: Enqueued, key: str | None) -> Response:
    """A repeat under an idempotency key is answered as the first request was."""
    status = 201 if made.created or key is not None else 200
    headers = {"location": f"{API}/jobs/{made.job_id}"}
    replayed = key is not None and not made.created
    return respond.json(respond.created_job(made), status, **headers, **_mark(replayed))


def _mark(replayed: bool) -> dict[str, str]:
    return {"idempotency_replayed": "true"} if replayed else {}


def _delay_ms(call: Call[ScheduleJob, Nothing]) -> int:
    asked = call.body
    if asked.options.delay:
        raise InvalidInput(
            "the delay is given twice",
            fields=[FieldError("options.delay", "leave it out; delay or runAt says it")],
        )
    if (asked.delay is None) == (asked.run_at is None):
        raise InvalidInput(
            "the time is missing, or given twice",
            fields=[FieldError("delay", "give either delay (milliseconds) or runAt (a moment)")],
        )
    if asked.delay is not None:
        return asked.delay
    try:
        delay_ms = parse_iso(asked.run_at or "") - call.services.clock.now_ms()
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            "runAt is not a moment", fields=[FieldError("runAt", f"{error}")]
        ) from None
    if not MIN_DELAY_MS <= delay_ms <= MAX_DELAY_MS:
        raise InvalidInput(
            "runAt is out of range",
            fields=[FieldError("runAt", "must lie between one second and 366 days from now")],
        )
    return delay_ms


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST", path=f"{API}/jobs", handler=create_job, role=Role.MANAGER,
        body=CreateJob, query=Nothing, answer=CreatedJob, status=201,
        tag="jobs", summary="Create a job", idempotent=True, faults=(409, 413, 422, 429),
    ),
    Operation(
        method="GET", path=f"{API}/jobs", handler=list_jobs, role=Role.CUSTOMER,
        body=Nothing, query=JobsQuery, answer=JobPage,
        tag="jobs", summary="List jobs, newest first", faults=(422,),
    ),
    Operation(
        method="POST", path=f"{API}/jobs/bulk", handler=create_jobs, role=Role.MANAGER,
        body=CreateJobs, query=Nothing, answer=BulkAnswer, status=201,
        tag="jobs", summary="Create up to 1,000 jobs", idempotent=True, faults=(409, 413, 422),
    ),
    Operation(
        method="POST", path=f"{API}/jobs/schedule", handler=schedule_job, role=Role.MANAGER,
        body=ScheduleJob, query=Nothing, answer=CreatedJob, status=201,
        tag="jobs", summary="Create a job for later", idempotent=True, faults=(409, 413, 422, 429),
    ),
    Operation(
        method="GET", path=f"{API}/jobs/{{jobId}}", handler=get_job, role=Role.CUSTOMER,
        body=Nothing, query=JobQuery, answer=JobStatus,
        tag="jobs", summary="Get a job's status, or wait for its end", faults=(404, 410, 422),
    ),
    Operation(
        method="PATCH", path=f"{API}/jobs/{{jobId}}", handler=change_job, role=Role.MANAGER,
        body=ChangeJob, query=Nothing, answer=JobStatus,
        tag="jobs", summary="Change a job that has not started", faults=(404, 409, 413, 422),
    ),
    Operation(
        method="DELETE", path=f"{API}/jobs/{{jobId}}", handler=cancel_job, role=Role.MANAGER,
        body=Nothing, query=Nothing, answer=CancelledJob,
        tag="jobs", summary="Cancel a job, running or not", faults=(404, 409, 410),
    ),
    Operation(
        method="POST", path=f"{API}/jobs/{{jobId}}/promote", handler=promote_job,
        role=Role.MANAGER, body=Nothing, query=Nothing, answer=JobStatus,
        tag="jobs", summary="Let a delayed or blocked job wait for a slot at once",
        faults=(404, 409),
    ),
    Operation(
        method="POST", path=f"{API}/jobs/{{jobId}}/retry", handler=retry_job, role=Role.MANAGER,
        body=Nothing, query=Nothing, answer=RetriedJob,
        tag="jobs", summary="Run a failed or cancelled job again", faults=(404, 409, 410),
    ),
    Operation(
        method="GET", path=f"{API}/jobs/{{jobId}}/events", handler=follow_job, role=Role.CUSTOMER,
        body=Nothing, query=Nothing, content="text/event-stream",
        tag="events", summary="Follow a job's events until it ends", faults=(404, 410, 422),
    ),
    Operation(
        method="GET", path=f"{API}/jobs/{{jobId}}/history", handler=history, role=Role.CUSTOMER,
        body=Nothing, query=Nothing, answer=JobHistory,
        tag="jobs", summary="See all that has happened to a job", faults=(404,),
    ),
    Operation(
        method="GET", path=f"{API}/jobs/{{jobId}}/why", handler=why_not, role=Role.CUSTOMER,
        body=Nothing, query=Nothing, answer=WhyAnswer,
        tag="jobs", summary="Ask why a job is not running", faults=(404, 410),
    ),
    Operation(
        method="GET", path=f"{API}/events", handler=follow_tenant, role=Role.CUSTOMER,
        body=Nothing, query=TenantQuery, content="text/event-stream",
        tag="events", summary="Follow the events of all your jobs", faults=(403, 422),
    ),
)  # fmt: skip
