"""What callers get. The OpenAPI document is generated from these very structs.

Names are camelCase, times ISO-8601 UTC with milliseconds. A list that ends has a ``nextCursor`` of
null; any other field that has no value is left out.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cotiza_queue import Status
from cotiza_queue.model.why import Cause

Moment = Annotated[
    str,
    Meta(
        description="ISO-8601 UTC with milliseconds",
        examples=["2026-11-23T14:05:06.789Z"],
        extra_json_schema={"format": "date-time"},
    ),
]


class Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of what callers get. A field that has no value is left out."""


class CreatedJob(Answer, frozen=True, kw_only=True):
    """A job that is safely in its queue. ``scheduledFor``: when it is due, if that is not now."""

    job_id: str
    type: str
    status: Status
    created_at: Moment
    scheduled_for: Moment | None = None


class FieldFault(Answer, frozen=True, kw_only=True):
    """One fault in the input: the path of the field and what is wrong with it."""

    field: str
    message: str


class ItemFault(Answer, frozen=True, kw_only=True):
    """Why one job of many was refused."""

    code: str
    status: int
    message: str
    errors: tuple[FieldFault, ...] | None = None
    retry_after: int | None = None
    """Seconds after which the job may be sent again, if the queue is full."""


class BulkItem(Answer, frozen=True, kw_only=True):
    """What became of one job of many: the fields of a created job, or ``error``."""

    job_id: str | None = None
    type: str | None = None
    status: Status | None = None
    created_at: Moment | None = None
    scheduled_for: Moment | None = None
    error: ItemFault | None = None


class BulkAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One result per job, in the order of the request. ``created``: how many are new; one that was
    there already is in neither count. Under an idempotency key, what it created counts at each
    repeat.
    """

    results: list[BulkItem]
    created: int
    failed: int


class JobProgress(Answer, frozen=True, kw_only=True):
    """How far a job is. ``percentage``: 0–100."""

    percentage: float
    step: str
    message: str
    metadata: dict[str, Any] | None = None


class JobError(Answer, frozen=True, kw_only=True):
    """Why the last attempt failed."""

    code: str
    message: str
    details: dict[str, Any] | None = None


class JobStatus(Answer, frozen=True, kw_only=True):
    """One job as it is now. ``attempts``: how often it has been tried; ``duration``: milliseconds
    of the last try; ``snoozed``: how often it was put off; ``deadline``: when it is stopped.
    """

    job_id: str
    type: str
    status: Status
    created_at: Moment
    started_at: Moment | None = None
    completed_at: Moment | None = None
    failed_at: Moment | None = None
    scheduled_for: Moment | None = None
    progress: JobProgress
    attempts: int
    max_attempts: int
    priority: int
    error: JobError | None = None
    result: Any = None
    duration: int | None = None
    snoozed: int | None = None
    deadline: Moment | None = None
    tags: tuple[str, ...] | None = None
    parent_id: str | None = None


class WhyAnswer(Answer, frozen=True, kw_only=True):
    """Why a job is not running now. ``facts``: the numbers and moments in the sentence."""

    job_id: str
    cause: Cause
    sentence: str
    facts: dict[str, Any]


class Transition(Answer, frozen=True, kw_only=True):
    """One change of a status. ``cause``: the verb that made it; "gap": ``missing`` entries are
    no longer kept. ``worker``, ``token``, ``attempt``: of the run that began or ended; ``code``: of
    its error; ``by``: who asked for it.
    """

    at: Moment
    from_: Status | None = msgspec.field(default=None, name="from")
    to: Status
    cause: str
    worker: str | None = None
    token: int | None = None
    attempt: int | None = None
    code: str | None = None
    by: str | None = None
    missing: int | None = None


class JobHistory(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All that has happened to a job, the oldest first."""

    job_id: str
    items: list[Transition]


class JobPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Jobs, newest first. ``nextCursor`` is null at the end; a page may be short before it."""

    items: list[JobStatus]
    next_cursor: str | None


class RetriedJob(Answer, frozen=True, kw_only=True):
    """A job that runs again under the same id. ``attempts``: tries so far, counted afresh."""

    job_id: str
    message: str
    attempts: int


class CancelledJob(Answer, frozen=True, kw_only=True):
    """A job that will not run, or is being stopped."""

    job_id: str
    cancelled: bool
    message: str


class CreatedSchedule(Answer, frozen=True, kw_only=True):
    """A schedule that is in force."""

    schedule_id: str
    message: str
    type: str
    cron: str
    next_run_at: Moment | None = None


class ScheduleView(Answer, frozen=True, kw_only=True):
    """One schedule. ``fired``: how many jobs it has made."""

    schedule_id: str
    type: str
    cron: str
    timezone: str
    data: Any
    paused: bool
    fired: int
    key: str | None = None
    next_run_at: Moment | None = None
    last_run_at: Moment | None = None


class SchedulePage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All schedules of the tenant."""

    items: list[ScheduleView]
    next_cursor: str | None = None


class RemovedSchedule(Answer, frozen=True, kw_only=True):
    """A schedule that makes no more jobs. Those it has made run on."""

    schedule_id: str
    removed: bool
    message: str


class SchedulePreview(Answer, frozen=True, kw_only=True):
    """When a schedule will fire next, were it not paused."""

    schedule_id: str
    occurrences: list[Moment]


class UploadedFile(Answer, frozen=True, kw_only=True):
    """A stored file: the fields that a file-analysis job takes, and its size and SHA-256."""

    file_id: str
    file_url: str
    file_name: str
    file_type: str
    file_size: int
    sha256: str


class PausedQueue(Answer, frozen=True, kw_only=True):
    """Whether workers take new jobs from the queue. ``tenant``: whose; left out: everyone's."""

    type: str
    tenant: str | None = None
    paused: bool
    message: str


class CleanedQueue(Answer, frozen=True, kw_only=True):
    """``removed``: how many jobs are gone. Repeat the call until it is 0. ``tenant``: whose; left
    out: everyone's.
    """

    type: str
    tenant: str | None = None
    removed: int
    message: str


class QueueHealth(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One queue in a few numbers. ``failedRate``: percent of the ended jobs."""

    name: str
    active: int
    failed: int
    failed_rate: float
    paused: bool


class RedisHealth(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``latencyMs``: one round trip; null while the server is away."""

    status: Literal["up", "down"]
    latency_ms: float | None


class Health(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``queues``: how many; ``totalJobs``: jobs in them; ``workers``: live worker processes."""

    status: Literal["healthy", "unhealthy"]
    queues: int
    total_jobs: int
    metrics: list[QueueHealth]
    redis: RedisHealth
    workers: int


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


class FailedAttempt(Answer, frozen=True, kw_only=True):
    """One failed attempt, and what to do about it."""

    attempt: int
    at: Moment
    code: str
    message: str
    remedy: str | None = None
    details: dict[str, Any] | None = None


class DeadLetterView(Answer, frozen=True, kw_only=True):
    """A job that failed for good, with all that is needed to look into it and to run it again."""

    job_id: str
    type: str
    tenant_id: str
    died_at: Moment
    created_at: Moment
    priority: int
    data: Any
    options: dict[str, Any]
    failures: list[FailedAttempt]


class DeadLetterPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Dead letters, newest first."""

    items: list[DeadLetterView]
    next_cursor: str | None


class PurgedDeadLetter(Answer, frozen=True, kw_only=True):
    """A dead letter that is gone for good."""

    job_id: str
    purged: bool
    message: str


class Problem(Answer, frozen=True, kw_only=True):
    """Every error: RFC 9457, plus ``statusCode`` and ``message`` for older clients.

    ``code``: a stable word for programs; ``errors``: the fields at fault; ``remedy``: what you can
    do.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    status_code: int
    message: str
    errors: tuple[FieldFault, ...] | None = None
    remedy: str | None = None
