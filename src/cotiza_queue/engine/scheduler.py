"""Turns the occurrences of schedules into jobs: each exactly once, however many workers try.

An occurrence's job id is a function of schedule and moment, and the server moves the schedule on in
the same call. If occurrences passed while no worker ran, one job makes up for all of them.
"""

from __future__ import annotations

from typing import Any

from ..errors import InvalidInput
from ..model.cron import Cron
from ..model.ids import occurrence_job_id
from ..model.job import JobType, NewJob, Schedule
from ..store.commands import Commands
from ..store.ids import stored
from ..store.views import Views, encode_spec, spec_of
from ..telemetry import Telemetry
from .intake import intake_of

_PAGE = 20
_POLL_S = 1.0


class Scheduler:
    """The schedules of one job type."""

    name = "scheduler"

    def __init__(
        self, commands: Commands, views: Views, job_type: JobType[Any], telemetry: Telemetry
    ) -> None:
        self._commands = commands
        self._views = views
        self._job_type = job_type
        self._telemetry = telemetry

    async def tick(self) -> float:
        now, next_due, due = await self._views.schedules(self._job_type.name, "due", _PAGE)
        # What a newer program has written is for its own workers to fire.
        mine = [schedule for schedule in due if schedule.version <= self._job_type.version]
        for schedule in mine:
            await self._fire(schedule, now)
        if mine:
            return 0.0
        if due:
            return _POLL_S
        return _POLL_S if next_due is None else min(_POLL_S, max(0, next_due - now) / 1000)

    async def _fire(self, schedule: Schedule, now: int) -> None:
        occurrence = schedule.next_ms
        if occurrence is None:
            return
        following: int | None = None
        try:
            following = Cron.parse(schedule.cron, schedule.timezone).next_after(now)
            id_ = occurrence_job_id(schedule.id, occurrence, schedule.type, schedule.tenant)
            job = intake_of(
                NewJob(
                    type=schedule.type,
                    payload=self._job_type.lifted(schedule.payload, schedule.version),
                    tenant=schedule.tenant,
                    options=schedule.options,
                ),
                self._job_type,
                stored(id_, schedule.type),
                schedule_id=schedule.id,
            )
        except InvalidInput as error:
            # Its payload, or its time zone, was good once and is no more: it must not hold up the
            # others. Without a next moment it rests until somebody writes it anew.
            self._telemetry.warn("schedule.invalid", schedule=schedule.id, error=error.message)
            spec = encode_spec(spec_of(schedule))
            await self._commands.put_schedule(
                schedule.type, schedule.id, schedule.tenant, spec, following
            )
            return
        if await self._commands.fire(schedule.type, schedule.id, occurrence, following, job):
            self._telemetry.say(
                "schedule.fired", schedule=schedule.id, type=schedule.type, at=occurrence
            )
