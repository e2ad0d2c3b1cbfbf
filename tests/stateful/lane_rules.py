"""Lanes by weight, and jobs that have waited too long, played."""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.model.policy import JobOptions, lane_of

from .naming import named
from .play import Play

SHARES = ({1: 3}, {1: 2, 2: 2}, {2: 5, 5000: 1})
worker = st.sampled_from(("w1", "w2"))


class LaneRules:
    """Rules of Game."""

    play: Play

    @rule(shares=st.sampled_from((*SHARES, {})), max_wait=st.sampled_from((None, None, 1, 5000)))
    def lanes(self, shares: dict[int, int], max_wait: int | None) -> None:
        self.choose(shares, max_wait)

    @rule(shares=st.sampled_from(SHARES), who=worker, want=st.integers(1, 4))
    def feed_all_lanes(self, shares: dict[int, int], who: str, want: int) -> None:
        """All lanes have jobs all the time: each gets its share."""
        self.choose(shares, None)
        for lane, priority in enumerate((1, 2, 5000)):
            options = JobOptions(priority=priority)
            ids = [named(f"l{lane}x{i}") for i in range(9)]
            self.play.enqueue([self.play.intake(name, "ta", options) for name in ids])
        for _ in range(6):
            self.play.turn(who, want)

    @rule(
        who=worker,
        want=st.integers(1, 4),
        max_wait=st.sampled_from((1, 700)),
        late=st.integers(0, 1),
    )
    def endless_feed(self, who: str, want: int, max_wait: int, late: int) -> None:
        """Better jobs come in all the time; the others wait until it is too long."""
        self.choose({}, max_wait)
        plain = JobOptions(priority=5000)
        self.play.enqueue([self.play.intake(f"o{i}", "tb", plain) for i in range(3)])
        self.play.tick(max_wait + late)
        for n in range(3):
            better = [named(f"f{n}x{i}") for i in range(want + 1)]
            options = JobOptions(priority=1)
            self.play.enqueue([self.play.intake(name, "ta", options) for name in better])
            self.play.turn(who, want)

    def choose(self, shares: dict[int, int], max_wait: int | None) -> None:
        lanes = {lane_of(priority): weight for priority, weight in shares.items()}
        packed = msgspec.msgpack.encode(lanes) if lanes else ""
        self.play.limit("", {"shares": packed, "max_wait": "" if max_wait is None else max_wait})
