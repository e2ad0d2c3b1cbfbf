"""The verbs of the queue, each played on the real server and in the model, and compared.

``Play``: one game from an empty server. Every call is a step: the answer must be the model's, and
afterwards every container is checked.
Lost replies: the server has done it, and the worker was never told.
"""

from __future__ import annotations

import itertools
from collections.abc import Coroutine
from typing import Any, TypeVar

from cotiza_queue.errors import CotizaError
from cotiza_queue.store.commands import Delivery, Settlement
from cotiza_queue.store.views import Which

from . import invariants, order, snapshot, version_model
from .bench import BLOCK, Bench, Handle
from .intake_play import TYPE as TYPE
from .invariants import MAX_STALLS, Violation
from .naming import lying, whose
from .oracle import FINAL, Model
from .schedule_play import SchedulePlay
from .server import EPOCH_MS
from .telling import short

T = TypeVar("T")
LEASE_MS = 3000
LIFTED = dict.fromkeys(
    ("concurrency", "period", "burst", "weight", "depth", "shares", "max_wait"), ""
)
_HANDLES = 40
_TOLD = 60  # lines of a game, when it fails


class Play(SchedulePlay):
    """One game. ``told``: what happened, a line a call."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.model = Model(bench.page)
        self.seen = snapshot.Snapshot()  # after the last step
        self.told: list[str] = []
        self.handles: list[Handle] = []
        self.standbys, self.attempts = {}, {}
        self.known: dict[str, dict[str, int]] = {}
        """What each worker believes to run: job id → token."""
        self.broken = False
        self._calls, self._inbox, self._placed = itertools.count(), [], set()
        self._history = invariants.History()
        bench.empty()

    @property
    def now(self) -> int:
        return self.bench.clock.now_ms

    def running(self, worker: str) -> dict[str, int]:
        return self.known.setdefault(worker, {})

    # -- the verbs

    def turn(
        self,
        worker: str,
        want: int,
        outcomes: list[Settlement] | None = None,
        heard: bool = True,
        idle: bool = False,
    ) -> list[Delivery]:
        outcomes = outcomes or []
        told = [(o.kind, whose(o), o.token) for o in outcomes]
        said = f"{worker}: turn {told} want {want}{'' if heard else ' (reply lost)'}"
        knows = version_model.KNOWS.get(worker, 1)
        stands = self.says(worker, outcomes, idle)
        turn = self._call(
            f"{said}{', idle' if idle else ''}",
            self.bench.commands.turn(
                TYPE.name, worker, want, outcomes, version=knows, stand=stands
            ),
        )
        answers = [self.model.settle(o, self.now) for o in outcomes]
        self._same("I3", list(turn.answers), answers)
        self.model.promote(self.now)
        due = self.model.next_due()
        if due is not None and (turn.next_due_ms is None or turn.next_due_ms > due):
            self._fail(Violation("I7", f"next due {turn.next_due_ms}, and {due} is"))
        self.seen = self._look()
        # A page of tombstones was not enough: the next turn goes on.
        later = [turn.next_due_ms, *self.seen.zsets.get("put_off", {}).values()]
        cut_short = any(moment is not None and moment <= self.now for moment in later)
        standing = {
            n[4:] for n, f in self.seen.hashes.items() if n[:4] == "job:" and f.get("entry")
        }
        came = self.stood(worker, stands, turn)
        self.model.fresh = self._released()
        try:
            self.model.forget(self.seen.hashes, self.now)
            version_model.move(self.model, self.seen)
            at = order.At(max(0, want - bool(self.copy)), self.now, knows)
            stand = None if cut_short else standing - self.model.fresh
            order.taken(self.model, [d.id for d in came], at, stand)
        except Violation as violation:
            self._fail(violation)
        self._taken(worker, came, heard)
        for job in self.model.waiting():
            self.model.give_back(job, self.seen.hashes.get(f"job:{job.id}", {}))
        del self.handles[:-_HANDLES]
        running = self.running(worker)
        for outcome in outcomes if heard else []:
            if running.get(whose(outcome)) == outcome.token:
                del running[whose(outcome)]
        for delivery in came if heard else []:
            running[delivery.id] = delivery.token
        self.learn(worker, stands, turn, heard)
        self._check(self.seen)
        return turn.deliveries

    def _released(self) -> set[str]:
        """Jobs behind one that a take found past its deadline: they come amid the take."""
        fresh = set[str]()
        for id_ in [f["job"].decode() for _, f in self.seen.events if f["name"] == b"failed"]:
            job = self.model.jobs.get(id_)
            if job is not None and job.status == "waiting" and job.next:
                fresh.add(job.next)
                self.model.bury(job, self.now)
        return fresh

    def _taken(self, worker: str, deliveries: list[Delivery], heard: bool) -> None:
        """What a take handed out or found past its deadline, in the order that the events tell."""
        by_id = {d.id: d for d in deliveries}
        for name, id_ in [(f["name"], f["job"].decode()) for _, f in self.seen.events]:
            job = self.model.jobs.get(id_)
            if name == b"active" and id_ in by_id:
                self._delivered(worker, by_id.pop(id_), heard)
            elif name == b"failed" and job is not None and job.status == "waiting":
                self.model.bury(job, self.now)
        self._same("F8", list(by_id), [])

    def _delivered(self, worker: str, got: Delivery, heard: bool) -> None:
        job = self.model.jobs[got.id]
        if got.token <= self.model.highest_token:
            self._fail(Violation("I3", f"token {got.token} is not the highest so far"))
        self.model.highest_token = got.token
        self.model.start(job, worker, got.token, self.now)
        wanted = (job.attempt, job.stalls, job.created, job.intake.tenant, job.intake.body)
        wanted += (job.snoozed, job.deadline, bool(job.saved))
        row = (got.attempt, got.stalls, got.created_ms, got.tenant, got.body)
        row += (got.snoozed, got.deadline_ms, got.saved)
        self._same("I21", row, wanted)
        if heard:
            known = (job.intake.attempts, got.snoozed)
            self.handles.append(Handle(worker, got.id, got.token, got.attempt, *known))

    def renew(self, worker: str, held: list[tuple[str, int]]) -> None:
        named = [(lying(id_), token) for id_, token in held]
        call = self.bench.commands.renew(TYPE.name, worker, b"{}", LEASE_MS, named)
        lost = self._call(f"{worker}: renew {held}", call)
        wanted = []
        for id_, token in held:
            job = self.model.jobs.get(id_)
            if job is not None and job.status == "active" and job.token == token:
                job.leased = self.now
            else:
                wanted.append(lying(id_))
        self._same("I3", lost, wanted)
        for id_, token in held:
            if lying(id_) in lost and self.running(worker).get(id_) == token:
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
        """Both looks at once: the pause between them is the worker's affair."""
        commands = self.bench.commands
        found = self._call(f"{worker}: stale", commands.stale(TYPE.name, LEASE_MS * 2 // 3))
        rows: list[tuple[str, str]] = []
        if found:
            call = commands.reclaim(TYPE.name, worker, LEASE_MS, MAX_STALLS, found)
            rows = self._call(f"{worker}: reclaim {found}", call)
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
        for _ in range(len(active) // self.bench.page + 3):
            self.reclaim(worker)
        left = [j.id for j in active if j.status == "active" and self.now - j.leased >= LEASE_MS]
        if left:
            self._fail(Violation("I9", f"{left} are stale and stay so"))

    def sweep(self, worker: str) -> None:
        running = set(self.running(worker))
        call = self.bench.commands.sweep(TYPE.name, worker, map(lying, running))
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
        self.standbys.pop(worker, None)

    def cancel(self, id_: str, tenant: str) -> None:
        fields = self.seen.hashes.get(f"job:{id_}", {})
        if fields.get("status") == "waiting" and fields.get("entry"):
            self.model.tombstones.add((fields["lane"], fields["entry"]))
        answer = self._call(
            f"cancel {id_} as {tenant!r}", self.bench.commands.cancel(TYPE.name, id_, tenant)
        )
        self._same("I14", answer, self.model.cancel(id_, tenant, self.now))
        if id_ in self._placed:
            self._left_lanes()
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

    def pause(self, who: str, paused: bool, for_ms: int | None = None) -> None:
        call = self.bench.commands.pause(TYPE.name, who, paused, for_ms, "why not")
        changed = self._call(f"pause {who!r} {paused} for {for_ms}", call)
        self._same("I1", changed, self.model.pause(who, paused, for_ms, self.now))
        self._check()

    def prune(self, limit: int, dead_age: int) -> int:
        call = self.bench.commands.prune(TYPE.name, limit, dead_age, 600_000)
        removed = self._call(f"prune {limit}, letters older than {dead_age}", call)
        self._same("I20", removed, self.model.prune(limit, dead_age, self.now))
        self._check()
        return removed

    def clean(self, status: str, grace: int, tenant: str, window: tuple[int, int]) -> None:
        call = self.bench.commands.clean(TYPE.name, status, grace, tenant, window)
        removed = self._call(f"clean {status} older than {grace}, {window} of {tenant!r}", call)
        self._same("I20", removed, self.model.clean(status, grace, tenant, window, self.now))
        self._check()

    def limit(self, tenant: str, fields: dict[str, float | str | bytes]) -> None:
        call = self.bench.commands.limit(TYPE.name, tenant, fields)
        self._call(f"limit {tenant!r} {fields}", call)
        self.model.limit(tenant, fields)
        self._check()

    # -- what everybody sees

    def look(self, tenant: str, id_: str) -> None:
        """Reading, as one tenant: everything of its own, nothing of another's."""
        views, model = self.bench.views, self.model
        mine = [j for j in model.jobs.values() if tenant in ("", j.intake.tenant)]
        job = self._call(f"look at {id_} as {tenant!r}", views.job(TYPE.name, id_, tenant))
        wanted = next(((j.id, j.status, j.attempt) for j in mine if j.id == id_), None)
        self._same("I16", job and (job.id, str(job.status), job.attempt), wanted)
        _, rows = self._call("list", views.jobs(TYPE.name, Which(tenant), "", 1000))
        ids = [j.id for j in sorted(mine, key=lambda j: -j.seq)]
        self._same("I16", [job.id for _, job in rows], ids)
        _, letters = self._call("letters", views.dead_letters(TYPE.name, tenant, "", 1000))
        owned = {i for i, x in model.letters.items() if tenant in ("", x.intake.tenant)}
        self._same("I16", {letter.job_id for letter in letters}, owned)
        m = self._call("metrics", views.metrics(TYPE.name))
        n = model.counts()
        places = ("blocked", "waiting", "active", "delayed", *FINAL)
        got = (*(getattr(m, place) for place in places), m.paused)
        wanted_row = tuple(n[place] for place in places)
        self._same("I19", got, (*wanted_row, model.caps[""].until > self.now))
        pauses = self._call("pauses", views.pauses(TYPE.name))
        self._same("I16", {p.tenant or "" for p in pauses}, model.halted(self.now))

    # -- the world

    def flush_functions(self) -> None:
        self._call("FUNCTION FLUSH", self.bench.connection.command("FUNCTION", "FLUSH"))

    def finish(self) -> None:
        """Everything heals, and all that is left must end, be forgotten, and leave nothing."""
        self._tell("heal and drain")
        self.known.clear()
        for name in list(self.model.caps):
            self.pause(name, False)
            self.limit(name, LIFTED)
        for id_ in list(self.model.schedules):
            self.schedule(id_, "remove")
        latest = max((j.leased for j in self.model.jobs.values()), default=self.now)
        self.tick(max(self.now, latest) - self.now + LEASE_MS)
        self.reclaim_all("w9")
        for _ in range(80 + len(self.model.jobs)):
            outcomes = [Settlement("complete", lying(i), t) for i, t in self.running("w9").items()]
            due = self.model.next_due()
            if not outcomes and due is not None and due > self.now:
                self.tick(due - self.now)
            self.turn("w9", 20, outcomes)
            if all(j.status in FINAL for j in self.model.jobs.values()):
                break
        else:
            self._fail(Violation("I9", "the queue does not drain"))
        last = max((j.expires for j in self.model.jobs.values()), default=self.now)
        self.tick(max(0, last - self.now))
        self.tick(600_000)
        while self.prune(100, 0):
            pass
        for _ in range(_HANDLES if self.seen.zsets.get("put_off") else 1):
            self.turn("w9", 1)
        try:
            invariants.check_idle(self._look())
        except Violation as violation:
            self._fail(violation)

    # -- machinery

    def _call(self, said: str, call: Coroutine[Any, Any, T]) -> T:
        self.model.next_block(BLOCK)
        self._tell(said)
        try:
            answer = self.bench.run(call)
        except CotizaError as error:
            self._fail(Violation("call", f"{said}: {error}"))
            raise
        self.told[-1] += f" -> {short(answer)}"
        return answer

    def _tell(self, line: str) -> None:
        self.told.append(f"{self.now - EPOCH_MS:>9} ms  {short(line)}")

    def _same(self, code: str, got: object, wanted: object) -> None:
        if got != wanted:
            self._fail(Violation(code, f"the server says {got!r}, the model {wanted!r}"))

    def _check(self, found: snapshot.Snapshot | None = None) -> None:
        self.bench.steps += 1
        self.seen = found or self._look()
        try:
            invariants.check(self.model, self.seen)
            self._history.check(self.model, self.seen)
            self.model.bundles = self.seen.bundles
        except Violation as violation:
            self._fail(violation)

    def _look(self) -> snapshot.Snapshot:
        return self.bench.run(snapshot.read(self.bench.connection, TYPE.name, self._history.after))

    def _fail(self, violation: Violation) -> None:
        self.broken = True
        self.bench.caught_at = self.bench.caught_at or self.bench.steps
        violation.add_note("\n".join(["what was played:", *self.told[-_TOLD:]]))
        raise violation
