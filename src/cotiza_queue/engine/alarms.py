"""Tells when the time of a running job is over. One timer for all jobs, however many start and end:
nearly all of them end long before their time.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from .running import Running

_TICK_S = 0.001
"""Event loops may call a timer so much before its moment."""


class Alarms:
    """``ring`` is called with each job whose moment has come. The timer that is left when no job is
    watched any more rings for nobody.
    """

    def __init__(self, ring: Callable[[Running], None]) -> None:
        self._ring = ring
        self._moments: dict[Running, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = math.inf

    def set(self, job: Running, seconds: float) -> None:
        """Ring for the job in so many seconds, unless it is dropped before."""
        loop = asyncio.get_running_loop()
        moment = self._moments[job] = loop.time() + seconds
        if moment < self._next:
            self._wait(loop, moment)

    def drop(self, job: Running) -> None:
        self._moments.pop(job, None)

    def _wait(self, loop: asyncio.AbstractEventLoop, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._next = loop.call_at(moment, self._look, loop), moment

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer, self._next = None, math.inf
        until = loop.time() + _TICK_S
        due = [job for job, moment in self._moments.items() if moment <= until]
        for job in due:
            self.drop(job)
        if self._moments:
            self._wait(loop, min(self._moments.values()))
        for job in due:
            self._ring(job)
