"""Verbs of the game about schedules."""

from __future__ import annotations

from cotiza_queue.model.ids import occurrence_job_id
from cotiza_queue.model.policy import JobOptions

from .intake_play import TYPE, IntakePlay

MINUTE_MS = 60_000


class SchedulePlay(IntakePlay):
    """Part of Play."""

    def next_minute(self) -> int:
        return self.now // MINUTE_MS * MINUTE_MS + MINUTE_MS

    def schedule(self, id_: str, how: str) -> None:
        """``how``: put | pause | remove"""
        due = self.next_minute() if how == "put" else None
        spec = b"" if how == "remove" else b"spec"
        call = self.bench.commands.put_schedule(TYPE.name, id_, "ta", spec, due)
        done = self._call(f"schedule {id_}: {how}, due {due}", call)
        self._same("I13", done, how != "remove" or id_ in self.model.schedules)
        self.model.schedule(id_, how, due)
        self._check()

    def fire(self, id_: str, options: JobOptions, times: int) -> None:
        """As ``times`` workers do that have all seen the schedule due."""
        known = self.model.schedules.get(id_)
        if known is None or known.due is None or known.due > self.now:
            return
        occurrence, following = known.due, self.next_minute()
        intake = self.intake(occurrence_job_id(id_, occurrence, TYPE.name, "ta"), "ta", options)
        for _ in range(times):
            call = self.bench.commands.fire(TYPE.name, id_, occurrence, following, intake)
            done = self._call(f"fire {id_} at {occurrence}, next {following}", call)
            self._same("I13", done, self.model.fire(id_, occurrence, following, intake, self.now))
            self._left_lanes()
            self._check()
