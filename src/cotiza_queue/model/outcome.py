"""How an attempt ended, and what follows from it. ``decide`` is the whole retry policy in one pure
function.
"""

from __future__ import annotations

import asyncio

import msgspec

from ..errors import AttemptTimeout, CotizaError, PermanentError, RetryableError
from .policy import RunRules

MAX_MESSAGE = 4000
"""Characters of an error message that are kept."""


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


class Retry(msgspec.Struct, frozen=True):
    """Try again ``delay_ms`` milliseconds after the server records the failure."""

    failure: Failure
    delay_ms: int


class Fail(msgspec.Struct, frozen=True):
    """Over: a dead letter."""

    failure: Failure


class Release(msgspec.Struct, frozen=True):
    """Hand the job back at once, without burning the attempt: the worker is leaving."""


Outcome = Complete | Retry | Fail | Release


def failure_of(error: BaseException, *, attempt: int, worker: str, at: int) -> Failure:
    """What is kept of an exception: code, message, remedy, details; never a payload or a
    traceback's locals.
    """
    if isinstance(error, CotizaError):
        return Failure(
            code=error.code,
            message=error.message[:MAX_MESSAGE],
            at=at,
            attempt=attempt,
            worker=worker,
            remedy=error.remedy,
            details=error.details,
        )
    if isinstance(error, asyncio.CancelledError):
        return Failure(
            code="interrupted",
            message="the attempt was interrupted",
            at=at,
            attempt=attempt,
            worker=worker,
        )
    message = f"{type(error).__name__}: {error}"[:MAX_MESSAGE]
    return Failure(code="unexpected_error", message=message, at=at, attempt=attempt, worker=worker)


def decide(error: BaseException, failure: Failure, rules: RunRules, chance: float) -> Retry | Fail:
    """What follows a failed attempt.

    PermanentError → Fail. Attempts used up → Fail. Otherwise Retry after the policy's delay, or
    after the error's own ``retry_after_ms``. ``chance``: uniform in [0, 1), for the jitter.
    """
    if isinstance(error, PermanentError) or failure.attempt >= rules.attempts:
        return Fail(failure)
    if isinstance(error, RetryableError) and error.retry_after_ms is not None:
        return Retry(failure, max(0, error.retry_after_ms))
    return Retry(failure, rules.backoff.delay_ms(failure.attempt, chance))


def timed_out(timeout_ms: int) -> AttemptTimeout:
    """The error of an attempt that ran longer than its ``timeout_ms``."""
    return AttemptTimeout(
        f"the attempt ran longer than its {timeout_ms} ms and was stopped",
        remedy="Give the job a longer timeout, or less to do.",
        details={"timeoutMs": timeout_ms},
    )
