"""The verbs of the queue, each played on the real server and in the model, and compared.

``Bench``: a server with one library on it, for many games. ``Play``: one game from an empty server.
Every call is a step: the answer must be the model's, and afterwards every container is checked.
Lost replies: the server has done it, and the worker was never told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from cotiza_queue.engine.intake import intake_of
from cotiza_queue.errors import CotizaError
from cotiza_queue.model.ids import occurrence_job_id
from cotiza_queue.model.job import JobType, NewJob
from cotiza_queue.model.policy import JobOptions
from cotiza_queue.store import connection as connection_module
from cotiza_queue.store.commands import Commands, Delivery, Intake, Settlement, Turn
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.library import Library
from cotiza_queue.store.views import Views

from . import invariants, snapshot
from .invariants import MAX_STALLS, Violation
from .oracle import FINAL, Job, Limits, Model
from .server import EPOCH_MS, TimedServer

T = TypeVar("T")
TYPE = JobType[Any]("model")
LEASE_MS = 3000
MINUTE_MS = 60_000
_HANDLES = 40
_TOLD = 60
"""The last so many lines of a game are told when it fails."""


class Handle(NamedTuple):
    """What a worker holds of a delivery; kept after it has lost the job."""

    worker: str
    id: str
    token: int
    attempt: int
    attempts: int


class Bench:
    """A server and the library under test. ``steps``: calls played and checked so far."""

    def __init__(self, server: TimedServer, library: Library, limits: Limits) -> None:
        self.clock = server.clock
        self.limits = limits
        self.steps = 0
        self.games = 0
        self.caught: tuple[int, str] | None = None
        """At which step the first violation was seen, and its code."""
        self._library = library
        self._loop = asyncio.new_event_loop()
        self.connection = Connection(server.url)
        self.commands = Commands(self.connection)
        self.views = Views(self.connection)

    @contextmanager
    def in_use(self) -> Iterator[Bench]:
        """Connections use the bench's library within the block; the bench is closed after it."""
        genuine = connection_module.library
        connection_module.library = lambda: self._library  # type: ignore[assignment]
        try:
            yield self
        finally:
            connection_module.library = genuine
            self._loop.run_until_complete(self.connection.close())
            self._loop.close()

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(call)

    def empty(self) -> None:
        """A new game: an empty server, at the first moment."""
        self.clock.now_ms = EPOCH_MS
        self.run(self.connection.command("FLUSHALL"))
        self.games += 1


class Play:
    """One game. ``told``: what happened, a line a call."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.model = Model(bench.limits)
        self.told: list[str] = []
        self.handles: list[Handle] = []
        self.known: dict[str, dict[str, int]] = {}
        """What each worker believes to be running: job id → token."""
        self.broken = False
        self._history = invariants.History()
        bench.empty()

    @property
    def now(self) -> int:
        return self.bench.clock.now_ms

    def running(self, worker: str) -> dict[str, int]:
        return self.known.setdefault(worker, {})

    # -- the verbs

    def enqueue(self, asked: list[Intake]) -> None:
        said = f"enqueue {[(i.id, i.lane, i.delay_ms, i.unique) for i in asked]}"
        rows = self._call(said, self.bench.commands.enqueue(TYPE.name, asked))
        for intake, row in zip(asked, rows, strict=True):
            wanted = self.model.accept(intake, self.now)
            self._same("I5", (row.job_id, row.created, str(row.status)), wanted)
        self._check()

    def turn(
        self, worker: str, want: int, outcomes: list[Settlement] | None = None, heard: bool = True
    ) -> list[Delivery]:
        outcomes = outcomes or []
        told = [(o.kind, o.id, o.token) for o in outcomes]
        said = f"{worker}: turn {told} want {want}{'' if heard else ' (reply lost)'}"
        turn = self._call(said, self.bench.commands.turn(TYPE.name, worker, want, outcomes))
        answers = [self.model.settle(o, self.now) for o in outcomes]
        self._same("I3", list(turn.answers), answers)
        self.model.promote(self.now)
        self._same("I7", turn.next_due_ms, self.model.next_due())
        self._delivered(worker, turn, self.model.take(worker, want, self.now), heard)
        running = self.running(worker)
        for outcome in outcomes if heard else []:
            if running.get(outcome.id) == outcome.token:
                del running[outcome.id]
        for delivery in turn.deliveries if heard else []:
            running[delivery.id] = delivery.token
        self._check()
        return turn.deliveries

    def _delivered(self, worker: str, turn: Turn, wanted: list[Job], heard: bool) -> None:
        got = [d.id for d in turn.deliveries]
        if got != [j.id for j in wanted]:
            self._fail(self._misdelivery(got, [j.id for j in wanted]))
        for delivery, job in zip(turn.deliveries, wanted, strict=True):
            wanted_row = (job.attempt, job.stalls, job.created, job.intake.tenant, job.intake.body)
            d = delivery
            self._same("I21", (d.attempt, d.stalls, d.created_ms, d.tenant, d.body), wanted_row)
            if delivery.token <= self.model.highest_token:
                self._fail(Violation("I3", f"token {delivery.token} is not the highest so far"))
            job.token = self.model.highest_token = delivery.token
            if heard:
                attempts = job.intake.attempts
                self.handles.append(
                    Handle(worker, delivery.id, delivery.token, delivery.attempt, attempts)
                )
        del self.handles[:-_HANDLES]

    def _misdelivery(self, got: list[str], wanted: list[str]) -> Violation:
        text = f"{got} started instead of {wanted}"
        for id_ in got:
            job = self.model.jobs.get(id_)
            if id_ not in wanted and (job is None or job.status != "waiting"):
                status = job.status if job else "gone"
                code = {"delayed": "I7", "cancelled": "I14", "active": "I1"}.get(status, "I2")
                return Violation(code, f"{text}: {id_} is {status}")
        return Violation("I10" if len(got) < len(wanted) else "I11", text)

    def renew(self, worker: str, held: list[tuple[str, int]]) -> None:
        call = self.bench.commands.renew(TYPE.name, worker, b"{}", LEASE_MS, held)
        lost = self._call(f"{worker}: renew {held}", call)
        wanted = []
        for id_, token in held:
            job = self.model.jobs.get(id_)
            if job is not None and job.status == "active" and job.token == token:
                job.leased = self.now
            else:
                wanted.append(id_)
        self._same("I3", lost, wanted)
        for id_, token in held:
            if id_ in lost and self.running(worker).get(id_) == token:
                del self.running(worker)[id_]
        self._check()

    def progress(self, handle: Handle, value: bytes) -> None:
        call = self.bench.commands.progress(TYPE.name, handle.id, handle.token, value)
        taken = self._call(f"{handle.worker}: progress {handle.id}#{handle.token}", call)
        job = self.model.jobs.get(handle.id)
        mine = job is not None and job.status == "active" and job.token == handle.token
        self._same("I23", taken, mine)
        if job is not None and mine:
            job.progress = value
        self._check()

    def reclaim(self, worker: str) -> int:
        call = self.bench.commands.reclaim(TYPE.name, worker, LEASE_MS, MAX_STALLS)
        rows = self._call(f"{worker}: reclaim", call)
        for id_, status in rows:
            job = self.model.jobs.get(id_)
            if job is None or job.status != "active" or self.now - job.leased < LEASE_MS:
                self._fail(Violation("I3", f"{id_} was taken from a living owner"))
                return 0
            self._same("I6", status, self.model.recover(job, MAX_STALLS, self.now))
        self._check()
        return len(rows)

    def reclaim_all(self, worker: str) -> None:
        """As often as a page can be needed; then no stale job may be left."""
        active = [j for j in self.model.jobs.values() if j.status == "active"]
        for _ in range(len(active) // self.bench.limits.page + 3):
            self.reclaim(worker)
        left = [j.id for j in active if j.status == "active" and self.now - j.leased >= LEASE_MS]
        if left:
            self._fail(Violation("I9", f"{left} are stale and stay so"))

    def sweep(self, worker: str) -> None:
        running = set(self.running(worker))
        call = self.bench.commands.sweep(TYPE.name, worker, sorted(running))
        rows = self._call(f"{worker}: sweep, running {sorted(running)}", call)
        self._same("I9", set(rows), self.model.stranded(worker, running))
        for id_ in rows:
            self.model.jobs[id_].token = None
            self.model.spare(self.model.jobs[id_], self.now)
        self._check()

    def leave(self, worker: str) -> None:
        held = self._call(f"{worker}: leave", self.bench.commands.leave(TYPE.name, worker))
        self._same("I9", held, len(self.model.stranded(worker, set())))
        self.known.pop(worker, None)
        self._check()

    def crash(self, worker: str) -> None:
        self._tell(f"{worker}: crash, was running {sorted(self.running(worker))}")
        self.known.pop(worker, None)

    def cancel(self, id_: str, tenant: str) -> None:
        answer = self._call(
            f"cancel {id_} as {tenant!r}", self.bench.commands.cancel(TYPE.name, id_, tenant)
        )
        self._same("I14", answer, self.model.cancel(id_, tenant, self.now))
        self._check()

    def replay(self, id_: str, tenant: str) -> None:
        answer = self._call(
            f"replay {id_} as {tenant!r}", self.bench.commands.replay(TYPE.name, id_, tenant)
        )
        self._same("I2", answer, self.model.replay(id_, tenant, self.now))
        self._check()

    def bury(self, id_: str, tenant: str) -> None:
        done = self._call(
            f"bury {id_} as {tenant!r}", self.bench.commands.bury(TYPE.name, id_, tenant)
        )
        self._same("I16", done, self.model.purge(id_, tenant))
        self._check()

    def pause(self, paused: bool) -> None:
        changed = self._call(f"pause {paused}", self.bench.commands.pause(TYPE.name, paused))
        self._same("I1", changed, self.model.paused != paused)
        self.model.paused = paused
        self._check()

    def prune(self, limit: int, dead_age: int) -> int:
        call = self.bench.commands.prune(TYPE.name, limit, dead_age, 600_000)
        removed = self._call(f"prune {limit}, letters older than {dead_age}", call)
        self._same("I20", removed, self.model.prune(limit, dead_age, self.now))
        self._check()
        return removed

    def clean(self, status: str, grace: int, limit: int) -> None:
        call = self.bench.commands.clean(TYPE.name, status, grace, limit)
        removed = self._call(f"clean {status} older than {grace}, {limit}", call)
        self._same("I20", removed, self.model.clean(status, grace, limit, self.now))
        self._check()

    # -- schedules

    def schedule(self, id_: str, how: str) -> None:
        """``how``: put | pause | remove"""
        due = self.now // MINUTE_MS * MINUTE_MS + MINUTE_MS if how == "put" else None
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
        occurrence, following = known.due, self.now // MINUTE_MS * MINUTE_MS + MINUTE_MS
        intake = self.intake(occurrence_job_id(id_, occurrence, TYPE.name), "ta", options)
        for _ in range(times):
            call = self.bench.commands.fire(TYPE.name, id_, occurrence, following, intake)
            done = self._call(f"fire {id_} at {occurrence}, next {following}", call)
            self._same("I13", done, self.model.fire(id_, occurrence, following, intake, self.now))
            self._check()

    # -- what everybody sees

    def look(self, tenant: str, id_: str) -> None:
        """Reading, as one tenant: everything of its own, nothing of another's."""
        views, model = self.bench.views, self.model
        mine = [j for j in model.jobs.values() if tenant in ("", j.intake.tenant)]
        job = self._call(f"look at {id_} as {tenant!r}", views.job(TYPE.name, id_, tenant))
        wanted = next(((j.id, j.status, j.attempt) for j in mine if j.id == id_), None)
        self._same("I16", job and (job.id, str(job.status), job.attempt), wanted)
        _, rows = self._call("list", views.jobs(TYPE.name, tenant, "", 1000, ""))
        ids = [j.id for j in sorted(mine, key=lambda j: -j.seq)]
        self._same("I16", [job.id for _, job in rows], ids)
        _, letters = self._call("letters", views.dead_letters(TYPE.name, tenant, "", 1000))
        owned = {i for i, x in model.letters.items() if tenant in ("", x.intake.tenant)}
        self._same("I16", {letter.job_id for letter in letters}, owned)
        m = self._call("metrics", views.metrics(TYPE.name))
        n = model.counts()
        got = (m.waiting, m.active, m.delayed, m.completed, m.failed, m.cancelled, m.paused)
        wanted_row = tuple(n[s] for s in ("waiting", "active", "delayed", *FINAL))
        self._same("I19", got, (*wanted_row, model.paused))

    # -- the world

    def tick(self, ms: int) -> None:
        self.bench.clock.now_ms += ms
        self._tell(f"{ms:+} ms")

    def flush_functions(self) -> None:
        self._call("FUNCTION FLUSH", self.bench.connection.command("FUNCTION", "FLUSH"))

    def intake(self, id_: str, tenant: str, options: JobOptions) -> Intake:
        return intake_of(NewJob(TYPE.name, {"n": id_}, tenant, options), TYPE, id_)

    def finish(self) -> None:
        """Everything heals, and all that is left must end, be forgotten, and leave nothing."""
        self._tell("heal and drain")
        if self.model.paused:
            self.pause(False)
        self.known.clear()
        for id_ in list(self.model.schedules):
            self.schedule(id_, "remove")
        self.tick(LEASE_MS)
        self.reclaim_all("w9")
        for _ in range(200):
            outcomes = [Settlement("complete", i, t) for i, t in self.running("w9").items()]
            due = self.model.next_due()
            if not outcomes and due is not None:
                self.tick(max(0, due - self.now))
            self.turn("w9", 20, outcomes)
            if all(j.status in FINAL for j in self.model.jobs.values()):
                break
        else:
            self._fail(Violation("I9", "the queue does not drain"))
        last = max((j.expires for j in self.model.jobs.values()), default=self.now)
        self.tick(max(0, last - self.now))
        # Stream ids never go back, also when the clock does: letters may be younger than now.
        self.tick(10 * MINUTE_MS)
        while self.prune(100, 0):
            pass
        invariants_left = self.bench.run(self._snapshot())
        invariants.check_idle(invariants_left)

    # -- machinery

    def _call(self, said: str, call: Coroutine[Any, Any, T]) -> T:
        self._tell(said)
        try:
            answer = self.bench.run(call)
        except CotizaError as error:
            self._fail(Violation("call", f"{said}: {error}"))
            raise
        self.told[-1] += f" -> {_short(answer)}"
        return answer

    def _tell(self, line: str) -> None:
        self.told.append(f"{self.now - EPOCH_MS:>9} ms  {line}")

    def _same(self, code: str, got: object, wanted: object) -> None:
        if got != wanted:
            self._fail(Violation(code, f"the server says {got!r}, the model {wanted!r}"))

    def _check(self) -> None:
        self.bench.steps += 1
        found = self.bench.run(self._snapshot())
        try:
            invariants.check(self.model, found)
            self._history.check(self.model, found)
        except Violation as violation:
            self._fail(violation)

    async def _snapshot(self) -> snapshot.Snapshot:
        return await snapshot.read(self.bench.connection, TYPE.name, self._history.after)

    def _fail(self, violation: Violation) -> None:
        self.broken = True
        if self.bench.caught is None:
            self.bench.caught = (self.bench.steps, violation.code)
        violation.add_note("\n".join(["what was played:", *self.told[-_TOLD:]]))
        raise violation


def _short(answer: object) -> str:
    if isinstance(answer, Turn):
        taken = [f"{d.id}#{d.token}" for d in answer.deliveries]
        return f"{answer.answers} took {taken}"
    text = repr(answer)
    return text if len(text) < 120 else text[:117] + "..."
