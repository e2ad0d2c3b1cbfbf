"""The verbs of those who run the queues: metrics, limits, pauses, dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import NotFound
from ..model.history import HistoryEntry
from ..model.ids import check_job_type
from ..model.job import DeadLetter, Pause, QueueMetrics
from ..model.policy import Limits
from ..model.status import Status, status_of
from ..model.why import Why, explain
from . import admin, listing
from .base import Base
from .doctor import Report, examine


class Operators(Base):
    """Part of Queue."""

    async def metrics(self, job_type: str | None = None) -> Sequence[QueueMetrics]:
        """The state of one queue, or of all, in numbers."""
        asked = [self._directory.known(job_type).name] if job_type else None
        names = asked or sorted(await self._directory.names())
        return [await self._link.views.metrics(name) for name in names]

    async def doctor(self, *, fix: bool = False) -> Report:
        """Check the server, and that all that the queues hold agrees with itself, on live queues.
        ``fix``: put right what is found. See ``engine/doctor.py``.
        """
        return await examine(self._link, self._clock, fix=fix)

    async def pause(
        self,
        job_type: str,
        *,
        tenant: str | None = None,
        for_ms: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Hand out no more jobs of a type, or of one tenant, until they are resumed.

        ``for_ms``: go on by itself after so many milliseconds (at most 366 days), also if nobody
        who could resume it lives any more. ``reason``: why, at most 200 characters. What runs goes
        on. Survives restarts. Raises InvalidInput.
        """
        name = self._directory.known(job_type).name
        await admin.pause(self._link, name, tenant, for_ms, reason)

    async def pauses(self, job_type: str | None = None) -> Sequence[Pause]:
        """Who is paused, in one queue or in all: since when, until when, and why."""
        asked = [self._directory.known(job_type).name] if job_type else None
        names = asked or sorted(await self._directory.names())
        return [one for name in names for one in await self._link.views.pauses(name)]

    async def resume(self, job_type: str, *, tenant: str | None = None) -> None:
        """Hand out jobs of a type, or of one tenant, again."""
        await admin.resume(self._link, self._directory.known(job_type).name, tenant)

    async def limit(
        self, job_type: str, limits: Limits | Mapping[str, Any], *, tenant: str | None = None
    ) -> None:
        """Cap what a queue, or a tenant in it, runs at once and starts per time; weigh tenants."""
        name = self._directory.known(job_type).name
        await admin.limit(self._link, name, tenant, limits)

    async def clean(
        self,
        job_type: str,
        *,
        status: Status | str,
        grace_ms: int = 0,
        limit: int = 1000,
        tenant: str | None = None,
    ) -> int:
        """Remove up to ``limit`` ≤ 10,000 jobs that ended so longer than ``grace_ms`` ago. Raises
        InvalidInput.
        """
        name = self._directory.known(job_type).name
        cut = admin.Cut(status_of(status), grace_ms, limit, tenant)
        return await admin.clean(self._link, name, cut)

    async def history(self, job_id: str, *, tenant: str | None = None) -> Sequence[HistoryEntry]:
        """Every change of a job's status, oldest first: moment, cause, actor. The last one's
        ``status`` is the job's. Raises NotFound.
        """
        for name, full_id in await self._directory.places(job_id, tenant):
            found = await self._link.views.history(name, full_id, tenant or "")
            if found is not None:
                return found
        raise self._directory.no_job(job_id, tenant)

    async def why(self, job_id: str, *, tenant: str | None = None) -> Why:
        """Why a job is not running now: the cause, a sentence, and its facts. Raises NotFound."""
        for name, full_id in await self._directory.places(job_id, tenant):
            seen = await self._link.views.why(name, full_id, tenant or "")
            if seen is not None:
                return explain(seen)
        raise self._directory.no_job(job_id, tenant)

    async def ping(self) -> float:
        """Round trip in milliseconds."""
        start = self._clock.monotonic()
        await self._link.connection.command("PING")
        return round((self._clock.monotonic() - start) * 1000, 3)

    async def workers(self) -> Sequence[Mapping[str, Any]]:
        """Live worker processes: {id, host, pid, types, startedAt, running, slots, queues}; queues
        holds running and slots by type.
        """
        return await admin.workers(self._link, await self._directory.names())

    async def dead_letters(
        self,
        *,
        job_type: str | None = None,
        tenant: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[Sequence[DeadLetter], str | None]:
        """A page of dead letters, newest first, and the cursor of the next page."""
        names = [check_job_type(job_type)] if job_type else sorted(await self._directory.names())
        return await listing.letters(self._link.views, names, tenant or "", limit, cursor)

    async def dead_letter(self, job_id: str, *, tenant: str | None = None) -> DeadLetter:
        """The dead letter of a job. Raises NotFound."""
        for name, full_id in await self._directory.places(job_id, tenant):
            _, found = await self._link.views.dead_letters(name, tenant or "", "", 1, full_id)
            if found:
                return found[0]
        raise NotFound(f"there is no dead letter of job {job_id:.64}", code="dead_letter_not_found")

    async def purge_dead_letter(self, job_id: str, *, tenant: str | None = None) -> None:
        """Remove a dead letter and its job. Raises NotFound."""
        letter = await self.dead_letter(job_id, tenant=tenant)
        await self._link.commands.bury(letter.type, letter.job_id, tenant or "")
