"""Keeping schedules: writing, reading, pausing. Firing them is the scheduler's."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..chance import Chance
from ..clock import Clock
from ..errors import InvalidInput, NotFound
from ..model.cron import Cron
from ..model.ids import CHANCE_BYTES, new_job_id, occurrence_job_id
from ..model.job import JobType, NewJob, Schedule
from ..store.ids import stored
from ..store.link import Link
from ..store.views import encode_spec, spec_of
from .intake import intake_of

MAX_SCHEDULES = 1000
"""Schedules of one job type that are listed; more are refused."""


class Schedules:
    """The schedules of all job types of one Redis."""

    def __init__(self, link: Link, clock: Clock, chance: Chance) -> None:
        self._link = link
        self._clock = clock
        self._chance = chance

    async def add(
        self, kind: JobType[object], job: NewJob, cron: str, timezone: str, key: str | None
    ) -> Schedule:
        """Write a schedule; the same tenant, type and ``key`` again rewrites it. Raises
        InvalidInput.
        """
        parsed = Cron.parse(cron, timezone)
        # What can't be enqueued at an occurrence is refused now.
        intake_of(job, kind, stored("0", kind.name))
        if key is None:
            chance = int.from_bytes(self._chance.random_bytes(CHANCE_BYTES), "big")
            schedule_id = new_job_id(self._clock.now_ms(), chance, kind.name, job.tenant)
        else:
            schedule_id = occurrence_job_id(f"{job.tenant}/{key}", 0, kind.name, job.tenant)
        now, _, kept = await self._link.views.schedules(kind.name, "", MAX_SCHEDULES)
        if len(kept) >= MAX_SCHEDULES and schedule_id not in {schedule.id for schedule in kept}:
            raise InvalidInput(
                f"{kind.name} has {MAX_SCHEDULES:,} schedules; that is the limit",
                code="too_many_schedules",
            )
        before = next((old for old in kept if old.id == schedule_id), None)
        same_times = before is not None and (before.cron, before.timezone) == (cron, timezone)
        schedule = Schedule(
            id=schedule_id,
            type=kind.name,
            tenant=job.tenant,
            cron=cron,
            timezone=timezone,
            payload=job.payload,
            options=job.options,
            key=key,
            version=kind.version,
            paused=before.paused if before else False,
            next_ms=before.next_ms if before and same_times else parsed.next_after(now),
        )
        await self._write(schedule)
        return await self.get(kind.name, schedule_id, job.tenant)

    async def all(self, job_types: Iterable[str], tenant: str | None) -> list[Schedule]:
        """Every schedule of a tenant, or of all."""
        found: list[Schedule] = []
        for job_type in sorted(job_types):
            found += (await self._link.views.schedules(job_type, "", MAX_SCHEDULES))[2]
        return [schedule for schedule in found if tenant in (None, schedule.tenant)]

    async def get(self, job_type: str, schedule_id: str, tenant: str | None) -> Schedule:
        """One schedule. Raises NotFound, also for another tenant's."""
        _, _, found = await self._link.views.schedules(job_type, schedule_id, 1)
        if not found or tenant not in (None, found[0].tenant):
            raise NotFound(f"there is no schedule {schedule_id:.64}", code="schedule_not_found")
        return found[0]

    async def remove(self, schedule: Schedule) -> None:
        await self._link.commands.put_schedule(
            schedule.type, schedule.id, schedule.tenant, b"", None
        )

    async def set_paused(self, schedule: Schedule, paused: bool) -> Schedule:
        """Pause or resume; resumed, it goes on with the next occurrence from now."""
        now, _, _ = await self._link.views.schedules(schedule.type, schedule.id, 1)
        next_ms = Cron.parse(schedule.cron, schedule.timezone).next_after(now)
        await self._write(msgspec.structs.replace(schedule, paused=paused, next_ms=next_ms))
        return await self.get(schedule.type, schedule.id, schedule.tenant)

    async def _write(self, schedule: Schedule) -> None:
        next_ms = None if schedule.paused else schedule.next_ms
        spec = encode_spec(spec_of(schedule))
        await self._link.commands.put_schedule(
            schedule.type, schedule.id, schedule.tenant, spec, next_ms
        )
