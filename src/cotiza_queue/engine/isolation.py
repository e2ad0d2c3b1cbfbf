"""Who may run beside whom: a job that has lost two workers runs alone in its process.

If it is the cause, it takes nobody down with it, and nobody else is taken for it. What came to the
worker beside it, and has not begun, goes back at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .loop import wait_for
from .running import Running

SUSPECT_STALLS = 2
"""After so many lost workers a job is a suspect."""
_LOOK_S = 0.2
"""How soon a suspect that waits for the others notices that it was told to stop."""


class Isolation:
    """One for a worker process, whatever types it runs."""

    def __init__(self) -> None:
        self._present: set[Running] = set()
        self._suspect: Running | None = None
        self._left = asyncio.Event()
        self._opened: list[Callable[[], None]] = []

    @property
    def closed(self) -> bool:
        """True while a suspect is here: nothing is to be taken."""
        return self._suspect is not None

    def when_opened(self, call: Callable[[], None]) -> None:
        """``call`` this whenever a suspect has gone."""
        self._opened.append(call)

    def enter(self, job: Running) -> bool:
        """False if a suspect is here: the job goes back."""
        if self._suspect is not None:
            return False
        if job.delivery.stalls >= SUSPECT_STALLS:
            self._suspect = job
        self._present.add(job)
        return True

    def waits(self, job: Running) -> bool:
        """Whether the job may not begin beside those that are here."""
        return job is self._suspect

    async def its_turn(self, job: Running) -> None:
        """A suspect waits until it is alone, or is told to stop."""
        while self.waits(job) and len(self._present) > 1 and job.stopped is None:
            self._left.clear()
            await wait_for(self._left, _LOOK_S)

    def leave(self, job: Running) -> None:
        """Its processor has really ended."""
        self._present.discard(job)
        if self._suspect is None:
            return
        self._left.set()
        if job is self._suspect:
            self._suspect = None
            for call in self._opened:
                call()
