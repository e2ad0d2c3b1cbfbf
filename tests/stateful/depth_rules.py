"""Rules of the game about bounded queues: limits of depth come and go, and many ask at once."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.model.policy import JobOptions

from .play import Play


class DepthRules:
    """Part of Game."""

    play: Play

    @rule(who=st.sampled_from(("", "ta", "tb")), most=st.sampled_from((1, 2, 5, "", "")))
    def bound(self, who: str, most: float | str) -> None:
        self.play.limit(who, {"depth": most})

    @rule(
        which=st.integers(0, 3),
        who=st.sampled_from(("", "ta")),
        delay=st.sampled_from((0, 0, 700)),
        most=st.integers(1, 4),
    )
    def flood(self, which: int, who: str, delay: int, most: int) -> None:
        """Six at once, of two tenants, where fewer may stand; one starts, and another may come."""
        self.play.limit(who, {"depth": most})
        plain = JobOptions(delay=delay)
        names = [f"f{which}{n}" for n in range(7)]
        asked = [self.play.intake(n, "tb" if n[-1] == "1" else "ta", plain) for n in names]
        self.play.enqueue(asked[:6])
        self.play.turn("w1", 1)
        self.play.enqueue(asked[6:])
        self.play.limit(who, {"depth": ""})
