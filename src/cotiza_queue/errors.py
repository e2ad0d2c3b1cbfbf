"""Every error that this package raises on purpose.

    CotizaError                     code                 status
    ├── InvalidInput                invalid_input        422   fields: what is wrong, and where
    │   └── UnknownJobType          unknown_job_type     422
    ├── NotFound                    not_found            404   also for another tenant's things
    │   └── Expired                 job_expired          410   it was there, and has been removed
    ├── Conflict                    conflict             409   the state of the thing forbids it
    ├── Forbidden                   forbidden            403
    ├── TooLarge                    too_large            413
    ├── QueueFull                   queue_full           429
    ├── QueueUnavailable            queue_unavailable    503   Redis is away, or refuses writes
    ├── QueueDamaged                queue_damaged        500   a key of the queue is not what it was
    ├── ConfigurationError          configuration        500   a setting is missing or wrong
    │   └── AccessRefused           access_refused       500   Redis forbids us something
    ├── ResultTimeout               result_timeout       504   a wait ended before the job did
    │   └── ResultPending           result_pending       409   there is no result yet
    ├── JobFailed                   job_failed           424   the job ended without a result
    └── ProcessingError             processing_error     500   raised by processors
        ├── PermanentError          permanent_error      422   never retried, a dead letter
        │   ├── InvalidData         invalid_data         422   the file or payload is at fault
        │   ├── DeadlineExceeded    deadline_exceeded    504   the job's deadline has come
        │   └── MemoryLimitExceeded memory_limit         422   the child hit its memory ceiling
        ├── RetryableError          retryable_error      503   retried by the job's policy
        ├── Snooze                  snooze               503   not now: put off, costs no attempt
        ├── Discard                 discarded            410   nobody needs it: ends as cancelled
        ├── ProcessDied             process_died         500   the child process crashed
        └── AttemptTimeout          timeout              504   the attempt ran too long

An error carries a stable ``code`` for programs, a message and a ``remedy`` for people, and the
``http_status`` that the API answers with: there are no mapping tables elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, NamedTuple


class FieldError(NamedTuple):
    """One fault in the input: the path of the field (``options.priority``) and what is wrong with
    it.
    """

    field: str
    message: str


class CotizaError(Exception):
    """Base of all errors here.

    ``message``: one sentence on what happened. ``remedy``: what the reader can do about it.
    ``details``: small JSON-serialisable facts. ``code`` overrides the class's code where a narrower
    word exists.
    """

    code: str = "error"
    http_status: ClassVar[int] = 500

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        remedy: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details = details or {}
        if code is not None:
            self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross process borders (the sandbox) with all that they carry."""
        return _rebuild, (type(self), self.__dict__ | {"message": self.message})


def _rebuild(kind: type[CotizaError], state: dict[str, Any]) -> CotizaError:
    error = kind.__new__(kind)
    Exception.__init__(error, state["message"])
    error.__dict__.update(state)
    return error


class InvalidInput(CotizaError):
    """The caller's input is wrong. ``fields`` names each fault by its path."""

    code = "invalid_input"
    http_status = 422

    def __init__(
        self,
        message: str,
        *,
        fields: Sequence[FieldError] = (),
        code: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, code=code, remedy=remedy)
        self.fields = tuple(fields)


class UnknownJobType(InvalidInput):
    code = "unknown_job_type"


class NotFound(CotizaError):
    code = "not_found"
    http_status = 404


class Expired(NotFound):
    """The job was there: its id is one of ours and the caller's. Retention, or somebody, removed
    it.
    """

    code = "job_expired"
    http_status = 410


class Conflict(CotizaError):
    code = "conflict"
    http_status = 409


class Forbidden(CotizaError):
    code = "forbidden"
    http_status = 403


class TooLarge(CotizaError):
    code = "too_large"
    http_status = 413


class QueueFull(CotizaError):
    """The queue, or the tenant's part of it, holds as many jobs as its limit allows.

    ``retry_after_ms``: when a place may be free, by the queue's pace of the last minute.
    """

    code = "queue_full"
    http_status = 429

    def __init__(self, message: str, *, retry_after_ms: int, code: str | None = None) -> None:
        super().__init__(
            message, code=code, remedy="Try again later, or have the limit `depth` raised."
        )
        self.retry_after_ms = retry_after_ms


class QueueUnavailable(CotizaError):
    """Redis can't be reached or refuses writes.

    ``indeterminate``: True if the call was sent and its reply lost, so that it may or may not have
    happened. Repeat it with the same job id: enqueueing is idempotent by id. ``said``: the word
    with which Redis has refused (MISCONF), "" if it was not heard. ``remedy``, as it is given: what
    to do if that lasts.
    """

    code = "queue_unavailable"
    http_status = 503

    def __init__(
        self, message: str, *, indeterminate: bool = False, said: str = "", remedy: str = ""
    ) -> None:
        remedy = remedy or "check the Redis server"
        super().__init__(message, remedy=f"Try again in a moment; if it lasts, {remedy}.")
        self.indeterminate = indeterminate
        self.said = said


class QueueDamaged(CotizaError):
    """A key of the queue was overwritten or lost behind our back. Calling again does not help."""

    code = "queue_damaged"

    def __init__(self, message: str) -> None:
        super().__init__(
            message, remedy="Run `cotiza-queue doctor`, and again with --fix to repair the queue."
        )


class ConfigurationError(CotizaError):
    code = "configuration"


class AccessRefused(ConfigurationError):
    """Redis wants another password, or forbids a command. Calling again does not help."""

    code = "access_refused"


class ResultTimeout(CotizaError):
    code = "result_timeout"
    http_status = 504


class ResultPending(ResultTimeout):
    """Asked without waiting, and the job has not ended."""

    code = "result_pending"
    http_status = 409


class JobFailed(CotizaError):
    code = "job_failed"
    http_status = 424


class ProcessingError(CotizaError):
    """Raised by a processor to say how the attempt ended. Other exceptions are retried."""

    code = "processing_error"


class PermanentError(ProcessingError):
    """Trying again can't help: the job fails at once and becomes a dead letter."""

    code = "permanent_error"
    http_status = 422


class InvalidData(PermanentError):
    code = "invalid_data"


class DeadlineExceeded(PermanentError):
    """The job's deadline has come: it is not started any more, or was stopped."""

    code = "deadline_exceeded"
    http_status = 504


class MemoryLimitExceeded(PermanentError):
    code = "memory_limit"


class RetryableError(ProcessingError):
    """Worth another try. ``retry_after_ms`` (milliseconds) overrides the policy's delay.

    ``pause`` with it, as a ``Retry-After`` of the other side means it: until then nothing of the
    job's tenant in this queue ("tenant"), or nothing of the whole queue ("queue"), starts either.
    """

    code = "retryable_error"
    http_status = 503

    def __init__(
        self,
        message: str,
        *,
        retry_after_ms: int | None = None,
        pause: Literal["tenant", "queue"] | None = None,
        code: str | None = None,
        remedy: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message, code=code, remedy=remedy, details=details)
        self.retry_after_ms = retry_after_ms
        self.pause: Literal["tenant", "queue"] | None = pause


class Snooze(ProcessingError):
    """Not now: the job comes back after ``delay_ms`` milliseconds (1 to 366 days), and the attempt
    does not count. ``reason``: for people. A job may be put off ``maxSnoozes`` times.
    """

    code = "snooze"
    http_status = 503

    def __init__(self, delay_ms: int, reason: str = "") -> None:
        super().__init__(reason or "the job was put off")
        self.delay_ms = delay_ms


class Discard(ProcessingError):
    """Nobody needs the job any more: it ends as cancelled, with this reason, and leaves no dead
    letter.
    """

    code = "discarded"
    http_status = 410


class ProcessDied(ProcessingError):
    code = "process_died"


class AttemptTimeout(ProcessingError):
    code = "timeout"
    http_status = 504
