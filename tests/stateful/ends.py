"""How an attempt ends: what the model makes of each outcome, and which outcomes a game sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cotiza_queue.errors import Discard as DiscardError
from cotiza_queue.errors import PermanentError, RetryableError
from cotiza_queue.errors import Snooze as SnoozeError
from cotiza_queue.model.outcome import Discard, Failure, Retry, Snooze, Terms
from cotiza_queue.model.policy import Defaults, JobOptions, RetryPolicy, rules_for
from cotiza_queue.store import codec
from cotiza_queue.store.commands import Settlement

if TYPE_CHECKING:
    from .bench import Bench, Handle
    from .nouns import Job
    from .oracle import Model

ENDINGS = ("complete", "complete", "error", "error", "fatal", "release", "snooze", "discard")
MOST_SNOOZES = 2
"""Of every job of a game."""
ERRORS: dict[str, Any] = {
    "fatal": lambda extra: PermanentError("no"),
    "snooze": lambda extra: SnoozeError(extra, "not yet"),
    "discard": lambda extra: DiscardError("nobody wants it"),
}


def settle(model: Model, job: Job, s: Settlement, now: int) -> str:
    """An outcome that came from the holder of an active job's token."""
    match s.kind:
        case "complete":
            job.result = s.value
            model.totals["total_run_ms"] += s.extra
            model.finish(job, "completed", now)
        case "retry":
            job.failures += 1
            model.totals["total_retried"] += 1
            return _again_after(model, job, s.extra, now)
        case "snooze":
            job.attempt -= 1
            job.spared += 1
            job.snoozed += 1
            return _again_after(model, job, s.extra, now)
        case "fail":
            model.bury(job, now)
        case "discard":
            job.failures += 1
            model.finish(job, "cancelled", now)
        case "release":
            model.spare(job, now)
    return "ok"


def _again_after(model: Model, job: Job, delay: int, now: int) -> str:
    due = now + max(1, delay)
    if job.deadline is not None and due > job.deadline:
        model.bury(job, now)
        return "deadline_exceeded"
    model.put(job, job.home, due - now, now)
    return "ok"


def outcome(bench: Bench, handle: Handle, how: str, extra: int) -> Settlement:
    """What a worker makes of it: errors go through the engine's own decision."""
    if how == "complete":
        result = b'{"by":"%s"}' % handle.worker.encode()
        return Settlement("complete", handle.stored, handle.token, result, extra)
    if how == "release":
        return Settlement("release", handle.stored, handle.token)
    error = ERRORS.get(how, lambda _: RetryableError("not now"))(extra)
    failure = Failure(code=how, message="x", at=0, attempt=handle.attempt, worker=handle.worker)
    policy = RetryPolicy(type="fixed", delay=max(1, extra))
    options = JobOptions(attempts=handle.attempts, backoff=policy, max_snoozes=MOST_SNOOZES)
    rules = rules_for(options, Defaults())
    decided = bench.decide(error, failure, Terms(rules=rules, chance=0.5, snoozed=handle.snoozed))
    if isinstance(decided, Snooze):
        return Settlement("snooze", handle.stored, handle.token, b"{}", decided.delay_ms)
    value = codec.encode_failure(decided.failure)
    if isinstance(decided, Retry):
        return Settlement("retry", handle.stored, handle.token, value, decided.delay_ms)
    kind = "discard" if isinstance(decided, Discard) else "fail"
    return Settlement(kind, handle.stored, handle.token, value)  # type: ignore[arg-type]
