"""Verbs of the game about coming in and what may be changed before a job starts."""

from __future__ import annotations

import itertools
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from cotiza_queue.engine.intake import intake_of
from cotiza_queue.model.job import Enqueued, JobType, NewJob
from cotiza_queue.model.policy import JobOptions
from cotiza_queue.store.asked import Changed, Intake
from cotiza_queue.store.ids import stored

from .bench import BLOCK, BODY, INBOX, Bench
from .naming import named
from .oracle import Model
from .snapshot import Snapshot
from .standby_play import StandbyPlay
from .unique_model import sensible

T = TypeVar("T")
TYPE = JobType[Any]("model")


class IntakePlay(StandbyPlay):
    """Part of Play."""

    bench: Bench
    model: Model
    seen: Snapshot
    _calls: itertools.count[int]
    _inbox: list[tuple[Intake, int]]
    """What has come alone, and when, since the last call of another kind."""
    _placed: set[str]
    """What the last such call has found there."""

    def enqueue(self, asked: list[Intake]) -> None:
        told = [(i.id, i.lane, i.delay_ms, i.unique, i.duplicate) for i in asked]
        rows = self._call(f"enqueue {told}", self.bench.commands.enqueue(TYPE.name, asked))
        for intake, row in zip(asked, rows, strict=True):
            wanted = self.model.accept(intake, self.now, bounded=True)
            if isinstance(row, Enqueued):
                self._same("I5", (row.job_id, row.created, str(row.status)), wanted)
            else:
                self._same("A10", row.code, wanted[0])
        self._left_lanes()
        self._check()

    def post(self, intake: Intake, heard: bool = True) -> None:
        """One comes alone; ``heard``: who is handed it hears of it.

        Where jobs are limited by number, or were once, it is placed at once."""
        if self.model.bounded:
            self.enqueue([intake])
            return
        (row,) = self._call(f"post {intake.id}", self.bench.commands.enqueue(TYPE.name, [intake]))
        told = (row.job_id, row.created, str(row.status), row.created_ms)
        self._same("I5", told, (intake.id, True, "waiting", self.now))
        if len(self._inbox) == INBOX:
            self.place()
        self.hand(intake, not self._inbox, heard)
        self._inbox.append((intake, self.now))
        there = self._look().lists.get("inbox", [])
        self._same("I1", len(there), 3 * len(self._inbox))

    def place(self) -> None:
        """The next call finds them in their places."""
        self.model.next_block(BLOCK)
        self._placed = {intake.id for intake, _ in self._inbox}
        for intake, came in self._inbox:
            self.model.accept(intake, came)
            self.start_handed(intake)
        self._inbox.clear()

    def change(self, id_: str, tenant: str, asked: Changed) -> None:
        """``asked.read`` need not be what is there."""
        said = f"change {id_} as {tenant!r}: {asked}"
        answer = self._call(said, self.bench.commands.change(TYPE.name, id_, tenant, asked))
        self._same("A7", answer, self.model.change(id_, tenant, asked, self.now))
        self._left_lanes()
        self._check()

    def intake(self, id_: str, tenant: str, options: JobOptions) -> Intake:
        """No two bodies are alike; one in three is too large to lie among others."""
        call, id_ = next(self._calls), named(id_)
        payload = {"call": call, "pad": "x" * BODY * (call % 3 == 0)}
        job = NewJob(type=TYPE.name, payload=payload, tenant=tenant, options=sensible(options))
        return intake_of(job, TYPE, stored(id_, TYPE.name))

    def tick(self, ms: int) -> None:
        """A clock that goes back stays this side of what has lapsed: Redis may have removed it."""
        keys = self.model.keys
        self.bench.clock.now_ms = max(self.now + ms, min(self.now, keys.latest + 1))
        keys.lapse(self.now)
        self._tell(f"{ms:+} ms")

    def _left_lanes(self) -> None:
        """Entries of a lane that stood for a job before this call, or came to with its beginning,
        and do so no more.
        """
        before, now = dict(_standing(self.seen)), self._look()
        for name, lane in now.lanes.items():
            before |= {i: (name, e) for e, i in lane.entries.items() if i in self._placed}
        for id_, entry in _standing(now):
            if before.get(id_) == entry:
                del before[id_]
        self.model.tombstones |= set(before.values())
        self._placed.clear()

    # what Play has

    @property
    def now(self) -> int:
        raise NotImplementedError

    def _call(self, said: str, call: Coroutine[Any, Any, T]) -> T:
        raise NotImplementedError

    def _tell(self, line: str) -> None:
        raise NotImplementedError

    def _same(self, code: str, got: object, wanted: object) -> None:
        raise NotImplementedError

    def _check(self, found: Snapshot | None = None) -> None:
        raise NotImplementedError

    def _look(self) -> Snapshot:
        raise NotImplementedError


def _standing(seen: Snapshot) -> Iterator[tuple[str, tuple[str, str]]]:
    """(job id, (lane, entry)) of waiting jobs in a lane."""
    for name, fields in seen.hashes.items():
        if name.startswith("job:") and fields.get("status") == "waiting" and fields.get("entry"):
            yield name[4:], (fields["lane"], fields["entry"])
