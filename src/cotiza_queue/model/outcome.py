"""How an attempt ended, and what follows from it. ``decide`` is the whole retry policy in one pure
function.
"""

from __future__ import annotations

import asyncio
import math
from typing import Literal

import msgspec

from .. import errors
from .policy import MAX_DELAY_MS, Retries, RetryPolicy, RunRules

MAX_MESSAGE = 4000
"""Characters of an error message that are kept."""
MAX_DETAILS_BYTES = 4096
"""Of an error's details, as JSON; longer ones are left out."""


class Failure(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Why an attempt failed. ``at``: milliseconds since the epoch on the worker's clock."""

    code: str
    message: str
    at: int
    attempt: int
    worker: str = ""
    remedy: str | None = None
    details: dict[str, object] = {}


class Complete(msgspec.Struct, frozen=True):
    """The processor returned. ``result``: its encoded return value."""

    result: bytes


class Hold(msgspec.Struct, frozen=True):
    """Nothing of the job's tenant, or of its queue, is to start for so long."""

    scope: Literal["tenant", "queue"]
    span_ms: int


class Retry(msgspec.Struct, frozen=True):
    """Try again ``delay_ms`` milliseconds after the server records the failure."""

    failure: Failure
    delay_ms: int
    hold: Hold | None = None


class Fail(msgspec.Struct, frozen=True):
    """Over: a dead letter."""

    failure: Failure
    hold: Hold | None = None


class Snooze(msgspec.Struct, frozen=True):
    """Put off for ``delay_ms`` milliseconds, without burning the attempt."""

    reason: str
    delay_ms: int


class Discard(msgspec.Struct, frozen=True):
    """Over: nobody needs it. Cancelled, with this reason, and no dead letter."""

    failure: Failure


class Release(msgspec.Struct, frozen=True):
    """Hand the job back at once, without burning the attempt: the worker is leaving."""


Outcome = Complete | Retry | Fail | Snooze | Discard | Release


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """By what an error is judged. ``chance``: uniform in [0, 1), for the jitter; ``age_ms``: since
    the job was taken in; ``snoozed``: how often it was put off before.
    """

    rules: RunRules
    chance: float
    age_ms: float = 0
    snoozed: int = 0
    retries: Retries = {}


def failure_of(error: BaseException, *, attempt: int, worker: str, at: int) -> Failure:
    """What is kept of an exception: code, message, remedy, details; never a payload or a traceback.

    It can always be written as JSON: texts are made valid UTF-8, details that are not JSON or too
    large are left out.
    """
    if isinstance(error, errors.CotizaError):
        return Failure(
            code=clean_text(error.code),
            message=clean_text(error.message),
            at=at,
            attempt=attempt,
            worker=worker,
            remedy=None if error.remedy is None else clean_text(error.remedy),
            details=_small(error.details),
        )
    code = "unexpected_error"
    message = f"{type(error).__name__}: {_text_of(error)}"
    if isinstance(error, asyncio.CancelledError):
        code, message = "interrupted", "the attempt was interrupted"
    return Failure(code=code, message=clean_text(message), at=at, attempt=attempt, worker=worker)


def clean_text(text: object) -> str:
    """A text as UTF-8 can hold it, at most MAX_MESSAGE characters."""
    return str(text)[:MAX_MESSAGE].encode("utf-8", "replace").decode()


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(an error without a readable text)"


def _small(details: dict[str, object]) -> dict[str, object]:
    try:
        return details if len(msgspec.json.encode(details)) <= MAX_DETAILS_BYTES else {}
    except Exception:
        return {}


def decide(error: BaseException, failure: Failure, terms: Terms) -> Retry | Fail | Snooze | Discard:
    """What follows an attempt that raised.

    A snooze is one, up to the cap. Otherwise the job type's own word on this error counts; without
    one, Discard → Discard, PermanentError → Fail. What is to be retried fails for good once its
    attempts or its time (``retry_for``) are used up; else it waits for the policy's delay, or for
    the error's own ``retry_after_ms``, whose ``pause`` holds also if the job has failed for good.
    """
    rules = terms.rules
    if isinstance(error, errors.DeadlineExceeded):
        return Fail(failure)
    if isinstance(error, errors.Snooze):
        return _put_off(error, failure, terms)
    said = _word_on(error, failure, terms.retries)
    if said == "discard" or (said is None and isinstance(error, errors.Discard)):
        return Discard(failure)
    asked, hold = _asked(error)
    if said == "never" or (said is None and isinstance(error, errors.PermanentError)):
        return Fail(failure, hold)
    if failure.attempt >= rules.attempts:
        return Fail(failure, hold)
    if rules.retry_for and terms.age_ms >= rules.retry_for:
        why = {"retryForMs": rules.retry_for, "ageMs": int(terms.age_ms)}
        return Fail(msgspec.structs.replace(failure, details={**failure.details, **why}), hold)
    if asked is not None:
        return Retry(failure, asked, hold)
    policy = said if isinstance(said, RetryPolicy) else rules.backoff
    return Retry(failure, policy.delay_ms(failure.attempt, terms.chance))


def _asked(error: BaseException) -> tuple[int | None, Hold | None]:
    """The delay that the error itself asks for, and what it holds back for so long."""
    if not isinstance(error, errors.RetryableError):
        return None, None
    asked = _span(error.retry_after_ms)
    return asked, Hold(error.pause, asked) if asked and error.pause is not None else None


def _put_off(error: errors.Snooze, failure: Failure, terms: Terms) -> Snooze | Fail:
    if terms.snoozed >= terms.rules.max_snoozes:
        message = clean_text(f"put off {terms.snoozed:,} times, and once more: {error.message}")
        return Fail(msgspec.structs.replace(failure, code="snoozed_too_often", message=message))
    span = _span(error.delay_ms)
    if span is None:  # no number: as long as after a failure
        span = terms.rules.backoff.delay_ms(failure.attempt, terms.chance)
    return Snooze(failure.message, max(1, span))


def _word_on(
    error: BaseException, failure: Failure, retries: Retries
) -> RetryPolicy | Literal["never", "discard"] | None:
    for which, said in retries.items():
        if which == failure.code if isinstance(which, str) else isinstance(error, which):
            return said
    return None


def _span(asked: object) -> int | None:
    """Milliseconds as somebody's code may have put them; None if they are no number."""
    if not isinstance(asked, int | float) or not math.isfinite(asked):
        return None
    return min(MAX_DELAY_MS, max(0, int(asked)))


def timed_out(timeout_ms: int) -> errors.AttemptTimeout:
    """The error of an attempt that ran longer than its ``timeout_ms``."""
    return errors.AttemptTimeout(
        f"the attempt ran longer than its {timeout_ms} ms and was stopped",
        remedy="Give the job a longer timeout, or less to do.",
        details={"timeoutMs": timeout_ms},
    )


def too_late() -> errors.DeadlineExceeded:
    """The error of an attempt that its job's deadline ended, or kept from beginning."""
    return errors.DeadlineExceeded(
        "the job's deadline came before it was done",
        remedy="Give the job a later deadline, or the queue more workers.",
    )
