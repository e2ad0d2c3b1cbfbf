"""The rules of the game that Hypothesis plays: any verb, by anyone, at any time.

Hypothesis switches some rules off in each game (swarm testing) and ``begin`` narrows the world: one
job id or eighteen, one lane or three. Macro rules play what chance would need too long to find: a
lease lost and the job taken over, a crowd in one lane with one stale job behind it.
Handles are kept when a job is lost: whoever settles with one later is a zombie.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from cotiza_queue.model.policy import JobOptions, KeepFor
from cotiza_queue.store.asked import Intake
from cotiza_queue.store.commands import Settlement

from . import ends
from .bench import Bench, Handle
from .change_rules import ChangeRules
from .checkpoint_rules import CheckpointRules
from .deadline_rules import DeadlineRules
from .depth_rules import DepthRules
from .ended_rules import EndedRules
from .holding_rules import Holding
from .inbox_rules import InboxRules
from .lane_rules import LaneRules
from .naming import named
from .open_bugs import OPEN_BUGS
from .play import LEASE_MS, Play
from .reading_rules import ReadingRules
from .retention_rules import RetentionRules
from .unique_rules import HOLDS, UniqueRules
from .version_rules import VersionRules

WORKERS = ("w1", "w2", "w3")
IDS = 18
CROWD = 23
"""More live jobs in a lane than one reclaim looks at: ten times the page, and some."""
PRIORITIES = (0, 1, 2, 5000)
DELAYS = (0, 0, 0, 1, 700, 1500, 9000)
KEEPS: tuple[Any, ...] = (
    False, False, True, 0, 1, 2, KeepFor(age=1), KeepFor(age=60, count=3), KeepFor(age=5, count=1),
)  # fmt: skip
TICKS = (1, 50, 699, 1500, LEASE_MS - 1, LEASE_MS, 10_000, 61_000, -1, -40, -5000)
LIMITS: tuple[dict[str, float | str], ...] = (
    {"concurrency": 1}, {"concurrency": 3}, {"concurrency": ""}, {"period": 500.0, "burst": 2},
    {"period": 20_000.0, "burst": 1}, {"period": "", "burst": ""},
)  # fmt: skip

small = st.integers(0, 40)
worker = st.sampled_from(WORKERS)
tenant = st.sampled_from(("", "ta", "tb"))
options = st.builds(
    JobOptions,
    priority=st.sampled_from(PRIORITIES),
    attempts=st.integers(1, 3),
    delay=st.sampled_from(DELAYS),
    remove_on_complete=st.sampled_from(KEEPS),
    remove_on_fail=st.sampled_from(KEEPS),
    unique_key=st.sampled_from((None, None, "u", "v")),
    unique_while=st.sampled_from(HOLDS),
    unique_for=st.sampled_from((None, None, None, 1, 4000)),
    on_duplicate=st.sampled_from(("keep", "keep", "replace", "next")),
    deadline=st.sampled_from((None, None, None, 1, 2000, 8000)),
    tags=st.sampled_from(((), (), ("red",), ("red", "blue"))),
    cost=st.sampled_from((1, 1, 1, 3)),
)
ending = st.sampled_from(ends.ENDINGS)


class Game(
    Holding,
    LaneRules,
    ReadingRules,
    RetentionRules,
    EndedRules,
    UniqueRules,
    ChangeRules,
    DeadlineRules,
    DepthRules,
    InboxRules,
    CheckpointRules,
    VersionRules,
    RuleBasedStateMachine,
):
    """One game on ``bench``, which a subclass sets."""

    bench: Bench

    def __init__(self) -> None:
        super().__init__()
        self.play = Play(self.bench)
        self.ids = 1
        self.lanes = 1
        self.withdrawn = 0
        """Jobs cancelled in a backlog."""

    @initialize(ids=st.sampled_from((1, 2, 4, IDS)), lanes=st.sampled_from((1, 2, 4)))
    def begin(self, ids: int, lanes: int) -> None:
        self.ids, self.lanes = ids, lanes

    def teardown(self) -> None:
        if not self.play.broken:
            self.play.finish()

    # -- jobs in

    @rule(which=small, asked=options)
    def enqueue(self, which: int, asked: JobOptions) -> None:
        self.play.enqueue([self._intake(which, asked)])

    @rule(which=small, n=st.integers(2, 16), asked=options, taker=worker)
    def burst(self, which: int, n: int, asked: JobOptions, taker: str) -> None:
        """Many at once, then two turns."""
        self.play.enqueue([self._intake(which + i, asked) for i in range(n)])
        self.play.turn(taker, n // 2)
        self.play.turn(taker, n)

    # -- turns

    @rule(who=worker, want=st.integers(0, 5), heard=st.booleans(), idle=st.booleans())
    def take(self, who: str, want: int, heard: bool, idle: bool) -> None:
        self.play.turn(who, want, heard=heard, idle=idle)

    @rule(which=small, how=ending, extra=st.sampled_from((0, 1, 900, 4000)), twice=st.booleans())
    def settle(self, which: int, how: str, extra: int, twice: bool) -> None:
        """Whoever holds the handle, living or zombie; ``twice``: the first reply was lost."""
        if handle := self._handle(which):
            outcome = self._outcome(handle, how, extra)
            for heard in (False, True) if twice else (True,):
                self.play.turn(handle.worker, 0, [outcome], heard=heard)

    @rule(which=small, how=ending, want=st.integers(0, 5))
    def settle_all(self, which: int, how: str, want: int) -> None:
        """All that a worker believes to run, and the next jobs in the same call."""
        who = WORKERS[which % len(WORKERS)]
        mine = [h for h in self.play.handles if self.play.running(who).get(h.id) == h.token]
        self.play.turn(who, want, [self._outcome(handle, how, 300) for handle in mine])

    @rule(which=small, n=st.integers(1, 99))
    def progress(self, which: int, n: int) -> None:
        if handle := self._handle(which):
            self.play.progress(handle, b'{"percentage":%d}' % n)

    @rule(who=worker)
    def renew(self, who: str) -> None:
        self.play.renew(who, list(self.play.running(who).items()))

    @rule(which=small)
    def renew_as_zombie(self, which: int) -> None:
        if handle := self._handle(which):
            self.play.renew(handle.worker, [(handle.id, handle.token)])

    # -- loss

    @rule(who=worker)
    def reclaim(self, who: str) -> None:
        self.play.reclaim(who)

    @rule(who=worker)
    def sweep(self, who: str) -> None:
        self.play.sweep(who)

    @rule(who=worker)
    def crash(self, who: str) -> None:
        self.play.crash(who)

    @rule(who=worker)
    def leave(self, who: str) -> None:
        self.play.leave(who)

    @rule(which=small, thief=worker, how=ending)
    def steal(self, which: int, thief: str, how: str) -> None:
        """A lease runs out, another takes the job over, and then the first one comes back."""
        if handle := self._handle(which):
            self.play.tick(LEASE_MS - 1)
            self.play.reclaim(thief)
            self.play.tick(1)
            self.play.reclaim_all(thief)
            self.play.turn(thief, 3)
            self.play.renew(handle.worker, [(handle.id, handle.token)])
            self.play.progress(handle, b'{"step":"late"}')
            self.play.turn(handle.worker, 0, [self._outcome(handle, how, 1)])

    @precondition(lambda self: not self.play.model.caps[""].paused)
    @rule(asked=options, loser=worker, holder=worker)
    def crowd(self, asked: JobOptions, loser: str, holder: str) -> None:
        """A stale job behind more live ones than one page holds."""
        plain = JobOptions(priority=asked.priority)
        crowd = [self.play.intake(f"c{i}", "ta", plain) for i in range(CROWD)]
        self.play.enqueue(crowd)
        while self.play.turn(holder, IDS * 2 + CROWD):
            pass
        self.play.enqueue([self.play.intake("c99", "tb", plain)])
        self.play.turn(loser, 9, heard=False)
        self.play.tick(LEASE_MS - 1)
        self.play.renew(holder, list(self.play.running(holder).items()))
        self.play.tick(1)
        self.play.reclaim_all(holder)

    @rule(which=small, asked=options, who=worker)
    def wear_out(self, which: int, asked: JobOptions, who: str) -> None:
        """A job that fails each time it runs, until nobody gives it another chance."""
        self.play.enqueue([self._intake(which, asked)])
        for _ in range(5):
            if moment := self.play.model.next_due():
                self.play.tick(max(0, moment - self.play.now))
            for delivery in self.play.turn(who, 2):
                handle = next(h for h in self.play.handles if h.token == delivery.token)
                self.play.turn(who, 0, [self._outcome(handle, "error", 0)])

    @rule(which=small, asked=options, who=worker)
    def put_off_again(self, which: int, asked: JobOptions, who: str) -> None:
        """A job that always asks for another time, until it may no more."""
        self.play.enqueue([self._intake(which, asked)])
        for _ in range(5):
            if moment := self.play.model.next_due():
                self.play.tick(max(0, moment - self.play.now))
            for delivery in self.play.turn(who, 2):
                handle = next(h for h in self.play.handles if h.token == delivery.token)
                self.play.turn(who, 0, [self._outcome(handle, "snooze", 700)])

    # -- people

    @rule(which=small, who=tenant)
    def cancel(self, which: int, who: str) -> None:
        self._cancel(self._job(which), who)

    @precondition(lambda self: "stale_backlog" not in OPEN_BUGS)
    @rule(which=small, asked=options, who=worker)
    def storm(self, which: int, asked: JobOptions, who: str) -> None:
        """Everything but the first and the last of a long line is cancelled."""
        plain = JobOptions(priority=asked.priority)
        self.play.enqueue([self.play.intake(f"c{i}", "ta", plain) for i in range(CROWD)])
        for i in range(2, CROWD - 1):
            self.play.cancel(named(f"c{i}"), "")
        for _ in range(3):
            self.play.turn(who, 5)

    @rule(which=small, who=worker)
    def change_lane(self, which: int, who: str) -> None:
        """Cancelled and gone; and in the same moment there again, in another lane."""
        name = named(f"m{which}")
        for priority in (1, 2):
            options_ = JobOptions(priority=priority, remove_on_fail=True)
            self.play.enqueue([self.play.intake(name, "tb", options_)])
            if priority == 1:
                self._cancel(name, "")
        self.play.turn(who, 3)

    @rule(which=small, who=tenant)
    def replay(self, which: int, who: str) -> None:
        self.play.replay(self._job(which), who)

    @rule(which=small, how=ending)
    def second_life(self, which: int, how: str) -> None:
        """Fails, is replayed, and then its first life speaks again."""
        if handle := self._handle(which):
            self.play.turn(handle.worker, 0, [self._outcome(handle, "fatal", 0)])
            self.play.replay(handle.id, "")
            self.play.turn(handle.worker, 0, [self._outcome(handle, how, 0)])

    @rule(which=small, who=tenant)
    def bury(self, which: int, who: str) -> None:
        self.play.bury(self._job(which), who)

    @rule(which=small, who=st.sampled_from(("", "ta", "tb", "nobody")))
    def look(self, which: int, who: str) -> None:
        self.play.look(who, self._job(which))

    @rule(limit=st.sampled_from((1, 2, 100)), dead_age=st.sampled_from((0, 5000, 3_600_000)))
    def prune(self, limit: int, dead_age: int) -> None:
        self.play.prune(limit, dead_age)

    @rule(
        status=st.sampled_from(("completed", "failed", "cancelled")),
        grace=st.sampled_from((0, 2000)),
        who=tenant,
        window=st.sampled_from(((0, 1), (1, 2), (0, 100))),
    )
    def clean(self, status: str, grace: int, who: str, window: tuple[int, int]) -> None:
        self.play.clean(status, grace, who, window)

    @rule(who=tenant, fields=st.sampled_from(LIMITS))
    def limit(self, who: str, fields: dict[str, float | str]) -> None:
        self.play.limit(who, fields)

    @rule(who=st.sampled_from(("ta", "tb")), weight=st.sampled_from((3, "")))
    def weigh(self, who: str, weight: float | str) -> None:
        self.play.limit(who, {"weight": weight})

    @rule(which=small, who=worker, cancelled=st.booleans())
    def crossed_lanes(self, which: int, who: str, cancelled: bool) -> None:
        """Under a cap, a job leaves its lane unstarted while a better lane's job waits in line."""
        first = JobOptions(priority=5000, deadline=1)
        self.play.limit("tb", {"concurrency": 1})
        self.play.enqueue([self.play.intake(f"x{which}", "tb", first)])
        self.play.enqueue([self.play.intake(f"y{which}", "tb", JobOptions(priority=1))])
        self.play.tick(2)
        if cancelled:
            self._cancel(named(f"x{which}"), "tb")
        self.play.turn(who, 2)
        self.play.turn(who, 2)

    @precondition(lambda self: "two_absences" not in OPEN_BUGS)
    @rule(which=small, who=worker, pause_ms=st.sampled_from((5_000, 90_000)))
    def two_absences(self, which: int, who: str, pause_ms: int) -> None:
        """A rate and an operator put a tenant off; then the one, then the other lets it go on."""
        self.play.limit("ta", {"period": 20_000.0, "burst": 1, "concurrency": ""})
        self.play.pause("ta", False)
        self.play.enqueue([self.play.intake(f"r{which}{i}", "ta", JobOptions()) for i in range(2)])
        self.play.turn(who, 4)
        self.play.pause("ta", True, pause_ms)
        if pause_ms > 20_000:
            self.play.pause("ta", False)
        for wait in (5_000, 20_000):
            self.play.tick(wait)
            self.play.turn(who, 4)

    # -- schedules

    @rule(
        which=st.sampled_from(("s1", "s2")), how=st.sampled_from(("put", "put", "pause", "remove"))
    )
    def schedule(self, which: str, how: str) -> None:
        self.play.schedule(which, how)

    @rule(which=st.sampled_from(("s1", "s2")), asked=options, times=st.integers(1, 2))
    def fire(self, which: str, asked: JobOptions, times: int) -> None:
        self.play.fire(which, asked, times)

    @rule(which=st.sampled_from(("s1", "s2")), asked=options)
    def occurrence(self, which: str, asked: JobOptions) -> None:
        """A schedule's moment comes, and two workers see it."""
        self.schedule(which, "put")
        known = self.play.model.schedules.get(which)
        if known is not None and known.due is not None:
            self.play.tick(max(0, known.due - self.play.now))
            self.play.fire(which, asked, 2)

    # -- the world

    @rule(ms=st.sampled_from(TICKS))
    def tick(self, ms: int) -> None:
        self.play.tick(ms)

    @rule(who=worker, past=st.booleans())
    def moment(self, who: str, past: bool) -> None:
        """To just before the next delay or deadline that ends, and on to it; a turn at each."""
        model, now = self.play.model, self.play.now
        moments = [j.due for j in model.jobs.values() if j.status == "delayed"]
        moments += [j.deadline for j in model.jobs.values() if j.status == "waiting"]
        coming = min((m for m in moments if m is not None and m > now), default=None)
        if coming is not None:
            self.play.tick(coming - 1 - now)
            self.play.turn(who, 0)
            self.play.tick(1 + past)
            self.play.turn(who, 3)

    @rule()
    def flush_functions(self) -> None:
        self.play.flush_functions()

    # -- choosing

    def _cancel(self, job: str, who: str) -> None:
        fields = self.play.seen.hashes.get(f"job:{job}", {})
        in_line = fields.get("status") == "waiting" and not fields.get("entry")
        if in_line and "stale_backlog" in OPEN_BUGS:
            self.withdrawn += 1
            if self.withdrawn > 1:
                return
        self.play.cancel(job, who)

    def _job(self, which: int) -> str:
        there = sorted(self.play.model.jobs)
        return there[which % len(there)] if which > IDS and there else named(f"j{which % self.ids}")

    def _intake(self, which: int, asked: JobOptions) -> Intake:
        narrowed = PRIORITIES[PRIORITIES.index(asked.priority) % self.lanes]
        n = which % self.ids
        whole = msgspec.structs.replace(asked, priority=narrowed)
        return self.play.intake(f"j{n}", "tb" if n % 2 else "ta", whole)

    def _handle(self, which: int) -> Handle | None:
        """0 is the newest."""
        handles = self.play.handles
        return handles[-1 - which % len(handles)] if handles else None

    def _outcome(self, handle: Handle, how: str, extra: int) -> Settlement:
        return ends.outcome(self.bench, handle, how, extra)
