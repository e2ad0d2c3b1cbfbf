"""From what the queue knows to what callers see. The one place that turns ``file-store://`` into
download links.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from cotiza_queue import DeadLetter, Job, Schedule, Status
from cotiza_queue.clock import iso
from cotiza_queue.errors import CotizaError, InvalidInput
from cotiza_queue.model.history import HistoryEntry
from cotiza_queue.model.job import Enqueued
from cotiza_queue.model.outcome import Failure
from cotiza_queue.model.why import Why
from cotiza_queue.storage.protocol import SCHEME

from .answers import (
    BulkItem,
    CreatedJob,
    DeadLetterView,
    FailedAttempt,
    FieldFault,
    ItemFault,
    JobError,
    JobHistory,
    JobProgress,
    JobStatus,
    ScheduleView,
    Transition,
    WhyAnswer,
)
from .errors import retry_after_s
from .operation import API


class JsonResponse(Response):
    """Starlette's, with its headers as they go out: it would look through them for what to add."""

    media_type = "application/json"

    def __init__(self, body: bytes, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        self.raw_headers = [
            (b"cache-control", b"no-store"),
            *headers,
            (b"content-length", b"%d" % len(body)),
            (b"content-type", b"application/json"),
        ]


def json(value: Any, status: int = 200, **headers: str) -> Response:
    """A JSON answer that no cache keeps. Header names are written with underscores."""
    named = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return JsonResponse(msgspec.json.encode(value), status, named)


def public_urls(value: Any, public_url: str) -> Any:
    """A JSON value in which every ``file-store://<key>`` has become
    ``<public_url>/api/v1/files/<key>``.
    """
    match value:
        case str() if value.startswith(SCHEME):
            return f"{public_url}{API}/files/{value.removeprefix(SCHEME)}"
        case dict():
            return {name: public_urls(item, public_url) for name, item in value.items()}
        case list() | tuple():
            return [public_urls(item, public_url) for item in value]
    return value


def created_job(made: Enqueued) -> CreatedJob:
    """The answer to a request for work."""
    return CreatedJob(
        job_id=made.job_id,
        type=made.type,
        status=made.status,
        created_at=iso(made.created_ms),
        scheduled_for=_due(made.status, made.due_ms),
    )


def why(found: Why) -> WhyAnswer:
    """Why a job is not running."""
    return WhyAnswer(
        job_id=found.job_id,
        cause=found.cause,
        sentence=found.sentence,
        facts=found.wire_facts(),
    )


def job_history(job_id: str, entries: Sequence[HistoryEntry]) -> JobHistory:
    """What has happened to a job."""
    items = [
        Transition(
            at=iso(entry.at_ms),
            from_=entry.origin,
            to=entry.status,
            cause=entry.cause,
            worker=entry.worker,
            token=entry.token,
            attempt=entry.attempt,
            code=entry.code,
            by=entry.by,
            missing=entry.missing or None,
        )
        for entry in entries
    ]
    return JobHistory(job_id=job_id, items=items)


def bulk_item(made: Enqueued | CotizaError) -> BulkItem:
    """What became of one job of many."""
    if isinstance(made, Enqueued):
        return BulkItem(
            job_id=made.job_id,
            type=made.type,
            status=made.status,
            created_at=iso(made.created_ms),
            scheduled_for=_due(made.status, made.due_ms),
        )
    faults = made.fields if isinstance(made, InvalidInput) else ()
    return BulkItem(
        error=ItemFault(
            code=made.code,
            status=made.http_status,
            message=made.message,
            errors=tuple(FieldFault(field=one.field, message=one.message) for one in faults)
            or None,
            retry_after=retry_after_s(made),
        )
    )


def job_status(job: Job, public_url: str) -> JobStatus:
    """A job as its callers see it. An error is shown until a later attempt succeeds."""
    failure = None if job.status is Status.COMPLETED else job.failure
    ended = job.finished_ms
    return JobStatus(
        job_id=job.id,
        type=job.type,
        status=job.status,
        created_at=iso(job.created_ms),
        started_at=_iso(job.started_ms),
        completed_at=_iso(ended) if job.status is Status.COMPLETED else None,
        failed_at=_iso(ended) if job.status is Status.FAILED else None,
        scheduled_for=_due(job.status, job.due_ms),
        progress=JobProgress(
            percentage=job.progress.percentage,
            step=job.progress.step,
            message=job.progress.message,
            metadata=public_urls(job.progress.metadata, public_url),
        ),
        attempts=job.attempt,
        max_attempts=job.max_attempts,
        priority=job.priority,
        error=_error(failure),
        result=public_urls(job.result, public_url),
        duration=ended - job.started_ms if ended and job.started_ms else None,
        snoozed=job.snoozed or None,
        deadline=_iso(job.deadline_ms),
        tags=job.tags or None,
    )


def schedule_view(schedule: Schedule) -> ScheduleView:
    """A schedule as its callers see it."""
    return ScheduleView(
        schedule_id=schedule.id,
        type=schedule.type,
        cron=schedule.cron,
        timezone=schedule.timezone,
        data=schedule.payload,
        paused=schedule.paused,
        fired=schedule.fired,
        key=schedule.key,
        next_run_at=_iso(schedule.next_ms),
        last_run_at=_iso(schedule.last_ms),
    )


def dead_letter_view(letter: DeadLetter) -> DeadLetterView:
    """A dead letter as an operator sees it."""
    return DeadLetterView(
        job_id=letter.job_id,
        type=letter.type,
        tenant_id=letter.tenant,
        died_at=iso(letter.died_ms),
        created_at=iso(letter.created_ms),
        priority=letter.priority,
        data=letter.payload,
        options=dict(letter.options),
        failures=[
            FailedAttempt(
                attempt=failure.attempt,
                at=iso(failure.at),
                code=failure.code,
                message=failure.message,
                remedy=failure.remedy,
                details=dict(failure.details) or None,
            )
            for failure in letter.failures
        ],
    )


def _error(failure: Failure | None) -> JobError | None:
    if failure is None:
        return None
    return JobError(
        code=failure.code, message=failure.message, details=dict(failure.details) or None
    )


def _iso(moment_ms: int | None) -> str | None:
    return None if moment_ms is None else iso(moment_ms)


def _due(status: Status, due_ms: int | None) -> str | None:
    return _iso(due_ms) if status is Status.DELAYED else None
