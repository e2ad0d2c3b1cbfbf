"""How jobs come in, in the model: known, refused, made, put in another's place, or made to wait
behind one that runs.
"""

from __future__ import annotations

import itertools

import msgspec

from cotiza_queue.store.asked import Changed, Intake

from .cap import Cap
from .nouns import UNSTARTED, Job
from .unique_model import UniqueKeys

Answered = tuple[str, bool, str]
"""(id, created, status)"""


class Doors:
    """Part of Model."""

    jobs: dict[str, Job]
    caps: dict[str, Cap]
    keys: UniqueKeys
    fresh: set[str]
    _seq: int
    _places: itertools.count[int]

    def owner(self, asked: Intake) -> str | None:
        """The other job that holds the unique key."""
        holder = self.keys.get(asked.unique, asked.id)
        return None if holder == asked.id else holder

    def full(self, tenant: str) -> str:
        """The code of the refusal, if a limit of depth is reached."""
        there = [j.intake.tenant for j in self.jobs.values() if j.status in UNSTARTED]
        for owner, code in (("", "queue_full"), (tenant, "tenant_queue_full")):
            most = self.caps[owner].depth
            if most is not None and sum(owner in ("", t) for t in there) >= most:
                return code
        return ""

    def accept(self, intake: Intake, now: int, bounded: bool = False) -> Answered:
        """``bounded``: (code of the refusal, False, "") if it is full."""
        if known := self.jobs.get(intake.id):
            return known.id, False, known.status
        behind = None
        if holder := self.owner(intake):
            behind = self._runner(intake, holder)
            if behind is None:
                return self._rival(intake, holder, now)
        if bounded and (full := self.full(intake.tenant)):
            return full, False, ""
        self._seq += 1
        job = self.jobs[intake.id] = Job(intake, now, self._seq, lane=intake.lane)
        job.deadline = now + intake.deadline_ms if intake.deadline_ms else None
        for name in ("", intake.tenant):
            self.caps[name].dear |= intake.cost > 1
        if intake.span_ms:
            self.keys.claim(intake, job.id, now)
        if behind is None:
            self.put(job, intake.lane, intake.delay_ms, now)
        else:
            job.status, job.behind, job.delay = "blocked", behind.id, intake.delay_ms
            behind.next = job.id
        return job.id, True, job.status

    def next_block(self, size: int) -> None:
        """Jobs that come with another call are of another block."""
        self._seq = (self._seq // size + 1) * size - 1

    def put(self, job: Job, lane: int, delay: int, now: int) -> None:
        """Into a lane, or among the delayed."""
        job.apart = False
        self.keys.moved(job, "delayed" if delay > 0 else "waiting")
        if delay > 0:
            job.status, job.due = "delayed", now + delay
            return
        job.status, job.lane, job.place = "waiting", lane, next(self._places)

    def again(self, job: Job, lane: int, delay: int, now: int) -> None:
        """Out of its place, and into another."""
        self.part(job)
        if job.status != "waiting":
            job.due = now
        job.lane, job.revived = lane, True
        self.put(job, lane, delay, now)

    def part(self, job: Job) -> None:
        """A blocked job waits for nobody any more."""
        if job.behind:
            self.jobs[job.behind].next = ""
        job.behind, job.delay = "", 0

    def release(self, job: Job, now: int) -> None:
        """A job has ended: the one behind it takes the key."""
        if follower := self.jobs.get(job.next):
            delay = follower.delay
            self.part(follower)
            self.keys.claim(follower.intake, follower.id, now)
            follower.due = now
            self.put(follower, follower.home, delay, now)

    def to_lane(self, job: Job, lane: int, now: int) -> None:
        """Its place is kept unless the lane is another."""
        if job.home == lane:
            return
        if job.status == "waiting":
            self.again(job, lane, 0, now)
        job.lane = lane

    def change(self, id_: str, tenant: str, asked: Changed, now: int) -> tuple[str, ...]:
        job = self.jobs.get(id_)
        if job is None or tenant not in ("", job.intake.tenant):
            return ("not_found",)
        if job.status not in UNSTARTED:
            return (job.status,)
        if asked.read is not None:
            if asked.read != job.intake.body:
                return ("changed",)
            job.intake = msgspec.structs.replace(job.intake, body=asked.body)
        if asked.fresh:
            job.saved.clear()
        before, lane = job.status, job.home
        if asked.lane is not None:
            lane = asked.lane
        if job.status == "blocked" and isinstance(asked.delay, int):
            job.delay, job.lane = asked.delay, lane
        elif asked.delay is None or (job.status == "waiting" and asked.delay in (0, "now")):
            self.to_lane(job, lane, now)
        else:
            self.again(job, lane, 0 if isinstance(asked.delay, str) else asked.delay, now)
        return "ok", before, job.status

    def drop(self, job: Job) -> None:
        del self.jobs[job.id]
        self.keys.moved(job, "")

    def _runner(self, asked: Intake, holder: str) -> Job | None:
        """The running holder behind which a new job shall wait."""
        job = self.jobs.get(holder)
        if asked.duplicate != "next" or job is None or job.next or job.status != "active":
            return None
        return job

    def _rival(self, asked: Intake, holder: str, now: int) -> Answered:
        job = self.jobs.get(holder)
        if job is None:
            return holder, False, self.keys.gone[asked.unique][0]
        if asked.duplicate:
            job = self.jobs[job.next] if job.next else job
            if job.status in UNSTARTED:
                self._become(asked, job, now)
        return job.id, False, job.status

    def _become(self, asked: Intake, job: Job, now: int) -> None:
        if job.status == "blocked":
            job.delay = asked.delay_ms
        else:
            self.keys.claim(asked, job.id, now)
        job.intake = msgspec.structs.replace(asked, stored=job.intake.stored)
        job.deadline = now + asked.deadline_ms if asked.deadline_ms else None
        if job.starts:
            job.progress = None
        job.attempt = job.stalls = job.starts = job.spared = job.snoozed = 0
        job.saved.clear()
        for name in ("", asked.tenant):
            self.caps[name].dear |= asked.cost > 1
        anew = asked.duplicate == "replace" and job.status != "blocked"
        if anew and (job.status == "delayed" or asked.delay_ms):
            self.again(job, asked.lane, asked.delay_ms, now)
        elif job.apart:
            self.again(job, asked.lane, 0, now)
        else:
            self.to_lane(job, asked.lane, now)
