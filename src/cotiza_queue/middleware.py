"""What a program puts around its jobs: middleware around each run and each enqueue, and hooks that
hear of every change of status.

Middleware may change, refuse and fail what it sees; a hook may do neither: its errors are reported
and go no further. Both may be for some job types only, by an attribute ``job_types``: a collection
of names. In a list the first one is the outermost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol, TypeVar

import msgspec

from .model.context import JobContext, Processor
from .model.job import Enqueued, JobType, NewJob
from .model.status import Status

RunMiddleware = Callable[[Any, JobContext, Processor], Awaitable[Any]]
"""``async def middleware(payload, context, call_next) -> result``, where ``call_next(payload,
context)`` runs the rest. What it raises counts as raised by the processor.
"""

M = TypeVar("M")


class EnqueueMiddleware:
    """Base of what stands around enqueueing. Override one method or both.

    It is a pair and not an ``async with`` because ``enqueue_many`` sends a hundred jobs in one
    call: each job passes on its own, the call stays one.
    """

    async def before_enqueue(self, job: NewJob) -> NewJob:
        """The job as it shall go on, of the same type. A raised CotizaError refuses it."""
        return job

    async def after_enqueue(self, job: NewJob, answer: Enqueued | Exception) -> None:
        """What became of it: called once for every ``before_enqueue`` that returned, unless the
        call was cancelled. The answer stands: an error raised here is reported and dropped.
        """


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """A change of status that this process has brought about, told after Redis has confirmed it.

    ``tenant`` is None where the process was not told it (recovery of a dead worker's jobs).
    ``attempt``: the number of the attempt that started or ended, 0 if there is none. ``code``: of
    the error that ended the attempt, "" without one.
    """

    job_id: str
    job_type: str
    status: Status
    tenant: str | None = None
    attempt: int = 0
    code: str = ""


class Hook(Protocol):
    """Hears of transitions. It is called on the event loop and must return at once."""

    def on_transition(self, event: Transition) -> None: ...


def for_types(*job_types: JobType[Any] | str) -> Callable[[M], M]:
    """Decorates middleware or a hook that is for these job types only."""
    names = frozenset(
        job_type if isinstance(job_type, str) else job_type.name for job_type in job_types
    )

    def mark(target: M) -> M:
        target.job_types = names  # type: ignore[attr-defined]
        return target

    return mark


def applies(target: object, job_type: str) -> bool:
    """True if middleware or a hook is for that job type."""
    names = getattr(target, "job_types", None)
    return names is None or job_type in names


def around(processor: Processor, middleware: Iterable[RunMiddleware], job_type: str) -> Processor:
    """The processor with the middleware for its job type around it."""
    for outer in reversed([each for each in middleware if applies(each, job_type)]):
        processor = _wrapped(outer, processor)
    return processor


def _wrapped(outer: RunMiddleware, inner: Processor) -> Processor:
    async def call(payload: Any, context: JobContext) -> Any:
        return await outer(payload, context, inner)

    return call
