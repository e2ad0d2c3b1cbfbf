"""Recovers jobs whose worker fell silent, by XCLAIM, in pages, on any worker, with two looks.

The first look finds entries that nobody has renewed for two thirds of a lease. They are recovered
only if they are still silent a third of a lease later, by this worker's own monotonic clock: so a
server that was frozen, or whose clock jumped, gives all living workers time to renew first.
"""

from __future__ import annotations

from collections.abc import Callable

from ..chance import Chance
from ..clock import Clock
from ..errors import CotizaError
from ..middleware import Transition
from ..model.status import Status
from ..store.commands import Commands
from ..telemetry import Telemetry
from .gate import Hooks

MAX_STALLS = 3
"""A job that loses its worker so often is taken for the cause, and becomes a dead letter."""
MARGIN_S = 0.005
"""The server counts idle time in its own milliseconds: a look at the very end of a lease may find
it not over.
"""
_PAGE = 100


class Reclaimer:
    """Looks eight times a lease."""

    name = "reclaimer"

    def __init__(
        self,
        commands: Commands,
        job_type: str,
        worker: str,
        lease_ms: int,
        *,
        clock: Clock,
        chance: Chance,
        telemetry: Telemetry,
        hooks: Hooks,
        recovered: Callable[[], None],
    ) -> None:
        self._commands = commands
        self._job_type = job_type
        self._worker = worker
        self._lease_ms = lease_ms
        self._clock = clock
        self._chance = chance
        self._telemetry = telemetry
        self._hooks = hooks
        self._recovered = recovered
        self._seen: dict[tuple[int, str], float] = {}

    async def tick(self) -> float:
        try:
            found = await self._commands.stale(self._job_type, self._lease_ms * 2 // 3)
            due = self._second_look(found)
            jobs = await self._reclaim(due)
        except CotizaError:
            self._seen.clear()
            raise
        for job_id, status in jobs:
            self._telemetry.warn("job.reclaimed", job=job_id, type=self._job_type, status=status)
            self._hooks.tell(
                Transition(job_id=job_id, job_type=self._job_type, status=Status(status))
            )
        if jobs:
            self._recovered()
        pause = self._lease_ms / 8000 * (0.75 + 0.5 * self._chance.fraction())
        return min([pause, *self._waits()])

    def _waits(self) -> list[float]:
        """Seconds until each second look that is still to come."""
        since = self._clock.monotonic() - self._lease_ms / 3000 - MARGIN_S
        return [at - since for at in self._seen.values() if at > since]

    def _second_look(self, found: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """Those first seen long enough ago. What is no longer found after a lease is forgotten."""
        now = self._clock.monotonic()
        for entry in found:
            self._seen.setdefault(entry, now)
        lease_s = self._lease_ms / 1000
        self._seen = {entry: at for entry, at in self._seen.items() if now - at < 2 * lease_s}
        return [entry for entry in found if now - self._seen.get(entry, now) >= lease_s / 3]

    async def _reclaim(self, due: list[tuple[int, str]]) -> list[tuple[str, str]]:
        jobs = []
        for start in range(0, len(due), _PAGE):
            page = due[start : start + _PAGE]
            jobs += await self._commands.reclaim(
                self._job_type, self._worker, self._lease_ms, MAX_STALLS, page
            )
            for entry in page:
                self._seen.pop(entry, None)
        return jobs
