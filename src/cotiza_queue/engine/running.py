"""A delivery that is being worked on, from the worker's side: the context that its processor sees,
and its off switch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import msgspec

from ..model.job import Progress
from ..model.outcome import clean_text
from ..model.policy import RunRules
from ..store.commands import Commands, Delivery
from .checkpoints import Checkpoints
from .sandbox import Sandbox
from .servertime import ServerTime

R = TypeVar("R")
_encode = msgspec.json.Encoder().encode
MAX_PROGRESS_BYTES = 4096
"""Of one progress as JSON; metadata that would exceed it is left out."""


class Stop(StrEnum):
    """Why a running job is made to stop."""

    TIMEOUT = "timeout"
    DEADLINE = "deadline"
    LOST = "lost"
    """Cancelled, or reclaimed by another worker: whatever it still does is no longer wanted."""
    DRAIN = "drain"
    DONE = "done"
    """It ended by itself; later reasons come too late."""


class Running:
    """One delivery at work. Implements ``model.context.JobContext``."""

    def __init__(
        self,
        delivery: Delivery,
        job_type: str,
        rules: RunRules,
        *,
        commands: Commands,
        sandbox: Sandbox,
        time: ServerTime,
    ) -> None:
        self.delivery = delivery
        self.token = delivery.token
        self.rules = rules
        self._time = time
        self.began: float | None = None
        """On the worker's monotonic clock: when the processor began."""
        self.limited_by: Stop | None = None
        """Why it is stopped when its time is over; None once it has been told so."""
        self.stopped: Stop | None = None
        self.unsent: bytes | None = None
        self._job_type = job_type
        self._commands = commands
        self._sandbox = sandbox
        self._checkpoints: Checkpoints | None = None
        self.task: asyncio.Task[None] | None = None
        """The one that works on it."""
        self._stoppable = False

    def begin(self, now: float, limited_by: Stop) -> None:
        """The processor begins: from now on its task can be cancelled."""
        self.began = now
        self.limited_by = limited_by
        self.task = self.task or asyncio.current_task()
        self._stoppable = True

    def stop(self, why: Stop) -> None:
        """Cancel the processor, and tell it why. The first reason counts."""
        if self.stopped is not None:
            return
        self.stopped = why
        if self._stoppable and self.task is not None:
            self.task.cancel(str(why))

    def end(self) -> None:
        """The processor has returned: nothing can stop it any more."""
        self._stoppable = False
        self.stopped = self.stopped or Stop.DONE

    async def flush(self) -> None:
        """Save what its cursors have not saved yet. Raises CotizaError."""
        if self._checkpoints is not None and self.stopped is not Stop.LOST:
            await self._checkpoints.flush()

    @property
    def age_ms(self) -> float:
        """Milliseconds since the job was taken in."""
        return self._time.now_ms() - self.delivery.created_ms

    @property
    def limit(self) -> tuple[float, Stop]:
        """In how many milliseconds the attempt must end, and why then: its timeout, or the job's
        deadline.
        """
        timeout = self.rules.timeout
        if self.delivery.deadline_ms is None:
            return timeout, Stop.TIMEOUT
        left = self._left_ms(self.delivery.deadline_ms)
        return (left, Stop.DEADLINE) if left < timeout else (timeout, Stop.TIMEOUT)

    def _left_ms(self, deadline_ms: int) -> int:
        return max(0, int(deadline_ms - self._time.now_ms()))

    # what the processor sees

    @property
    def job_id(self) -> str:
        return self.delivery.id

    @property
    def job_type(self) -> str:
        return self._job_type

    @property
    def tenant(self) -> str:
        return self.delivery.tenant

    @property
    def attempt(self) -> int:
        return self.delivery.attempt

    @property
    def max_attempts(self) -> int:
        return self.rules.attempts

    @property
    def created_ms(self) -> int:
        return self.delivery.created_ms

    @property
    def snoozed(self) -> int:
        return self.delivery.snoozed

    @property
    def deadline_left_ms(self) -> int | None:
        if self.delivery.deadline_ms is None:
            return None
        return self._left_ms(self.delivery.deadline_ms)

    def progress(self, percentage: float, step: str, message: str = "", **metadata: Any) -> None:
        shown = Progress(
            percentage=round(min(100.0, max(0.0, percentage)), 1),
            step=clean_text(step)[:64],
            message=clean_text(message)[:500],
        )
        if metadata:
            self.unsent = _encode(msgspec.structs.replace(shown, metadata=metadata))
            if len(self.unsent) <= MAX_PROGRESS_BYTES:
                return
        self.unsent = _encode(shown)

    async def step(self, name: str, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return await self._saved().step(name, function, args)

    async def cursor(self, name: str, default: Any = None) -> Any:
        return await self._saved().cursor(name, default)

    async def save_cursor(self, name: str, value: Any, every: int = 1) -> None:
        await self._saved().save_cursor(name, value, every)

    def _saved(self) -> Checkpoints:
        if self._checkpoints is None:
            lose = partial(self.stop, Stop.LOST)
            self._checkpoints = Checkpoints(self._commands, self._job_type, self.delivery, lose)
        return self._checkpoints

    async def run_in_process(
        self, function: Callable[..., R], *args: Any, memory_bytes: int | None = None
    ) -> R:
        def report(percentage: float, step: str, message: str = "") -> None:
            self.progress(percentage, step, message)

        result: R = await self._sandbox.run(
            function, args, report=report, memory_bytes=memory_bytes
        )
        return result
