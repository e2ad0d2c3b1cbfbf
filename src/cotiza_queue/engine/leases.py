"""The jobs that this worker holds, kept its own for as long as it lives."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import CotizaError
from ..store.commands import Commands
from ..store.ids import StoredId
from ..telemetry import Telemetry
from .loop import longest_backoff_s
from .running import Running, Stop

_PAGE = 500
PROGRESS_S = 0.1
IDLE_S = 0.25


class Leases:
    """Renews every lease each third of its length, and stops what is no longer ours."""

    name = "leases"

    def __init__(
        self,
        commands: Commands,
        job_type: str,
        worker: str,
        lease_ms: int,
        *,
        info: Callable[[], bytes],
        telemetry: Telemetry,
    ) -> None:
        self._commands = commands
        self._job_type = job_type
        self._worker = worker
        self._lease_ms = lease_ms
        self._info = info
        self._telemetry = telemetry
        self.longest_backoff_s = longest_backoff_s(lease_ms)
        self.running: dict[StoredId, Running] = {}

    def hold(self, job: Running) -> None:
        """Keep a delivery. If an older one of the same job still runs here, it is stopped."""
        displaced = self.running.get(job.delivery.stored)
        if displaced is not None:
            displaced.stop(Stop.LOST)
        self.running[job.delivery.stored] = job

    def let_go(self, job: Running) -> bool:
        """Keep it no more. False if it was not kept: another delivery of the job has its place, or
        its outcome is told already.
        """
        if self.running.get(job.delivery.stored) is not job:
            return False
        del self.running[job.delivery.stored]
        return True

    def lose(self, stored: StoredId, token: int | None = None) -> None:
        """The job was cancelled or given to another worker: stop working on it."""
        job = self.running.get(stored)
        if job is not None and token in (None, job.token):
            self._telemetry.say("job.lost", job=job.job_id, type=self._job_type, token=job.token)
            job.stop(Stop.LOST)

    async def tick(self) -> float:
        held = [(stored, job.token) for stored, job in self.running.items()]
        for start in range(0, max(1, len(held)), _PAGE):
            page = held[start : start + _PAGE]
            for lost in await self._commands.renew(
                self._job_type, self._worker, self._info(), self._lease_ms, page
            ):
                self.lose(lost)
        return self._lease_ms / 3000


class Reporter:
    """Sends the latest progress of each running job, ten times a second at the most."""

    name = "reporter"

    def __init__(self, commands: Commands, job_type: str, leases: Leases) -> None:
        self._commands = commands
        self._job_type = job_type
        self._leases = leases

    async def tick(self) -> float:
        for job in [job for job in self._leases.running.values() if job.unsent is not None]:
            await self.send(job)
        return PROGRESS_S if self._leases.running else IDLE_S

    async def send(self, job: Running) -> None:
        """Send a job's latest progress, if there is any. It is kept for the next time if Redis
        can't take it.
        """
        unsent = job.unsent
        if unsent is None:
            return
        job.unsent = None
        try:
            await self._commands.progress(self._job_type, job.job_id, job.token, unsent)
        except CotizaError:
            if job.unsent is None:
                job.unsent = unsent
