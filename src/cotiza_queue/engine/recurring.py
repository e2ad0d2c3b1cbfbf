"""The verbs of schedules: jobs that come again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model.job import JobType, NewJob, PayloadT, Schedule
from ..model.policy import JobOptions
from .base import Base
from .intake import options_of
from .schedules import Schedules

Options = JobOptions | Mapping[str, Any] | None


class Recurring(Base):
    """Part of Queue."""

    async def add_recurring(
        self,
        job_type: JobType[PayloadT, Any] | str,
        payload: PayloadT | Mapping[str, Any],
        cron: str,
        *,
        timezone: str = "UTC",
        tenant: str = "default",
        key: str | None = None,
        options: Options = None,
    ) -> Schedule:
        """Make a job at every occurrence of a cron expression in a time zone. The same ``key``
        again changes it.
        """
        kind = self._directory.kind(job_type)
        job = NewJob(type=kind.name, payload=payload, tenant=tenant, options=options_of(options))
        schedule = await self._schedules.add(kind, job, cron, timezone, key)
        await self._directory.announce(kind.name)
        return schedule

    async def schedules(self, *, tenant: str | None = None) -> list[Schedule]:
        return await self._schedules.all(await self._directory.names(), tenant)

    async def get_schedule(self, schedule_id: str, *, tenant: str | None = None) -> Schedule:
        return await self._schedules.get(
            await self._directory.type_of(schedule_id, "schedule"), schedule_id, tenant
        )

    async def remove_schedule(self, schedule_id: str, *, tenant: str | None = None) -> None:
        await self._schedules.remove(await self.get_schedule(schedule_id, tenant=tenant))

    async def pause_schedule(self, schedule_id: str, *, tenant: str | None = None) -> Schedule:
        return await self._schedules.set_paused(
            await self.get_schedule(schedule_id, tenant=tenant), True
        )

    async def resume_schedule(self, schedule_id: str, *, tenant: str | None = None) -> Schedule:
        return await self._schedules.set_paused(
            await self.get_schedule(schedule_id, tenant=tenant), False
        )

    @property
    def _schedules(self) -> Schedules:
        return Schedules(self._link, self._clock, self._chance)
