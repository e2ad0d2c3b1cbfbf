"""Recurring jobs: schedules that make a job at every occurrence."""

from __future__ import annotations

from starlette.responses import Response

from cotiza_queue.clock import iso
from cotiza_queue.model.cron import Cron

from .. import respond
from ..answers import (
    CreatedJob,
    CreatedSchedule,
    RemovedSchedule,
    SchedulePage,
    SchedulePreview,
    ScheduleView,
)
from ..auth import Role
from ..intake import idempotency_key, new_job
from ..operation import API, AnyOperation, Call, Operation
from ..schemas import CreateSchedule, Nothing, PreviewQuery, TenantQuery

PATH = f"{API}/jobs/recurring"
ONE = f"{PATH}/{{scheduleId}}"


async def create_schedule(call: Call[CreateSchedule, Nothing]) -> Response:
    """A schedule in force; with the ``key`` of an earlier one, that one is changed.

    Repeat a request with the same `key`, and nothing is done twice; `Idempotency-Key` has no effect
    here.
    """
    idempotency_key(call)
    asked, job = call.body, new_job(call, call.body)
    schedule = await call.queue.add_recurring(
        job.type,
        job.payload,
        asked.cron_expression,
        timezone=asked.timezone,
        tenant=job.tenant,
        key=asked.key,
        options=job.options,
    )
    answer = CreatedSchedule(
        schedule_id=schedule.id,
        message=f"the job recurs at {schedule.cron!r} in {schedule.timezone}",
        type=schedule.type,
        cron=schedule.cron,
        next_run_at=None if schedule.next_ms is None else iso(schedule.next_ms),
    )
    return respond.json(answer, 201, location=f"{PATH}/{schedule.id}")


async def list_schedules(call: Call[Nothing, TenantQuery]) -> Response:
    """All schedules of the tenant; a platform token sees all tenants' unless it names one."""
    found = await call.queue.schedules(tenant=call.reach(call.query.tenant_id))
    return respond.json(SchedulePage(items=[respond.schedule_view(one) for one in found]))


async def get_schedule(call: Call[Nothing, Nothing]) -> Response:
    """One schedule."""
    found = await call.queue.get_schedule(call.path("scheduleId"), tenant=call.caller.reach)
    return respond.json(respond.schedule_view(found))


async def remove_schedule(call: Call[Nothing, Nothing]) -> Response:
    """Makes no more jobs; those that were made run on."""
    schedule_id = call.path("scheduleId")
    await call.queue.remove_schedule(schedule_id, tenant=call.caller.reach)
    message = "the schedule is removed; the jobs it made run on"
    return respond.json(RemovedSchedule(schedule_id=schedule_id, removed=True, message=message))


async def pause_schedule(call: Call[Nothing, Nothing]) -> Response:
    """No occurrences until it is resumed."""
    found = await call.queue.pause_schedule(call.path("scheduleId"), tenant=call.caller.reach)
    return respond.json(respond.schedule_view(found))


async def resume_schedule(call: Call[Nothing, Nothing]) -> Response:
    """Goes on with the next occurrence from now; what was missed is not made up for."""
    found = await call.queue.resume_schedule(call.path("scheduleId"), tenant=call.caller.reach)
    return respond.json(respond.schedule_view(found))


async def run_schedule(call: Call[Nothing, Nothing]) -> Response:
    """A job of it now, beside its occurrences."""
    idempotency_key(call)
    made = await call.queue.run_schedule(call.path("scheduleId"), tenant=call.caller.reach)
    return respond.json(respond.created_job(made), 201, location=f"{API}/jobs/{made.job_id}")


async def preview_schedule(call: Call[Nothing, PreviewQuery]) -> Response:
    """When it will fire next, were it not paused."""
    found = await call.queue.get_schedule(call.path("scheduleId"), tenant=call.caller.reach)
    moments = Cron.parse(found.cron, found.timezone).preview(
        call.services.clock.now_ms(), call.query.n
    )
    return respond.json(
        SchedulePreview(schedule_id=found.id, occurrences=[iso(moment) for moment in moments])
    )


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST", path=PATH, handler=create_schedule, role=Role.ADMIN,
        body=CreateSchedule, query=Nothing, answer=CreatedSchedule, status=201,
        tag="recurring jobs", summary="Create a recurring job", faults=(413, 422),
    ),
    Operation(
        method="GET", path=PATH, handler=list_schedules, role=Role.ADMIN,
        body=Nothing, query=TenantQuery, answer=SchedulePage,
        tag="recurring jobs", summary="List schedules",
    ),
    Operation(
        method="GET", path=ONE, handler=get_schedule, role=Role.ADMIN,
        body=Nothing, query=Nothing, answer=ScheduleView,
        tag="recurring jobs", summary="Get a schedule", faults=(404,),
    ),
    Operation(
        method="DELETE", path=ONE, handler=remove_schedule, role=Role.ADMIN,
        body=Nothing, query=Nothing, answer=RemovedSchedule,
        tag="recurring jobs", summary="Remove a schedule", faults=(404,),
    ),
    Operation(
        method="POST", path=f"{ONE}/pause", handler=pause_schedule, role=Role.ADMIN,
        body=Nothing, query=Nothing, answer=ScheduleView,
        tag="recurring jobs", summary="Pause a schedule", faults=(404,),
    ),
    Operation(
        method="POST", path=f"{ONE}/resume", handler=resume_schedule, role=Role.ADMIN,
        body=Nothing, query=Nothing, answer=ScheduleView,
        tag="recurring jobs", summary="Resume a schedule", faults=(404,),
    ),
    Operation(
        method="POST", path=f"{ONE}/run", handler=run_schedule, role=Role.ADMIN,
        body=Nothing, query=Nothing, answer=CreatedJob, status=201,
        tag="recurring jobs", summary="Run a schedule's job now", faults=(404,),
    ),
    Operation(
        method="GET", path=f"{ONE}/preview", handler=preview_schedule, role=Role.ADMIN,
        body=Nothing, query=PreviewQuery, answer=SchedulePreview,
        tag="recurring jobs", summary="See when a schedule fires next", faults=(404, 422),
    ),
)  # fmt: skip
