"""The queue as a few dicts: what the engine promises, in the plainest words that can be run.

Pure. Every verb takes the server's time and says what the real one must answer; ``jobs`` and the
rest say what the server must hold afterwards. Only which jobs a take hands out is the server's
choice: the tenants of a lane take turns. What it may choose is told in order.py.
Refused: repeating the engine's mistakes. Where the two differ one of them is wrong, and the machine
stops.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import msgspec

from cotiza_queue.model.status import Status
from cotiza_queue.store.asked import Intake
from cotiza_queue.store.commands import Settlement

from . import ends, retention
from .cap import Cap
from .doors import Doors
from .holding_model import Holds
from .lane_model import Lanes
from .naming import lying, whose
from .nouns import FINAL
from .nouns import Job as Job
from .nouns import Letter as Letter
from .nouns import Schedule as Schedule
from .unique_model import UniqueKeys

UNIQUE_TAKEN = "unique_key_taken"
"""The answer to a replay while another job holds the unique key."""
LARGEST_EXCESS = 100
"""How many jobs one ending may remove by count."""


@dataclass
class Model(Holds, Doors):
    """The whole queue."""

    page: int
    """The page of promotion, as the library under test has it."""
    jobs: dict[str, Job] = field(default_factory=dict)
    caps: dict[str, Cap] = field(default_factory=lambda: defaultdict(Cap))
    """By tenant; "" is the queue."""
    stored: set[str] = field(default_factory=set)
    """Names of the content in the store of files."""
    limited: set[str] = field(default_factory=set)
    """Tenants that had a limit once: given back to their line, jobs may have lost their place."""
    tombstones: set[tuple[str, str]] = field(default_factory=set)
    """(lane, entry) of jobs that were cancelled in a lane."""
    letters: dict[str, Letter] = field(default_factory=dict)
    bundles: dict[str, list[list[str]]] = field(default_factory=dict)
    """How the server keeps ended jobs together, by set: its choice, and no promise."""
    schedules: dict[str, Schedule] = field(default_factory=dict)
    totals: Counter[str] = field(default_factory=Counter)
    lanes: Lanes = field(default_factory=Lanes)
    keys: UniqueKeys = field(default_factory=UniqueKeys)
    fresh: set[str] = field(default_factory=set)
    """Jobs that the last take has let go amid its work; it may have passed their lane."""
    highest_token: int = 0
    counted: bool = False
    """A tenant's jobs were limited by number once."""
    _seq: int = 0
    _places: itertools.count[int] = field(default_factory=itertools.count)

    # -- taking in

    def schedule(self, id_: str, how: str, due: int | None) -> None:
        """``how``: put | pause | remove"""
        if how == "remove":
            self.schedules.pop(id_, None)
        else:
            self.schedules.setdefault(id_, Schedule(None)).due = due

    def fire(self, id_: str, occurrence: int, following: int, intake: Intake, now: int) -> bool:
        """Whether the call fires."""
        known = self.schedules.get(id_)
        if known is None or known.due != occurrence:
            return False
        known.due = following
        if occurrence <= known.last:
            return False
        known.last = occurrence
        known.fired += 1
        self.accept(intake, now)
        return True

    @property
    def bounded(self) -> bool:
        """Jobs have to be counted before they come in."""
        return self.counted or self.caps[""].depth is not None

    # -- a turn

    def settle(self, s: Settlement, now: int) -> str:
        job = self.jobs.get(whose(s))
        if job is None or job.token is None or job.token != s.token:
            self.totals["total_refused"] += 1
            return "lost"
        if job.status != "active":
            return "again"
        if s.kind == "hold":
            self.hold(job.intake.tenant if s.value == b"tenant" else "", now + s.extra)
            return "ok"
        return ends.settle(self, job, s, now)

    def spare(self, job: Job, now: int) -> None:
        """Back before its lane, without having used up an attempt."""
        job.attempt -= 1
        job.spared += 1
        self.put(job, job.before, 0, now)

    def promote(self, now: int) -> None:
        """What is due."""
        due = [j for j in self.jobs.values() if j.status == "delayed" and (j.due or 0) <= now]
        for job in sorted(due, key=lambda j: (j.due, lying(j.id)))[: self.page]:
            self.put(job, job.home, 0, now)

    def next_due(self) -> int | None:
        return min((j.due or 0 for j in self.jobs.values() if j.status == "delayed"), default=None)

    def waiting(self) -> list[Job]:
        return [j for j in self.jobs.values() if j.status == "waiting"]

    def active(self, tenant: str = "") -> int:
        """How many run, of one tenant or of all."""
        running = [j for j in self.jobs.values() if j.status == "active"]
        return sum(1 for j in running if tenant in ("", j.intake.tenant))

    def room(self, tenant: str, now: int) -> int:
        """How many a tenant, or the queue (""), may start now."""
        return self.caps[tenant].room(self.active(tenant), now)

    def start(self, job: Job, worker: str, token: int, now: int) -> None:
        for name in ("", job.intake.tenant):
            self.caps[name].spend(now, job.intake.cost)
        job.status, job.worker, job.leased, job.token = "active", worker, now, token
        self.keys.moved(job, job.status)
        job.attempt += 1
        job.starts += 1

    # -- losing and giving back

    def recover(self, job: Job, max_stalls: int, now: int) -> str:
        """The lease of an active job ran out; what becomes of it."""
        job.stalls += 1
        job.token = None
        self.totals["total_stalled"] += 1
        if job.stalls >= max_stalls:
            self.bury(job, now)
            return "failed"
        job.failures += 1
        self.spare(job, now)
        return "waiting"

    def stranded(self, worker: str, running: set[str]) -> set[str]:
        """What a sweep must hand back."""
        return {
            j.id
            for j in self.jobs.values()
            if j.status == "active" and j.worker == worker and j.id not in running
        }

    # -- limits

    def give_back(self, job: Job, fields: dict[str, str]) -> None:
        """A returned job whose tenant may not start anything goes back to its tenant's line."""
        self.hold_back(job, fields)
        moved = job.lane % 2 == 0 and fields.get("lane") == str(job.home)
        if moved and not fields.get("entry") and job.intake.tenant in self.limited:
            job.lane, job.revived = job.home, True

    def limit(self, tenant: str, fields: dict[str, float | str | bytes]) -> None:
        """What is "" is lifted."""
        cap = self.caps[tenant]
        self.counted |= bool(tenant and fields.get("depth"))
        self.lanes.limit(fields)
        if "period" in fields:
            cap.tat = cap.held = 0
        for name, value in ((n, v) for n, v in fields.items() if hasattr(cap, n)):
            setattr(cap, name, value if value != "" else getattr(Cap(), name))
        if not cap.free:
            self.limited.add(tenant)

    # -- ends

    def cancel(self, id_: str, tenant: str, now: int) -> str:
        job = self.jobs.get(id_)
        if job is None or tenant not in ("", job.intake.tenant):
            return "not_found"
        if job.status in FINAL:
            return job.status
        if job.status == "active":
            job.token = None
        self.part(job)
        self.finish(job, "cancelled", now)
        return "ok"

    def replay(self, id_: str, tenant: str, now: int) -> str:
        job, letter = self.jobs.get(id_), self.letters.get(id_)
        found = job or letter
        if found is None or tenant not in ("", found.intake.tenant):
            return "not_found"
        if job is None:
            letter = self.letters[id_]
            if self.owner(letter.intake) is not None:
                return UNIQUE_TAKEN
            del self.letters[id_]
            self.accept(again(letter), now)
            return "ok"
        if job.status not in ("failed", "cancelled"):
            return job.status
        if self.owner(job.intake) is not None:
            return UNIQUE_TAKEN
        self.letters.pop(id_, None)
        job.attempt = job.stalls = job.starts = job.spared = job.snoozed = 0
        job.revived = True
        job.token = job.finished = job.deadline = job.progress = None
        job.due = now
        job.worker = ""
        self.put(job, job.home, 0, now)
        return "ok"

    def bury(self, job: Job, now: int) -> None:
        job.failures += 1
        self.letters[job.id] = Letter(job.intake, job.lane)
        self.finish(job, "failed", now)

    def finish(self, job: Job, status: str, now: int) -> None:
        age, count = job.keep(status)
        job.status, job.finished = status, now
        self.keys.moved(job, status)
        self.release(job, now)
        job.expires = now + age * 1000
        self.totals[f"total_{status}"] += 1
        if age == 0:
            self.drop(job)
        elif count is not None:
            newest = self.newest(status, job.intake.tenant)
            for old in newest[: max(0, min(len(newest) - count, LARGEST_EXCESS))]:
                self.drop(old)

    def ended(self, status: str) -> list[Job]:
        """The ended jobs of a status, those that go first first; at one moment as they stand."""
        bundles = self.bundles.get(f"ended:{status}", ())
        place = {id_: n for n, id_ in enumerate(itertools.chain(*bundles))}
        found = [j for j in self.jobs.values() if j.status == status]
        return sorted(found, key=lambda j: (j.expires, place.get(j.id, 0)))

    def newest(self, status: str, tenant: str) -> list[Job]:
        """A tenant's ended jobs that are kept by number, the oldest first."""
        kept = [j for j in self.ended(status) if j.keep(status)[1] is not None]
        mine = [j for j in kept if j.intake.tenant == tenant]
        return sorted(mine, key=lambda j: (j.finished, lying(j.id)))

    def prune(self, limit: int, dead_age: int, now: int) -> int:
        removed = 0
        for status in FINAL:
            for bundle in self.bundles.get(f"ended:{status}", ()):
                due = self.jobs[bundle[0]].expires <= now and removed < limit
                for id_ in bundle if due else ():
                    self.drop(self.jobs[id_])
                    removed += 1
        removed += retention.shed(self, limit - removed)
        old = [i for i, x in self.letters.items() if _stamp(x.entry)[0] <= now - dead_age]
        left = max(0, limit - removed) + 1
        for id_ in sorted(old, key=lambda i: _stamp(self.letters[i].entry))[:left]:
            del self.letters[id_]
            removed += 1
        return removed

    def clean(
        self, status: str, grace: int, tenant: str, window: tuple[int, int], now: int
    ) -> tuple[int, int]:
        """(removed, looked at)"""
        seen = self.ended(status)[window[0] : sum(window)]
        old = [j for j in seen if (j.finished or 0) <= now - grace]
        gone = [j for j in old if tenant in ("", j.intake.tenant)]
        for job in gone:
            self.drop(job)
        return len(gone), len(seen)

    def purge(self, id_: str, tenant: str) -> bool:
        letter = self.letters.get(id_)
        if letter is None or tenant not in ("", letter.intake.tenant):
            return False
        del self.letters[id_]
        if id_ in self.jobs and self.jobs[id_].status == "failed":
            self.drop(self.jobs[id_])
        return True

    def counts(self) -> Counter[str]:
        """Jobs by status."""
        return Counter(j.status for j in self.jobs.values())


def again(letter: Letter) -> Intake:
    """What a job that retention has removed is made anew of."""
    lane = letter.lane - letter.lane % 2 + 1
    return msgspec.structs.replace(letter.intake, lane=lane, deadline_ms=0, delay_ms=0)


def _stamp(entry: str) -> tuple[int, int]:
    ms, n = entry.split("-")
    return int(ms), int(n)


assert {str(s) for s in Status if s.final} == set(FINAL)
