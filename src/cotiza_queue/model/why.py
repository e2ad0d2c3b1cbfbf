"""Why a job is not running now: one cause, one sentence, its facts. Pure, over what a take would
see.

The causes are asked in the order in which a take would meet them, so the first that holds is what
stands in the way; what is behind it shows once it is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from ..clock import iso
from .outcome import Failure
from .status import Status

FOREVER_MS = 2**53 - 1
"""The end of a pause that has none."""


class Cause(StrEnum):
    """What keeps a job from running."""

    RUNNING = "running"
    """Nothing: it runs."""
    ENDED = "ended"
    """Nothing: it has ended."""
    BLOCKED = "blocked"
    DELAYED = "delayed"
    RETRYING = "retrying"
    SNOOZED = "snoozed"
    DEADLINE_PASSED = "deadline_passed"
    QUEUE_PAUSED = "queue_paused"
    TENANT_PAUSED = "tenant_paused"
    NO_WORKER = "no_worker"
    NO_ABLE_WORKER = "no_able_worker"
    QUEUE_RATE = "queue_rate"
    QUEUE_CONCURRENCY = "queue_concurrency"
    TENANT_RATE = "tenant_rate"
    TENANT_CONCURRENCY = "tenant_concurrency"
    BETTER_LANES = "better_lanes"
    BEHIND = "behind"
    ALL_BUSY = "all_busy"
    NEXT = "next"
    """Nothing: it starts with the next turn of a worker."""


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job is not running. ``sentence``: for people. ``facts``: the numbers in it; moments are
    named ``…_ms``, in milliseconds since the epoch by the server's clock.
    """

    job_id: str
    cause: Cause
    sentence: str
    facts: Mapping[str, Any] = {}

    def wire_facts(self) -> dict[str, Any]:
        """The facts for other programs: names in camelCase, moments as ISO-8601."""
        wire: dict[str, Any] = {}
        for name, value in self.facts.items():
            head, *rest = name.removesuffix("_ms").split("_")
            camel = head + "".join(word.capitalize() for word in rest)
            wire[camel] = iso(value) if name.endswith("_ms") else value
        return wire


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a take would see. Moments in milliseconds by the server's clock; None: there is none."""

    job_id: str
    type: str
    tenant: str
    now_ms: int
    status: Status
    version: int = 0
    """The version of its type that the job asks for; 0: any."""
    behind: str = ""
    """The job that a blocked one waits for."""
    due_ms: float | None = None
    deadline_ms: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    attempt: int = 0
    snoozed: int = 0
    """How often its processor has put it off."""
    worker: str = ""
    failure: Failure | None = None
    queue_paused_ms: int | None = None
    queue_paused_until_ms: int | None = None
    queue_pause_reason: str = ""
    queue_rate_until_ms: int | None = None
    queue_concurrency: int | None = None
    queue_active: int = 0
    tenant_paused_ms: int | None = None
    tenant_paused_until_ms: int | None = None
    tenant_pause_reason: str = ""
    tenant_rate_until_ms: int | None = None
    tenant_concurrency: int | None = None
    tenant_active: int = 0
    better: int = 0
    """Jobs that wait in better lanes."""
    line: int = 0
    """Jobs that wait before it in its own line."""
    line_more: bool = False
    """True if there are more than were counted."""
    workers: Sequence[Able] = ()


class Able(msgspec.Struct, frozen=True, kw_only=True):
    """What a live worker can do for a type. ``version``: the highest it knows; 0: it said none."""

    slots: int = 0
    running: int = 0
    version: int = 0


Found = tuple[Cause, str, Mapping[str, Any]]


def explain(seen: Seen) -> Why:
    """The first cause that holds."""
    for ask in _ASKED:
        found = ask(seen)
        if found is not None:
            cause, sentence, facts = found
            kept = {name: value for name, value in facts.items() if value not in (None, "")}
            return Why(job_id=seen.job_id, cause=cause, sentence=sentence, facts=kept)
    return Why(
        job_id=seen.job_id,
        cause=Cause.NEXT,
        sentence="Nothing stands in its way: it starts with a worker's next turn.",
    )


def _over(seen: Seen) -> Found | None:
    if seen.status is Status.ACTIVE:
        text = f"It runs, in attempt {seen.attempt}, since {_moment(seen.started_ms)}."
        facts = {"since_ms": seen.started_ms, "attempt": seen.attempt, "worker": seen.worker}
        return Cause.RUNNING, text, facts
    if seen.status.final:
        text = f"It has ended: {seen.status} at {_moment(seen.ended_ms)}."
        return Cause.ENDED, text, {"status": str(seen.status), "at_ms": seen.ended_ms}
    return None


def _blocked(seen: Seen) -> Found | None:
    if seen.status is not Status.BLOCKED:
        return None
    text = f"It waits for job {seen.behind} to end." if seen.behind else "It waits for other jobs."
    return Cause.BLOCKED, text, {"job_id": seen.behind}


def _delayed(seen: Seen) -> Found | None:
    if seen.status is not Status.DELAYED or seen.due_ms is None or seen.due_ms <= seen.now_ms:
        return None
    until, failure = int(seen.due_ms), seen.failure
    # The two moments are of two clocks; a start and the failure of the same run are in order.
    ran_since = failure is None or failure.at < (seen.started_ms or 0)
    if seen.snoozed and ran_since:
        return Cause.SNOOZED, f"Its processor put it off until {iso(until)}.", {"until_ms": until}
    if failure is None or seen.attempt == 0:
        return Cause.DELAYED, f"It was asked for at {iso(until)}.", {"until_ms": until}
    text = f"Attempt {seen.attempt} failed with {failure.code}; the next is due at {iso(until)}."
    facts = {"until_ms": until, "attempt": seen.attempt, "code": failure.code}
    return Cause.RETRYING, text, facts


def _too_late(seen: Seen) -> Found | None:
    if seen.deadline_ms is None or seen.now_ms <= seen.deadline_ms:
        return None
    text = f"Its deadline was {iso(seen.deadline_ms)}: it fails when its turn comes."
    return Cause.DEADLINE_PASSED, text, {"deadline_ms": seen.deadline_ms}


def _queue_paused(seen: Seen) -> Found | None:
    if seen.queue_paused_ms is None:
        return None
    text = f"The queue {seen.type} is paused since {iso(seen.queue_paused_ms)}"
    facts = {
        "since_ms": seen.queue_paused_ms,
        "until_ms": seen.queue_paused_until_ms,
        "reason": seen.queue_pause_reason,
    }
    text += _until(seen.queue_paused_until_ms) + _because(seen.queue_pause_reason)
    return Cause.QUEUE_PAUSED, text, facts


def _tenant_paused(seen: Seen) -> Found | None:
    until = seen.tenant_paused_until_ms
    if until is None:
        return None
    end = None if until >= FOREVER_MS else until
    text = f"The tenant {seen.tenant} is paused in the queue {seen.type}"
    text += _until(end) + _because(seen.tenant_pause_reason)
    facts = {
        "since_ms": seen.tenant_paused_ms,
        "until_ms": end,
        "reason": seen.tenant_pause_reason,
    }
    return Cause.TENANT_PAUSED, text, facts


def _no_worker(seen: Seen) -> Found | None:
    if not seen.workers:
        return Cause.NO_WORKER, f"No live worker runs jobs of type {seen.type}.", {}
    highest = max(worker.version for worker in seen.workers)
    if seen.version <= highest:
        return None
    text = f"It needs version {seen.version} of {seen.type}; the workers know up to {highest}."
    return Cause.NO_ABLE_WORKER, text, {"needed": seen.version, "highest": highest}


def _queue_limits(seen: Seen) -> Found | None:
    if seen.queue_rate_until_ms is not None:
        until = seen.queue_rate_until_ms
        text = f"The queue rests until {iso(until)}, by its rate or a processor's word."
        return Cause.QUEUE_RATE, text, {"until_ms": until}
    most = seen.queue_concurrency
    if most is None or seen.queue_active < most:
        return None
    text = f"The queue runs {seen.queue_active} of the {most} jobs that it may run at once."
    return Cause.QUEUE_CONCURRENCY, text, {"active": seen.queue_active, "limit": most}


def _tenant_limits(seen: Seen) -> Found | None:
    most = seen.tenant_concurrency
    if most is not None and seen.tenant_active >= most:
        text = f"The tenant runs {seen.tenant_active} of the {most} jobs that it may run at once."
        return Cause.TENANT_CONCURRENCY, text, {"active": seen.tenant_active, "limit": most}
    if seen.tenant_rate_until_ms is None:
        return None
    until = seen.tenant_rate_until_ms
    text = f"The tenant rests until {iso(until)}, by its rate or a processor's word."
    return Cause.TENANT_RATE, text, {"until_ms": until}


def _order(seen: Seen) -> Found | None:
    if seen.better:
        text = f"{_jobs(seen.better)} of better priority {_go(seen.better)} first."
        return Cause.BETTER_LANES, text, {"count": seen.better}
    if not seen.line and not seen.line_more:
        return None
    said = f"More than {seen.line:,} jobs" if seen.line_more else _jobs(seen.line)
    text = f"{said} of its own line {_go(seen.line)} first."
    return Cause.BEHIND, text, {"count": seen.line, "more": seen.line_more}


def _busy(seen: Seen) -> Found | None:
    slots = sum(worker.slots for worker in seen.workers)
    # What the workers said last is up to a third of a lease old; what the queue counts is not.
    running = max(seen.queue_active, sum(worker.running for worker in seen.workers))
    if slots == 0 or running < slots:
        return None
    text = f"It is the next, but all {slots} slots of {len(seen.workers)} workers are taken."
    return Cause.ALL_BUSY, text, {"slots": slots, "workers": len(seen.workers)}


_ASKED: tuple[Callable[[Seen], Found | None], ...] = (
    _over, _blocked, _delayed, _too_late, _queue_paused, _tenant_paused, _no_worker,
    _queue_limits, _tenant_limits, _order, _busy,
)  # fmt: skip


def _moment(moment_ms: int | None) -> str:
    return "an unknown moment" if moment_ms is None else iso(moment_ms)


def _until(moment_ms: int | None) -> str:
    return ", until it is resumed" if moment_ms is None else f", until {iso(moment_ms)}"


def _because(reason: str) -> str:
    return f": {reason}" if reason else "."


def _jobs(n: int) -> str:
    return "1 job" if n == 1 else f"{n:,} jobs"


def _go(n: int) -> str:
    return "goes" if n == 1 else "go"
