"""What callers send: bodies and queries. The OpenAPI document is generated from these very structs.

Names are camelCase, times ISO-8601 UTC. A field that is not named here is refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cotiza_queue import JobOptions, Status
from cotiza_queue.model.policy import MAX_DELAY_MS, MAX_REASON, DelayMs, Priority

from .answers import Moment

MAX_BULK = 1000
"""Jobs in one call of ``/jobs/bulk``."""
MIN_DELAY_MS = 1000
MAX_PAGE = 200
MAX_OFFSET = 10_000
"""Jobs that ``offset`` may skip; past that, a listing goes on by its cursor."""
MAX_WAIT_S = 60
MAX_PREVIEW = 100
MAX_CLEAN = 1000

Word = Annotated[str, Meta(min_length=1, max_length=256)]
StatusFilter = Literal[
    "blocked", "delayed", "waiting", "active", "completed", "failed", "cancelled",
    "pending", "processing",
]  # fmt: skip
SYNONYMS = {"pending": Status.WAITING, "processing": Status.ACTIVE}


class Request(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """Base of what callers send: bodies and queries."""


class Nothing(Request, frozen=True):
    """A request without a body, or without a query."""


class JobRequest(Request, frozen=True, kw_only=True):
    """What every request for work has. The tenant and the user are those of the token.

    ``tenantId`` and ``userId`` may be sent, here or within ``data``, as far as the token allows
    them.
    """

    type: str
    data: dict[str, Any]
    options: JobOptions = JobOptions()
    tenant_id: str | None = None
    user_id: str | None = None


class CreateJob(JobRequest, frozen=True, kw_only=True):
    """A job to run as soon as possible, or after ``options.delay`` milliseconds."""


_Item = Annotated[Any, Meta(extra_json_schema={"$ref": "#/components/schemas/CreateJob"})]
"""Anything at all, so that one bad item does not stop the others."""


class CreateJobs(Request, frozen=True, kw_only=True):
    """Up to 1,000 jobs in one call; each is taken or refused by itself."""

    jobs: Annotated[list[_Item], Meta(min_length=1, max_length=MAX_BULK)]


class ScheduleJob(JobRequest, frozen=True, kw_only=True):
    """A job for later: ``delay`` milliseconds from now, or at the moment ``runAt``."""

    delay: Annotated[int, Meta(ge=MIN_DELAY_MS, le=MAX_DELAY_MS)] | None = None
    run_at: Moment | None = None


class ChangeJob(Request, frozen=True, kw_only=True):
    """What of a job that has not started shall be another. ``delay``: milliseconds from now on."""

    data: dict[str, Any] | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    delay: DelayMs | UnsetType = UNSET


class JobQuery(Request, frozen=True, kw_only=True):
    """``wait``: seconds to wait for the job to end before answering."""

    wait: Annotated[int, Meta(ge=0, le=MAX_WAIT_S)] = 0


class JobsQuery(Request, frozen=True, kw_only=True):
    """Which jobs. ``tenantId``: for platform tokens, which may also leave it out to see all."""

    type: Word | None = None
    status: StatusFilter | None = None
    tag: Word | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 50
    cursor: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    offset: Annotated[int, Meta(ge=0, le=MAX_OFFSET)] = 0
    tenant_id: Word | None = None


class TenantQuery(Request, frozen=True, kw_only=True):
    """``tenantId``: for platform tokens, whose things this is about."""

    tenant_id: Word | None = None


class PauseQueue(Request, frozen=True, kw_only=True):
    """``forMs``: go on by itself after so many milliseconds; left out: until resumed. ``reason``:
    why, for whoever looks. ``tenantId``: for platform tokens, whose jobs wait.
    """

    for_ms: Annotated[int, Meta(ge=1, le=MAX_DELAY_MS)] | None = None
    reason: Annotated[str, Meta(min_length=1, max_length=MAX_REASON)] | None = None
    tenant_id: Word | None = None


class CreateSchedule(JobRequest, frozen=True, kw_only=True):
    """A rule that makes jobs. ``key``: a name of your own; the same key again replaces the rule."""

    cron_expression: Annotated[str, Meta(min_length=1, max_length=128, examples=["0 2 * * *"])]
    timezone: Annotated[
        str, Meta(min_length=1, max_length=64, examples=["America/Mexico_City"])
    ] = "UTC"
    key: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class PreviewQuery(Request, frozen=True, kw_only=True):
    """``n``: how many occurrences to show."""

    n: Annotated[int, Meta(ge=1, le=MAX_PREVIEW)] = 5


class UploadQuery(Request, frozen=True, kw_only=True):
    """``fileName``: the file's name, if the body is the bare file and not a form."""

    file_name: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None


class TypeQuery(Request, frozen=True, kw_only=True):
    """``type``: one job type only."""

    type: Word | None = None


class CleanQueue(Request, frozen=True, kw_only=True):
    """Remove jobs that ended over ``grace`` milliseconds ago; at most ``limit`` in one call."""

    grace: Annotated[int, Meta(ge=0, le=MAX_DELAY_MS)]
    status: Literal["completed", "failed", "cancelled"] = "completed"
    limit: Annotated[int, Meta(ge=1, le=MAX_CLEAN)] = MAX_CLEAN


class DeadLettersQuery(Request, frozen=True, kw_only=True):
    """Which dead letters. ``tenantId``: for platform tokens."""

    type: Word | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 50
    cursor: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    tenant_id: Word | None = None
