"""Recovers jobs whose worker fell silent: by the server's idle time of the stream entry, in pages,
on any worker.
"""

from __future__ import annotations

from collections.abc import Callable

from ..chance import Chance
from ..clock import Clock
from ..errors import CotizaError
from ..store.commands import Commands
from ..telemetry import Telemetry

MAX_STALLS = 3
"""How often a job may lose its worker before it is taken for the cause and becomes a dead letter.
"""


class Reclaimer:
    """Looks eight times a lease.

    After an outage of Redis, and at the start, it first waits as long as living workers need to
    renew their leases: otherwise the first one back would take the jobs of all the others.
    """

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
        recovered: Callable[[], None],
    ) -> None:
        self._commands = commands
        self._job_type = job_type
        self._worker = worker
        self._lease_ms = lease_ms
        self._clock = clock
        self._chance = chance
        self._telemetry = telemetry
        self._recovered = recovered
        self._not_before = clock.monotonic() + lease_ms / 2000

    async def tick(self) -> float:
        pause = self._lease_ms / 8000 * (0.75 + 0.5 * self._chance.fraction())
        if self._clock.monotonic() < self._not_before:
            await self._reach()
            return pause
        try:
            jobs = await self._commands.reclaim(
                self._job_type, self._worker, self._lease_ms, MAX_STALLS
            )
        except CotizaError:
            self._wait_for_the_others()
            raise
        for job_id, status in jobs:
            self._telemetry.warn("job.reclaimed", job=job_id, type=self._job_type, status=status)
        if jobs:
            self._recovered()
            return 0.0
        return pause

    async def _reach(self) -> None:
        try:
            await self._commands.types()
        except CotizaError:
            self._wait_for_the_others()
            raise

    def _wait_for_the_others(self) -> None:
        self._not_before = self._clock.monotonic() + self._lease_ms / 2000
