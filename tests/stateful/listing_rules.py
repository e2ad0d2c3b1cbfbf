"""Rules of the game about listings: every page of every filter, while the queue changes between
the pages.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.model.policy import JobOptions
from cotiza_queue.store.views import Which

from .invariants import Violation
from .oracle import Job, Model
from .play import TYPE, Play

STATUSES = ("", "blocked", "waiting", "active", "delayed", "completed", "failed", "cancelled")


def fits(job: Job, which: Which) -> bool:
    """Whether a listing must show the job."""
    return (
        which.tenant in ("", job.intake.tenant)
        and which.status in ("", job.status)
        and (not which.tag or which.tag in job.intake.tags)
    )


class ListingRules:
    """Part of Game."""

    play: Play

    @rule(
        who=st.sampled_from(("", "ta", "ta", "tb", "nobody")),
        status=st.sampled_from(STATUSES),
        tag=st.sampled_from(("", "", "red", "blue", "none")),
        limit=st.integers(1, 5),
        between=st.booleans(),
    )
    def list_all(self, who: str, status: str, tag: str, limit: int, between: bool) -> None:
        """Page by page to the end; ``between`` two pages a worker takes a job."""
        which = Which(who, status, tag)
        play, below = self.play, ""
        before = _fitting(play.model, which)
        seen: list[str] = []
        for _ in range(500):
            below, rows = play._call(
                f"list {which} below {below!r}",
                play.bench.views.jobs(TYPE.name, which, below, limit),
            )
            seen += [job.id for _, job in rows]
            if not below:
                break
            if between:
                play.turn("w1", 1)
                between = False
        after = _fitting(play.model, which)
        stayed = [id_ for id_ in before if id_ in after]
        if [id_ for id_ in seen if id_ in stayed] != stayed:
            play._fail(Violation("A15", f"{which} shows {seen}, and {stayed} stayed"))
        if strange := set(seen) - {*before, *after}:
            play._fail(Violation("A15", f"{which} shows {strange} too"))

    @rule(
        which=st.integers(0, 3),
        who=st.sampled_from(("", "ta")),
        status=st.sampled_from(("waiting", "active")),
        tag=st.sampled_from(("", "red")),
        limit=st.integers(2, 5),
    )
    def list_crowd(self, which: int, who: str, status: str, tag: str, limit: int) -> None:
        """More of a status than a page looks at; some of them run, some are another tenant's."""
        play, plain = self.play, JobOptions(tags=("red",))
        tenants = ("ta", "ta", "ta", "tb")
        asked = [play.intake(f"l{which}{n}", tenants[n % 4], plain) for n in range(9)]
        play.enqueue(asked)
        play.turn("w2", 3)
        self.list_all(who, status, tag, limit, False)


def _fitting(model: Model, which: Which) -> list[str]:
    """Newest first."""
    found = [job for job in model.jobs.values() if fits(job, which)]
    return [job.id for job in sorted(found, key=lambda job: -job.seq)]
