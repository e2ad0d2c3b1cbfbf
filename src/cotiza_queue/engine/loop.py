"""The home of background tasks, and the beat of the roles.

A role is an object with ``tick()``: one bounded piece of work that says how long to wait before the
next one. No error ends a role: what goes wrong is told, waited out, and tried again. The exception
is a ConfigurationError (Redis does not let us in): no waiting helps, so it ends the process.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Protocol

from ..errors import ConfigurationError, CotizaError, QueueDamaged
from ..store.wire import REST_S
from ..telemetry import Telemetry

FIRST_BACKOFF_S = 0.05
MAX_BACKOFF_S = 2.0
_SHARE_OF_LEASE = 1 / 6
DAMAGED_PAUSE_S = 5.0
"""Between two looks at a queue with damaged keys: only a person or the doctor can mend it."""
_CANCEL_AGAIN_S = 0.25
_MOMENT_S = 1e-6
"""Linux makes 50 to 60 microseconds of it (timer slack)."""


class Role(Protocol):
    """Something that is done again and again."""

    name: str

    async def tick(self) -> float:
        """Do it once; the seconds until it should be done again."""
        ...


def longest_backoff_s(lease_ms: int) -> float:
    """The longest wait between two tries: when Redis is back after a lease or more, a worker has
    to be heard of before others have looked twice (reclaimer.py: a third of a lease).
    """
    return min(MAX_BACKOFF_S, lease_ms / 1000 * _SHARE_OF_LEASE)


async def beat(
    role: Role, stop: asyncio.Event, telemetry: Telemetry, longest_s: float = MAX_BACKOFF_S
) -> None:
    """Tick a role until ``stop`` is set. ``longest_s``: between two tries."""
    backoff = FIRST_BACKOFF_S
    while not stop.is_set():
        try:
            pause = await role.tick()
            backoff = FIRST_BACKOFF_S
        except ConfigurationError:
            raise
        except Exception as error:
            unexpected = None if isinstance(error, CotizaError) else error
            telemetry.warn("role.failed", role=role.name, error=str(error), exc_info=unexpected)
            pause, backoff = min(longest_s, backoff), min(longest_s, backoff * 2)
            if isinstance(error, QueueDamaged):
                pause = DAMAGED_PAUSE_S
        await wait_for(stop, pause)


async def keep(work: Callable[[], Awaitable[None]], name: str, telemetry: Telemetry) -> None:
    """Do a work that must not end before it is done: if it breaks off, for whatever reason but our
    own wish or a ConfigurationError, it is begun again.
    """
    while True:
        try:
            return await work()
        except ConfigurationError:
            raise
        except (Exception, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task and task.cancelling():
                raise
            telemetry.warn("loop.ended", loop=name, error=repr(error), exc_info=error)
        await asyncio.sleep(FIRST_BACKOFF_S)


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set or the time is over; True if it is set."""
    if seconds > 0 and not event.is_set():
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
    return event.is_set()


def step_aside(rested_s: float) -> None:
    """After a rest of so many seconds, leave the core for a moment to others who wait for it,
    without losing our place among them as by a ``sched_yield``.
    """
    if rested_s > REST_S:
        time.sleep(_MOMENT_S)


class Background:
    """Owns tasks that outlive the call that starts them. ``close`` ends them all."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._ahead: _Ahead | None = None

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            task = ahead.begin(work, name)
        else:
            task = asyncio.create_task(work, name=name)
            task.add_done_callback(self._tasks.discard)
        self._tasks.add(task)
        return task

    def prepare(self) -> None:
        """Make the task of the next work now: to make one takes the longest when a process has
        been at rest.
        """
        if self._ahead is None:
            self._ahead = _Ahead()
            self._ahead.task.add_done_callback(self._tasks.discard)

    async def finished(self) -> None:
        """Wait until all of them have ended by themselves."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self, patience_s: float = math.inf) -> None:
        ahead, self._ahead = self._ahead, None
        await end([*self._tasks, *([ahead.task] if ahead else [])], patience_s)


class _Ahead:
    """A task that waits for its work."""

    def __init__(self) -> None:
        self._work: asyncio.Future[Coroutine[Any, Any, None]] = (
            asyncio.get_running_loop().create_future()
        )
        self.task = asyncio.create_task(self._do(), name="ahead")
        self.task.add_done_callback(self._ended)

    def begin(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        self.task.set_name(name)
        self._work.set_result(work)
        return self.task

    async def _do(self) -> None:
        await (await self._work)

    def _ended(self, _: asyncio.Task[None]) -> None:
        if self._work.done() and not self._work.cancelled():
            self._work.result().close()  # It may not have begun.


async def end(tasks: Iterable[asyncio.Task[Any]], patience_s: float = math.inf) -> None:
    """Cancel tasks until they are over, or until patience is.

    Once is not enough: before Python 3.12, ``asyncio.wait_for`` (inside redis-py) drops a
    cancellation that arrives together with its result (CPython issue 86296).
    """
    left = {task for task in tasks if not task.done()}
    while left and patience_s > 0:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN_S)
        patience_s -= _CANCEL_AGAIN_S
