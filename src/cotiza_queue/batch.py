"""One call for many jobs: a processor that gathers deliveries and hands them over together.

The queue knows nothing of it. Each job keeps its own attempts, timeout, lease and end; only the
call is shared. Refused: batches across worker processes, and holding back jobs longer than
``wait_ms``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from .engine.loop import Background, wait_for
from .errors import ConfigurationError, ProcessingError
from .model.context import JobContext

MAX_SIZE = 1000
MAX_WAIT_MS = 60_000

P = TypeVar("P")
R = TypeVar("R")


class BatchItem(msgspec.Struct, Generic[P], frozen=True):
    """One job of a batch: its checked payload, and the context of its own."""

    payload: P
    context: JobContext


BatchFunction = Callable[[Sequence[BatchItem[P]]], Awaitable[Sequence[R | Exception]]]
"""``async def function(items) -> answers``, one answer an item, in the same order. An exception in
a place fails that job only, by its own retry policy; one that is raised fails them all.
"""


class Batched(Generic[P, R]):
    """A processor made of a function over batches.

    A batch runs when it has ``size`` members (1 to MAX_SIZE), or ``wait_ms`` milliseconds (0 to
    MAX_WAIT_MS) after its first one joined. Members whose jobs are stopped leave it; when all have
    left, the call is cancelled. The worker's concurrency for the job type must be ``size`` or more.

    Raises ConfigurationError for a size or wait out of bounds.
    """

    def __init__(
        self, function: BatchFunction[P, R], *, size: int = 50, wait_ms: int = 200
    ) -> None:
        if not 1 <= size <= MAX_SIZE or not 0 <= wait_ms <= MAX_WAIT_MS:
            raise ConfigurationError(
                f"batches of {size} after {wait_ms} ms",
                remedy=f"Choose a size of 1 to {MAX_SIZE} and a wait of 0 to {MAX_WAIT_MS:,} ms.",
            )
        self.needs_slots = size
        """Read by the worker: with fewer slots a batch could never fill."""
        self._function = function
        self._size = size
        self._wait_s = wait_ms / 1000
        self._forming: _Batch | None = None
        self._calls = Background()

    async def __call__(self, payload: P, context: JobContext) -> R:
        """Join the forming batch and await the answer to this item alone."""
        batch = self._join()
        member = batch.enter(BatchItem(payload, context))
        try:
            answer, trace = await member
        finally:
            batch.leave(member)
        if isinstance(answer, Exception):
            raise answer.with_traceback(trace)
        result: R = answer
        return result

    def _join(self) -> _Batch:
        if self._forming is None or self._forming.closed:
            self._forming = _Batch(self._size)
            self._calls.start(self._run(self._forming), name="batch")
        return self._forming

    async def _run(self, batch: _Batch) -> None:
        batch.caller = asyncio.current_task()
        await wait_for(batch.full, self._wait_s)
        items = batch.close()
        if items:
            try:
                batch.answer(await _answers(self._function, items))
            finally:
                batch.answer([_interrupted()] * len(items))


class _Batch:
    """Some deliveries on their way to one call. A member is the future of its answer."""

    def __init__(self, size: int) -> None:
        self.full = asyncio.Event()
        self.closed = False
        self.caller: asyncio.Task[Any] | None = None
        self._size = size
        self._items: dict[asyncio.Future[Any], BatchItem[Any]] = {}
        self._asked: list[asyncio.Future[Any]] = []

    def enter(self, item: BatchItem[Any]) -> asyncio.Future[Any]:
        member: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._items[member] = item
        if len(self._items) == self._size:
            self.closed = True
            self.full.set()
        return member

    def leave(self, member: asyncio.Future[Any]) -> None:
        """Answered, or stopped: the last one to be stopped takes the call with it."""
        self._items.pop(member, None)
        if not self._items and self.caller is not None:
            self.closed = True
            self.caller.cancel()

    def close(self) -> Sequence[BatchItem[Any]]:
        """Nobody joins any more; what goes into the call."""
        self.closed = True
        self._asked = list(self._items)
        return list(self._items.values())

    def answer(self, answers: Sequence[Any]) -> None:
        """Each member its own; what has been answered, or has left, stays as it is.

        An error that many share goes with its trace, which would grow each time it is raised.
        """
        for member, answer in zip(self._asked, answers, strict=True):
            if not member.done():
                member.set_result((answer, getattr(answer, "__traceback__", None)))


async def _answers(
    function: BatchFunction[P, R], items: Sequence[BatchItem[P]]
) -> Sequence[R | Exception]:
    """The function's answers; what it raises is everybody's."""
    try:
        answers = await function(items)
        if len(answers) == len(items):
            return answers
        said: Exception = ProcessingError(
            f"{len(answers)} answers to a batch of {len(items)}",
            code="batch_answers",
            remedy="Return one result or exception per item, in the order of the items.",
        )
    except Exception as error:
        said = error
    except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        # SystemExit, or a panic of a native library: it would end the whole loop.
        said = ProcessingError(f"{type(error).__name__}: {error}", code="unexpected_error")
    return [said] * len(items)


def _interrupted() -> ProcessingError:
    return ProcessingError("the call of the batch was interrupted", code="interrupted")
