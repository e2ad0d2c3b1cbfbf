"""Rules of the game about "why is it not running?": the answer is what the model knows."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.model.policy import JobOptions
from cotiza_queue.model.why import Cause, Seen, explain

from .invariants import Violation
from .naming import named
from .oracle import FINAL, Job
from .play import LIFTED, TYPE, Play


class WhyRules:
    """Part of Game."""

    play: Play

    @rule(which=st.integers(0, 40), who=st.sampled_from(("", "ta", "tb")))
    def why(self, which: int, who: str) -> None:
        there = sorted(self.play.model.jobs)
        self._ask(there[which % len(there)] if there else "j0", who)

    @rule(n=st.integers(0, 9), capped=st.booleans())
    def why_of_the_last(self, n: int, capped: bool) -> None:
        """Nothing holds anybody but, perhaps, a cap that is reached; and a job waits in a lane of
        its own.
        """
        play = self.play
        for name in list(play.model.caps):
            play.pause(name, False)
            play.limit(name, LIFTED)
        play.renew("w1", list(play.running("w1").items()))
        if capped:
            play.enqueue([play.intake(f"y{n}", "ta", JobOptions(priority=1))])
            play.limit("ta", {"concurrency": 1})
            play.turn("w1", 1)
        play.enqueue([play.intake(f"z{n}", "ta", JobOptions(priority=7))])
        self._ask(named(f"z{n}"), "")

    def _ask(self, id_: str, who: str) -> None:
        play = self.play
        call = play.bench.views.why(TYPE.name, id_, who)
        seen = play._call(f"why {id_} as {who!r}", call)
        job = play.model.jobs.get(id_)
        if job is None or who not in ("", job.intake.tenant):
            play._same("G7", seen, None)
            return
        assert seen is not None
        cause = explain(seen).cause
        if cause not in _right(play, job, seen):
            play._fail(Violation("G7", f"{id_} does not run: {cause}, {seen}"))
        play._check()


def _right(play: Play, job: Job, seen: Seen) -> set[Cause]:
    """The causes that may be told."""
    model, now, tenant = play.model, play.now, job.intake.tenant
    if job.status == "active":
        return {Cause.RUNNING}
    if job.status in FINAL:
        return {Cause.ENDED}
    if job.status == "blocked":
        return {Cause.BLOCKED} if seen.behind == job.behind else set()
    if job.status == "delayed" and (job.due or 0) > now:
        failed = Cause.RETRYING if job.failures and job.attempt else Cause.DELAYED
        return {failed, Cause.SNOOZED} if seen.snoozed else {failed}
    if job.deadline is not None and now > job.deadline:
        return {Cause.DEADLINE_PASSED}
    if model.caps[""].until > now:
        return {Cause.QUEUE_PAUSED}
    if model.caps[tenant].until > now:
        return {Cause.TENANT_PAUSED}
    if not any(end >= now for end in play.seen.zsets.get("workers", {}).values()):
        return {Cause.NO_WORKER}
    if job.intake.version > 1:
        return {Cause.NO_ABLE_WORKER}  # the workers of the game tell nothing of themselves
    # What is dear may rest a queue or a tenant that could still pay for a start of cost 1.
    resting = {Cause.QUEUE_RATE} if seen.queue_rate_until_ms else set[Cause]()
    if model.room("", now) == 0 or resting:
        return {Cause.QUEUE_RATE, Cause.QUEUE_CONCURRENCY}
    if model.room(tenant, now) == 0 or seen.tenant_rate_until_ms:
        return {Cause.TENANT_RATE, Cause.TENANT_CONCURRENCY}
    return _by_order(play, job, seen)


def _by_order(play: Play, job: Job, seen: Seen) -> set[Cause]:
    """Behind whom: exactly those that stand in better lanes, and no more than wait in its own."""
    if job.status != "waiting":
        return {Cause.NEXT}
    entries = {i: play.seen.hashes[f"job:{i}"].get("entry") for i in play.model.jobs}
    rest = [other for other in play.model.waiting() if other is not job]
    better = sum(1 for other in rest if other.lane < job.lane and entries[other.id])
    line = [other for other in rest if other.lane == job.lane]
    if entries[job.id] and seen.line > len(line):
        return set()
    if better or seen.better:
        return {Cause.BETTER_LANES} if seen.better >= better else set()
    return {Cause.BEHIND if seen.line else Cause.NEXT}
