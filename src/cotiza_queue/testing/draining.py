"""Running what is due, now, in this process: the worker's own parts, stepped by hand."""

from __future__ import annotations

from collections.abc import Mapping

from ..engine.pruner import Pruner
from ..engine.sandbox import Sandbox
from ..engine.scheduler import Scheduler
from ..engine.worker import Worker, WorkerOptions
from ..errors import CotizaError
from ..middleware import Transition
from ..model.status import Status
from .queues import LocalQueue

MAX_DRAINED = 10_000
"""Attempts of one ``drain``; jobs that keep making jobs would never end."""


async def drain(
    queue: LocalQueue, *, until: int | None = None, limit: int = MAX_DRAINED
) -> list[Transition]:
    """Run everything that is due until nothing is waiting; how each attempt ended, in order.

    One job after the other (a batch processor gets its batches), those that the jobs enqueue and
    schedules that are due included. ``until`` (milliseconds since the epoch, needs a VirtualTime):
    then go to the next due moment, and on, up to that one. A job that waits for another one's
    result would wait in vain: use ``worker`` for those.

    Raises CotizaError (``drain_limit``) after ``limit`` attempts, or moments at which nothing ran.
    """
    hand = _Hand(queue, limit)
    try:
        await hand.finish_due()
        if until is not None:
            await hand.live_through(until)
    finally:
        await hand.close()
    return hand.ended


class _Hand(Worker):
    """A worker without loops: every step is a call."""

    def __init__(self, queue: LocalQueue, limit: int) -> None:
        self.ended: list[Transition] = []
        super().__init__(
            queue.processors,
            queue.url,
            options=WorkerOptions(concurrency=_slots(queue)),
            middleware=queue.around.runs,
            hooks=[*queue.around.hooks, self],
            clock=queue.time.clock if queue.virtual_time else None,
            chance=queue.chance,
        )
        self._queue = queue
        self._limit = limit
        self._due: dict[str, int | None] = {}
        self._sandbox = Sandbox(1)
        self._stations = [
            self._station(queue.link, self._sandbox, job_type) for job_type in self._processors
        ]
        self._schedulers = [
            role for station in self._stations for role in station.roles
            if isinstance(role, Scheduler)
        ]  # fmt: skip
        self._pruners = [
            role for station in self._stations for role in station.roles if isinstance(role, Pruner)
        ]

    def on_transition(self, event: Transition) -> None:
        if event.status is not Status.ACTIVE:
            self.ended.append(event)

    async def close(self) -> None:
        await self._sandbox.close()

    async def finish_due(self) -> None:
        """Step until no step finds anything to do."""
        busy = True
        while busy:
            busy = False
            for scheduler in self._schedulers:
                while await scheduler.tick() == 0.0:
                    busy = True
            for station in self._stations:
                turn = await station.taker.turn(station.runner)
                await station.taker.finished()
                self._due[station.name] = turn.next_due_ms
                busy = busy or bool(turn.deliveries)
            if len(self.ended) >= self._limit and busy:
                raise _endless(f"{self._limit:,} attempts were run and there is more to do")

    async def live_through(self, until: int) -> None:
        """From one due moment to the next, and to ``until`` at last."""
        time, idle = self._queue.time, 0
        while time.now_ms < until:
            before = len(self.ended)
            soonest = await self._next_moment()
            await time.move_to(until if soonest is None else min(until, soonest))
            for pruner in self._pruners:
                await pruner.tick()
            await self.finish_due()
            idle = idle + 1 if len(self.ended) == before else 0
            if idle > self._limit:
                raise _endless(f"{idle:,} moments were due and nothing ran")

    async def _next_moment(self) -> int | None:
        moments = [moment for moment in self._due.values() if moment is not None]
        for station in self._stations:
            _, scheduled, _ = await self._queue.link.views.schedules(station.name, "due", 1)
            moments += [] if scheduled is None else [scheduled]
        # What is put off without an end in sight is looked at once a millisecond at the most.
        return max(min(moments), self._queue.time.now_ms + 1) if moments else None


def _endless(message: str) -> CotizaError:
    return CotizaError(
        message,
        code="drain_limit",
        remedy="Do the jobs make jobs for ever? If not, raise `limit`.",
    )


def _slots(queue: LocalQueue) -> Mapping[str, int]:
    return {
        key if isinstance(key, str) else key.name: getattr(processor, "needs_slots", 1)
        for key, processor in queue.processors.items()
    }
