"""The game's part of standby: who may be handed a job, what of it is heard, and what the next turn
brings. What a worker believes is the engine's own (``engine/standby.py``).
"""

from __future__ import annotations

from typing import NamedTuple

from cotiza_queue.engine.standby import Standby
from cotiza_queue.store.asked import Intake
from cotiza_queue.store.commands import Delivery, Settlement, Stand, Turn

from . import version_model
from .bench import Bench, Handle
from .oracle import Model
from .snapshot import Snapshot
from .violation import Violation

FRESH_MS = 2000
"""lua/lib/59_standby.lua"""


class There(NamedTuple):
    """Who is on standby, since when, and what it was handed."""

    worker: str
    since: int
    delivery: Delivery | None = None


class StandbyPlay:
    """Part of Play."""

    bench: Bench
    model: Model
    seen: Snapshot
    handles: list[Handle]
    standbys: dict[str, Standby]
    _placed: set[str]
    there: There | None = None
    handed: There | None = None
    """As long as the job has no place."""
    copy: Delivery | None = None
    """What the last turn has brought again."""
    attempts: dict[int, int]
    """How many a job has that was handed over, by token."""

    # the server's side

    def hand(self, intake: Intake, alone: bool, heard: bool) -> None:
        """One has come alone; perhaps somebody was told of it."""
        told = self.bench.told()
        if not told:
            return
        ((worker, delivery),) = told
        self._may_have(worker, intake, alone)
        assert self.there is not None
        self.there = self.handed = There(worker, self.there.since, delivery)
        self.attempts[delivery.token] = intake.attempts
        row = (delivery.id, delivery.tenant, delivery.body, delivery.created_ms, delivery.attempt)
        self._same("I21", row, (intake.id, intake.tenant, intake.body, self.now, 1))
        if heard and self.standby(worker).hear(delivery):
            self._begun(worker, delivery)

    def _may_have(self, worker: str, intake: Intake, alone: bool) -> None:
        there, caps, model = self.there, self.model.caps, self.model
        if there is None or there.worker != worker or there.delivery is not None:
            self._fail(Violation("F8", f"{worker} was handed {intake.id}, and is not on standby"))
        elif there.since + FRESH_MS <= self.now:
            self._fail(Violation("F8", f"{worker} was handed {intake.id} after a long silence"))
        if not (alone and caps[""].free and caps[intake.tenant].free):
            self._fail(Violation("I12", f"{intake.id} was handed over, and has to wait"))
        if intake.version > version_model.KNOWS.get(worker, 1):
            self._fail(Violation("G8", f"{intake.id} was handed to {worker}"))
        hashes = self._look().hashes
        if first := [j.id for j in model.waiting() if hashes.get(f"job:{j.id}", {}).get("entry")]:
            self._fail(Violation("I12", f"{intake.id} was handed over before {first}"))

    def start_handed(self, intake: Intake) -> None:
        """It has its place by now, and runs."""
        handed = self.handed
        if handed is None or handed.delivery is None or handed.delivery.id != intake.id:
            return
        worker, delivery, self.handed = handed.worker, handed.delivery, None
        self._placed.discard(intake.id)
        if delivery.token <= self.model.highest_token:
            self._fail(Violation("I3", f"token {delivery.token} is not the highest so far"))
        self.model.highest_token = delivery.token
        self.model.start(self.model.jobs[intake.id], worker, delivery.token, self.now)

    def stood(self, worker: str, said: Stand | None, turn: Turn) -> list[Delivery]:
        """A turn was answered: what of it is new to the server's side."""
        mine = self.there if self.there and self.there.worker == worker else None
        self.copy = copy = self._copy(mine, said, turn)
        if said is not None and mine is not None:
            self.there = None
        if said is not None and said.idle and not turn.deliveries:
            there = self.there
            if there is None or there.since + FRESH_MS <= self.now:
                self.there = There(worker, self.now)
        return [each for each in turn.deliveries if each != copy]

    def _copy(self, mine: There | None, said: Stand | None, turn: Turn) -> Delivery | None:
        """What the worker was handed comes again if it has not heard of it and it still runs."""
        handed = mine and mine.delivery
        job = self.model.jobs.get(handed.id) if handed else None
        runs = handed and job and job.status == "active" and job.token == handed.token
        due = runs and said is not None and handed is not None and said.heard != handed.token
        got = [each for each in turn.deliveries if handed and each.token == handed.token]
        self._same("I21", got, [handed] if due else [])
        return got[0] if got else None

    # the worker's side

    def standby(self, worker: str) -> Standby:
        return self.standbys.setdefault(worker, Standby())

    def says(self, worker: str, outcomes: list[Settlement], idle: bool) -> Stand | None:
        """Who runs what it was handed, and does not settle it now, has something to do."""
        standby, settled = self.standby(worker), {each.token for each in outcomes}
        busy = standby.heard in {*self.running(worker).values()} - settled
        return standby.turn(idle and not busy)

    def learn(self, worker: str, said: Stand | None, turn: Turn, heard: bool) -> None:
        """The worker has the reply, or has waited for it in vain."""
        if not heard:
            self.standby(worker).failed(for_good=False)
            return
        news = self.standby(worker).answered(said, turn).deliveries
        if self.copy in news:
            self._begun(worker, self.copy)

    def _begun(self, worker: str, delivery: Delivery) -> None:
        self.running(worker)[delivery.id] = delivery.token
        attempts = self.attempts[delivery.token]
        self.handles.append(Handle(worker, delivery.id, delivery.token, 1, attempts))

    # what Play has

    @property
    def now(self) -> int:
        raise NotImplementedError

    def running(self, worker: str) -> dict[str, int]:
        raise NotImplementedError

    def _look(self) -> Snapshot:
        raise NotImplementedError

    def _same(self, code: str, got: object, wanted: object) -> None:
        raise NotImplementedError

    def _fail(self, violation: Violation) -> None:
        raise NotImplementedError
