"""How an attempt ended, and what follows from it. ``decide`` is the whole retry policy in one pure
function.
"""

from __future__ import annotations

import asyncio
import math
from typing import Literal

import msgspec

from ..errors import AttemptTimeout, CotizaError, PermanentError, RetryableError
from .policy import MAX_DELAY_MS, RunRules

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


class Release(msgspec.Struct, frozen=True):
    """Hand the job back at once, without burning the attempt: the worker is leaving."""


Outcome = Complete | Retry | Fail | Release


def failure_of(error: BaseException, *, attempt: int, worker: str, at: int) -> Failure:
    """What is kept of an exception: code, message, remedy, details; never a payload or a traceback.

    It can always be written as JSON: texts are made valid UTF-8, details that are not JSON or too
    large are left out.
    """
    if isinstance(error, CotizaError):
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


def decide(error: BaseException, failure: Failure, rules: RunRules, chance: float) -> Retry | Fail:
    """What follows a failed attempt.

    PermanentError → Fail. Attempts used up → Fail. Otherwise Retry after the policy's delay, or
    after the error's own ``retry_after_ms``; its ``pause`` holds also if the job has failed for
    good. ``chance``: uniform in [0, 1), for the jitter.
    """
    asked = _asked_ms(error)
    hold = None
    if asked and isinstance(error, RetryableError) and error.pause is not None:
        hold = Hold(error.pause, asked)
    if isinstance(error, PermanentError) or failure.attempt >= rules.attempts:
        return Fail(failure, hold)
    if asked is not None:
        return Retry(failure, asked, hold)
    return Retry(failure, rules.backoff.delay_ms(failure.attempt, chance))


def _asked_ms(error: BaseException) -> int | None:
    """The delay that the error itself asks for, within bounds."""
    asked = error.retry_after_ms if isinstance(error, RetryableError) else None
    if asked is None or not math.isfinite(asked):
        return None
    return min(MAX_DELAY_MS, max(0, int(asked)))


def timed_out(timeout_ms: int) -> AttemptTimeout:
    """The error of an attempt that ran longer than its ``timeout_ms``."""
    return AttemptTimeout(
        f"the attempt ran longer than its {timeout_ms} ms and was stopped",
        remedy="Give the job a longer timeout, or less to do.",
        details={"timeoutMs": timeout_ms},
    )
