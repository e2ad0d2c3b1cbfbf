"""The model's part of the order between lanes: strict, by weight, and who has waited too long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from .violation import Violation

if TYPE_CHECKING:
    from .oracle import Job, Model


class Lanes:
    """What a queue has set, and how its lanes were served since they last stood empty."""

    def __init__(self) -> None:
        self.shares: dict[int, int] = {}
        self.max_wait: int | None = None
        self.spare = self.coming = 1
        """What is left of a half, before a take and after it."""
        self._served: dict[int, float] = defaultdict(float)
        """Starts over weight, in all."""
        self._since: dict[int, dict[int, float]] = {}
        """Lane with jobs at the end of each take → what had been served when that began."""

    def limit(self, fields: Mapping[str, float | str | bytes]) -> None:
        if "shares" in fields:
            given = fields["shares"]
            self.shares = msgspec.msgpack.decode(given) if isinstance(given, bytes) else {}
            self._since = {}
        if "max_wait" in fields:
            given = fields["max_wait"]
            self.max_wait, self.spare = (None if given == "" else int(given)), 1
            self.coming = 1

    def check(
        self, model: Model, started: list[Job], want: int, now: int, admitted: set[str] | None
    ) -> bool:
        """Raises Violation. True if no lane was preferred to a better one."""
        self.spare, was = self.coming, self.spare
        rest = self._late(model, started, (min(want, model.room("", now)), was, now), admitted)
        if self.shares:
            self._weighed(model, rest, started, now, admitted)
        elif [j.lane for j in rest] != sorted(j.lane for j in rest):
            raise Violation("I11", f"lanes out of order: {[(j.id, j.lane) for j in started]}")
        return not self.shares and self.max_wait is None

    def _late(
        self, model: Model, started: list[Job], at: tuple[int, int, int], admitted: set[str] | None
    ) -> list[Job]:
        """What was not started for its long wait."""
        room, spare, now = at
        if self.max_wait is None or room <= 0:
            return started
        allowed, late = (room + spare) // 2, 0
        lanes = [j.lane for j in started]
        while late < min(allowed, len(started)) and self.overdue(started[late], now):
            late += 1
        # How many of them the server took for late can't be seen if they are in order anyway.
        fits = [n for n in range(late + 1) if self.shares or lanes[n:] == sorted(lanes[n:])]
        if not fits:
            raise Violation("I11", f"{[(j.id, j.lane) for j in started]}: {late} are late")
        if allowed and started and not self.overdue(started[0], now):
            self._first(model, started[0], now, admitted or set())
        return started[fits[0] :]

    def _first(self, model: Model, first: Job, now: int, admitted: set[str]) -> None:
        """A lane of late jobs only comes first."""
        lanes: dict[int, list[Job]] = defaultdict(list)
        for job in model.waiting():
            if job.deadline is None or now <= job.deadline:  # the take buries it, and goes on
                lanes[job.lane].append(job)
        limited = {name for name, cap in model.caps.items() if not cap.free}
        unclear = {int(number) for number, _ in model.tombstones}
        # One too new for this worker may have been at the head of its lane, and stands before it by
        # now.
        unclear |= {j.home for j in model.waiting() if j.intake.version > 1}
        for number, jobs in lanes.items():
            late = all(self.overdue(j, now) for j in jobs) and number not in unclear
            stands = any(j.id in admitted for j in jobs)
            if late and stands and not limited & {j.intake.tenant for j in jobs}:
                raise Violation("A9", f"{first.id} started before {jobs[0].id}")

    def overdue(self, job: Job, now: int) -> bool:
        return now - max(job.created, job.due or 0) > (self.max_wait or 0)

    def _weighed(
        self,
        model: Model,
        rest: list[Job],
        started: list[Job],
        now: int,
        admitted: set[str] | None,
    ) -> None:
        """Of two lanes that both have jobs all the time, none gets ahead by more than its due."""
        if self.max_wait is not None or admitted is None or not model.caps[""].free:
            self._since = {}
            return
        for job in rest:
            self._served[job.lane] += (job.lane % 2) / self._weight(job.lane)
        full = {
            j.lane
            for j in model.waiting()
            if j.lane % 2 and j.id in admitted and j not in started
            and model.caps[j.intake.tenant].free
        }  # fmt: skip
        kept = {lane: at for lane, at in self._since.items() if lane in full}
        self._since = kept | {lane: dict(self._served) for lane in full - set(kept)}
        for a, b in ((a, b) for a in kept for b in kept if a < b):
            pair = [self._gained(lane, (a, b)) for lane in (a, b)]
            bound = 2 / self._weight(a) + 2 / self._weight(b)
            if abs(pair[0] - pair[1]) > bound + 1e-6:
                raise Violation("A8", f"lanes {a} and {b}: {pair}, {bound} at most apart")

    def _gained(self, lane: int, pair: tuple[int, int]) -> float:
        return min(self._served[lane] - self._since[one].get(lane, 0.0) for one in pair)

    def _weight(self, lane: int) -> int:
        return self.shares.get(lane, 1)
