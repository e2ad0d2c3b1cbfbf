"""Rules of the game about deadlines: a start and a retry a moment before, at, and after one."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.model.policy import JobOptions

from .naming import named
from .play import Play

SPAN_MS = 900
BESIDE = st.sampled_from((-1, 0, 1))


class DeadlineRules:
    """Part of Game."""

    play: Play
    _outcome: Any

    @rule(which=st.integers(0, 9), beside=BESIDE)
    def start_at_the_deadline(self, which: int, beside: int) -> None:
        name = self._hurried(named(f"a{which}"))
        self.play.tick(SPAN_MS + beside)
        for _ in range(3):
            self.play.turn("w1", 5)
        self.play.cancel(name, "")

    @rule(which=st.integers(0, 9), beside=BESIDE)
    def retry_at_the_deadline(self, which: int, beside: int) -> None:
        name = self._hurried(named(f"b{which}"))
        for _ in range(3):
            self.play.turn("w1", 5)
        for handle in [h for h in self.play.handles[-15:] if h.id == name]:
            self.play.turn("w1", 0, [self._outcome(handle, "error", SPAN_MS + beside)])

    def _hurried(self, name: str) -> str:
        options = JobOptions(priority=1, attempts=3, deadline=SPAN_MS)
        self.play.enqueue([self.play.intake(name, "tb", options)])
        return name
