"""A job as the queue remembers it, and the other nouns that callers hold in their hands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, overload

import msgspec
from typing_extensions import TypeVar

from ..errors import ConfigurationError
from .outcome import Failure
from .policy import USUAL_DEFAULTS, Defaults, JobOptions, Retries, RetryPolicy
from .status import Status

PayloadT = TypeVar("PayloadT", default=Any)
ResultT = TypeVar("ResultT", default=Any)
_P = TypeVar("_P")
_R = TypeVar("_R")
Upcasts = Mapping[int, Callable[[Any], Any]]
MAX_VERSION = 1_000_000
R_co = TypeVar("R_co", default=Any, covariant=True)


class JobType(msgspec.Struct, Generic[PayloadT, ResultT], frozen=True):
    """A kind of job: its name, the struct its payload must fit, its default options, and the struct
    that its result is read as.

    ``payload`` and ``result``: msgspec-compatible types; ``Any`` accepts every JSON value. Type
    checkers hold enqueueing, processor and result to them.
    """

    name: str
    payload: type[PayloadT] | Any = Any
    defaults: Defaults = USUAL_DEFAULTS
    check: Callable[[PayloadT], None] | None = None
    """What the struct's types can't say; raises InvalidInput with fields below ``data.``."""
    retries: Retries = {}
    """What follows certain errors: ``{OSError: RetryPolicy(delay=100), "gone": "discard"}``.
    Instances of a class count as it. The worker's own say; what a caller asks for does not change
    it.
    """
    result: type[ResultT] | Any = Any
    version: int = 1
    """Of the payload's shape. A worker is never given a job of a newer version than its own."""
    upcasts: Upcasts = {}
    """Version n → what makes JSON of version n + 1 of it. One that is missing changes nothing."""

    def __post_init__(self) -> None:
        strange = [n for n in self.upcasts if not 1 <= n < self.version]
        if not 1 <= self.version <= MAX_VERSION or strange:
            raise ConfigurationError(
                f"{self.name} has version {self.version} and upcasts from {list(self.upcasts)}",
                remedy=f"Versions are 1 to {MAX_VERSION:,}; upcasts lead up to the newest.",
            )

        policies = (policy for policy in self.retries.values() if not isinstance(policy, str))
        for given in (self.defaults, *policies):
            if given is not USUAL_DEFAULTS:
                _check(self.name, given)

    def lifted(self, payload: Any, version: int) -> Any:
        """A payload's JSON of an older version as that of this one."""
        for n in range(version, self.version):
            payload = self.upcasts[n](payload) if n in self.upcasts else payload
        return payload

    if TYPE_CHECKING:
        # Spelt out so that every type checker infers both parameters from a call.
        @overload
        def __init__(
            self,
            name: str,
            payload: type[PayloadT],
            defaults: Defaults = ...,
            check: Callable[[PayloadT], None] | None = ...,
            retries: Retries = ...,
            *,
            result: type[ResultT],
            version: int = ...,
            upcasts: Upcasts = ...,
        ) -> None: ...
        @overload
        def __init__(
            self: JobType[_P, Any],
            name: str,
            payload: type[_P],
            defaults: Defaults = ...,
            check: Callable[[_P], None] | None = ...,
            retries: Retries = ...,
            *,
            version: int = ...,
            upcasts: Upcasts = ...,
        ) -> None: ...
        @overload
        def __init__(
            self: JobType[Any, _R],
            name: str,
            payload: Any = ...,
            defaults: Defaults = ...,
            check: Callable[[Any], None] | None = ...,
            retries: Retries = ...,
            *,
            result: type[_R],
            version: int = ...,
            upcasts: Upcasts = ...,
        ) -> None: ...
        @overload
        def __init__(
            self: JobType[Any, Any],
            name: str,
            payload: Any = ...,
            defaults: Defaults = ...,
            check: Callable[[Any], None] | None = ...,
            retries: Retries = ...,
            *,
            result: Any = ...,
            version: int = ...,
            upcasts: Upcasts = ...,
        ) -> None: ...
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def job(
        self,
        payload: PayloadT | Mapping[str, Any],
        *,
        tenant: str = "default",
        options: JobOptions = JobOptions(),  # noqa: B008 - frozen
        idempotency_key: str | None = None,
    ) -> NewJob:
        """One for ``Queue.enqueue_many``, with a payload that type checkers look at."""
        return NewJob(
            type=self.name,
            payload=payload,
            tenant=tenant,
            options=options,
            idempotency_key=idempotency_key,
        )

    def __hash__(self) -> int:
        return hash(self.name)


def _check(job_type: str, given: msgspec.Struct) -> None:
    """Raises ConfigurationError for numbers that the options of a job could not have either."""
    try:
        msgspec.convert(msgspec.to_builtins(given), type(given))
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"{type(given).__name__} of {job_type}: {error}",
            remedy="JobOptions and RetryPolicy say what each of them may be.",
        ) from None


class Progress(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How far a job is. ``percentage``: 0–100."""

    percentage: float = 0.0
    step: str = ""
    message: str = ""
    metadata: dict[str, Any] | None = None


class Blob(msgspec.Struct, frozen=True, array_like=True):
    """Content that lies in the store of files, because it is too large for Redis. ``size`` in
    bytes, ``sha256`` in lower-case hex.
    """

    key: str
    size: int
    sha256: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot of one job. Moments are milliseconds since the epoch, None where they have not
    come.
    """

    id: str
    type: str
    tenant: str
    status: Status
    created_ms: int
    due_ms: int | None = None
    started_ms: int | None = None
    finished_ms: int | None = None
    attempt: int = 0
    max_attempts: int = 1
    stalls: int = 0
    snoozed: int = 0
    """How often an attempt has put the job off."""
    deadline_ms: int | None = None
    """The job does not start after it, and is stopped at it."""
    priority: int = 0
    token: int = 0
    worker: str | None = None
    progress: Progress = Progress()
    payload: Any = None
    result: Any = None
    failures: tuple[Failure, ...] = ()
    """Every failed attempt, oldest first."""
    tags: tuple[str, ...] = ()
    timeout_ms: int = 0
    backoff: RetryPolicy = RetryPolicy()
    schedule_id: str | None = None
    payload_blob: Blob | None = None
    """Where a large payload lies; ``payload`` is None until ``Queue.load`` has fetched it."""
    result_blob: Blob | None = None
    """Where a large result lies; ``result`` is None until ``Queue.load`` has fetched it."""

    @property
    def failure(self) -> Failure | None:
        """The last failed attempt."""
        return self.failures[-1] if self.failures else None


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """One job to enqueue: what ``Queue.enqueue_many`` takes a sequence of."""

    type: str
    payload: Any
    tenant: str = "default"
    options: JobOptions = JobOptions()
    idempotency_key: str | None = None


class Enqueued(msgspec.Struct, Generic[R_co], frozen=True, kw_only=True):
    """The answer to one enqueue, and a handle for ``Queue.result``. ``created`` is False if a job
    of that id or unique key was there already.
    """

    job_id: str
    type: str
    status: Status
    created_ms: int
    due_ms: int | None = None
    created: bool = True


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. ``next_cursor`` is None at the end; a page may be shorter than asked for."""

    items: Sequence[Job]
    next_cursor: str | None = None


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A job that failed for good: all that is needed to look into it and to run it again."""

    id: str
    """Id of the dead letter; also its place in the dead-letter stream."""
    job_id: str
    type: str
    tenant: str
    died_ms: int
    created_ms: int
    priority: int
    payload: Any
    """None if it is so large that it lies apart; a replay finds it there."""
    options: Mapping[str, Any]
    failures: tuple[Failure, ...]


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that makes jobs repeatedly. ``next_ms``: the next occurrence, None while paused."""

    id: str
    type: str
    tenant: str
    cron: str
    timezone: str
    payload: Any
    options: JobOptions = JobOptions()
    key: str | None = None
    paused: bool = False
    next_ms: int | None = None
    last_ms: int | None = None
    fired: int = 0
    version: int = 1
    """Of the payload, see ``JobType.version``."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a job. ``id`` orders the events of one queue and resumes a stream
    after it.
    """

    id: str
    name: str
    job_id: str
    type: str
    tenant: str
    at_ms: int
    data: Mapping[str, Any] = {}


class Pause(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Nothing of a queue, or of one tenant in it, starts. ``tenant`` None: the whole queue;
    ``until_ms`` None: until somebody resumes it.
    """

    type: str
    tenant: str | None
    since_ms: int
    until_ms: int | None
    reason: str | None


class QueueMetrics(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The state of one queue in numbers. Rates: percent of the ended jobs kept; times: ms."""

    name: str
    waiting: int
    active: int
    completed: int
    failed: int
    delayed: int
    cancelled: int
    paused: bool
    completed_rate: float
    failed_rate: float
    avg_processing_time: float
    p50: float
    p95: float
    p99: float
    oldest_waiting_ms: int
    throughput_per_minute: int
    dead_letters: int
    workers: int
    blocked: int = 0
    kept_bytes: int = 0
    """Payloads and results of the ended jobs that are kept."""
    paused_reason: str | None = None
    paused_until_ms: int | None = None
