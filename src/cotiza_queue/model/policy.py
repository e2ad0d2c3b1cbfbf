"""How a job is run: attempts, backoff, timeouts, priorities and what is kept. Pure values and
arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from .status import UNIQUE_WHILE, Status

NORMAL_PRIORITY = 1000
"""What priority 0, or none, means. 896…1,023 share its lane; 1…895 run before it."""
MAX_DELAY_MS = 366 * 86_400_000
MAX_BACKOFF_MS = 3_600_000
"""The cap of one retry delay: one hour."""
DEFAULT_TIMEOUT_MS = 300_000
MAX_COST = 1_000_000
MAX_REASON = 200
"""Characters of the reason of a pause."""
DEFAULT_SNOOZES = 1000
"""How often a job may be put off where nobody says otherwise."""
MAX_SNOOZES = 100_000
_EXACT_LANES = 32
MAX_LANES = 92

MAX_PRIORITY = 1_000_000
Priority = Annotated[int, Meta(ge=0, le=MAX_PRIORITY)]
Share = Annotated[int, Meta(ge=1, le=1_000_000)]
Attempts = Annotated[int, Meta(ge=1, le=25)]
TimeoutMs = Annotated[int, Meta(ge=100, le=86_400_000)]
Snoozes = Annotated[int, Meta(ge=0, le=MAX_SNOOZES)]
DelayMs = Annotated[int, Meta(ge=0, le=MAX_DELAY_MS)]
Tag = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]


class RetryPolicy(
    msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """How long to wait before the next attempt. ``delay`` and ``cap``: milliseconds.

    exponential: delay × 2^(attempt-1). With ``jitter`` "full" that is the ceiling of a uniformly
    random span from 0 on (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
    2015), so that a crowd of failures never comes back as a crowd; with "none" it is the span.
    fixed: the delay itself, without jitter. None of them is longer than ``cap``.
    """

    type: Literal["fixed", "exponential"] = "exponential"
    delay: Annotated[int, Meta(ge=1, le=MAX_BACKOFF_MS)] = 1000
    cap: Annotated[int, Meta(ge=1, le=MAX_BACKOFF_MS)] = MAX_BACKOFF_MS
    jitter: Literal["full", "none"] = "full"

    def delay_ms(self, attempt: int, chance: float) -> int:
        """Milliseconds to wait after failed attempt number ``attempt`` (from 1). ``chance``:
        uniform in [0, 1).
        """
        if self.type == "fixed":
            return min(self.cap, self.delay)
        ceiling = min(self.cap, self.delay << min(attempt - 1, 40))
        return ceiling if self.jitter == "none" else int(ceiling * chance)


Retries = Mapping[type[BaseException] | str, RetryPolicy | Literal["never", "discard"]]
"""What follows an error of a class, or with a code; the first that fits counts. A policy: retried
by it while attempts are left. "never": a dead letter. "discard": the job ends as cancelled.
"""


class KeepFor(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Retention by age (seconds) and by count (the newest so many of the queue)."""

    age: Annotated[int, Meta(ge=0, le=315_360_000)] | None = None
    count: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None


Retention = bool | Annotated[int, Meta(ge=0, le=10_000_000)] | KeepFor
"""True: remove at once. False: keep for the default age. A number: keep the newest so many.
KeepFor: both.
"""


class JobOptions(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """What a caller may ask for. A field left out takes the job type's default. Times in
    milliseconds.
    """

    priority: Priority = 0
    attempts: Attempts | UnsetType = UNSET
    backoff: RetryPolicy | UnsetType = UNSET
    timeout: TimeoutMs | UnsetType = UNSET
    delay: DelayMs = 0
    remove_on_complete: Retention | UnsetType = UNSET
    remove_on_fail: Retention | UnsetType = UNSET
    job_id: (
        Annotated[str, Meta(min_length=1, max_length=46, pattern=r"^[0-9A-Za-z_-]+$(?!\n)")] | None
    ) = None
    unique_key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """A call that names the key of another job gets that job instead of a new one."""
    unique_while: Annotated[tuple[Status, ...], Meta(max_length=7)] = UNIQUE_WHILE
    """The statuses in which the job holds its key: blocked, delayed and waiting in any case."""
    unique_for: Annotated[int, Meta(ge=1, le=MAX_DELAY_MS)] | None = None
    """Hold the key for so many milliseconds from now on instead, whatever becomes of the job."""
    on_duplicate: Literal["keep", "replace", "next"] = "keep"
    """If another job holds the key. keep: that job stays as it is. replace: unless it has started,
    it becomes what this call asks for, its delay anew. next: the same without the delay; behind a
    running one a job waits that becomes what the last call asks for.
    """
    deadline: Annotated[int, Meta(ge=1, le=MAX_DELAY_MS)] | None = None
    """Never start later than so many milliseconds after the call."""
    tags: Annotated[tuple[Tag, ...], Meta(max_length=16)] = ()
    cost: Annotated[int, Meta(ge=1, le=MAX_COST)] = 1
    """Units of the rates of its queue and tenant that a start spends."""
    retry_for: Annotated[int, Meta(ge=1, le=MAX_DELAY_MS)] | UnsetType = UNSET
    """A failure later than so many milliseconds after the call is final."""
    max_snoozes: Snoozes | UnsetType = UNSET
    """How often the job's attempts may put it off."""


class Rate(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """``count`` units per ``per_ms`` milliseconds, evenly (GCRA, ITU-T I.371); ``burst`` of them
    may be spent at once. A start spends the ``cost`` of its job, 1 for most.
    """

    count: Annotated[int, Meta(ge=1, le=1_000_000)]
    per_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = 1000
    burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 1

    @property
    def period_ms(self) -> float:
        """Milliseconds between two units."""
        return self.per_ms / self.count


class Limits(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a tenant, or a whole queue, may do. None: no limit.

    ``weight``: the tenant's share of a lane that others also want, relative to theirs. Of a queue
    only: ``shares``, priority → weight, makes its lanes take turns by weight instead of strictly (a
    lane that isn't named weighs 1); ``max_wait``: milliseconds after which a waiting job is started
    before better ones.
    """

    concurrency: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    rate: Rate | None = None
    weight: Annotated[int, Meta(ge=1, le=100)] = 1
    depth: Annotated[int, Meta(ge=1, le=100_000_000)] | None = None
    """Most jobs that may be there and have not started: waiting, delayed and blocked ones."""
    shares: Annotated[dict[str, Share], Meta(max_length=MAX_LANES)] = {}
    max_wait: Annotated[int, Meta(ge=1, le=MAX_DELAY_MS)] | None = None
    retain_bytes: Annotated[int, Meta(ge=1, le=2**50)] | None = None
    """Of a queue only: payload and result bytes that its ended jobs may hold together."""


class RunRules(msgspec.Struct, frozen=True, array_like=True):
    """The options as they bind one job, all defaults filled in. Travels with the job, opaque to
    Redis.
    """

    attempts: int
    backoff: RetryPolicy
    timeout: int
    keep_completed: KeepFor
    keep_failed: KeepFor
    tags: tuple[str, ...]
    retry_for: int = 0
    """0: no end."""
    max_snoozes: int = DEFAULT_SNOOZES


class Defaults(msgspec.Struct, frozen=True):
    """The options of a job type where the caller's are silent. Ages in seconds, times in
    milliseconds.
    """

    attempts: Attempts = 3
    backoff: RetryPolicy = RetryPolicy()
    timeout: TimeoutMs = DEFAULT_TIMEOUT_MS
    keep_completed: KeepFor = KeepFor(age=86_400)
    keep_failed: KeepFor = KeepFor(age=7 * 86_400)
    retry_for: DelayMs = 0
    max_snoozes: Snoozes = DEFAULT_SNOOZES


USUAL_DEFAULTS = Defaults()


def rules_for(options: JobOptions, defaults: Defaults) -> RunRules:
    """The caller's options over the type's defaults."""
    return RunRules(
        attempts=defaults.attempts if options.attempts is UNSET else options.attempts,
        backoff=defaults.backoff if options.backoff is UNSET else options.backoff,
        timeout=defaults.timeout if options.timeout is UNSET else options.timeout,
        keep_completed=_keep(options.remove_on_complete, defaults.keep_completed),
        keep_failed=_keep(options.remove_on_fail, defaults.keep_failed),
        tags=options.tags,
        retry_for=defaults.retry_for if options.retry_for is UNSET else options.retry_for,
        max_snoozes=defaults.max_snoozes if options.max_snoozes is UNSET else options.max_snoozes,
    )


def _keep(asked: Retention | UnsetType, default: KeepFor) -> KeepFor:
    if asked is UNSET or asked is False:
        return default
    if asked is True:
        return KeepFor(age=0)
    if isinstance(asked, KeepFor):
        return asked if asked.age is not None else KeepFor(age=default.age, count=asked.count)
    return KeepFor(age=default.age, count=asked)


def lane_of(priority: int) -> int:
    """The lane (an odd number, lower runs first) of a priority.

    Priorities 1…31 have a lane each; from 32 on, four lanes share an octave, so that two priorities
    in one lane differ by less than a quarter. That bounds the lanes of a queue at 92. The even
    number below a lane is where its jobs return to after a crash or a hand-back: before the lane's
    waiting ones, after every better lane.
    """
    rank = priority or NORMAL_PRIORITY
    if rank >= _EXACT_LANES:
        octave = rank.bit_length() - 1
        rank = _EXACT_LANES + (octave - 5) * 4 + ((rank >> (octave - 2)) & 3)
    return rank * 2 + 1
