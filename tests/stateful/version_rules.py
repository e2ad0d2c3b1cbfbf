"""Payloads of newer versions than some of the workers know, played."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.model.policy import JobOptions

from .naming import named
from .play import Play


class VersionRules:
    """Rules of Game."""

    play: Play
    _change: Callable[..., None]

    @rule(
        which=st.integers(0, 40),
        version=st.integers(2, 4),
        priority=st.sampled_from((0, 1)),
        who=st.sampled_from(("w1", "w2", "w3")),
    )
    def newer(self, which: int, version: int, priority: int, who: str) -> None:
        """Two versions in one lane: an old worker meets them, then a newer one may."""
        self.add(f"v{which % 5}", version, priority)
        self.add(f"v{which % 5 + 1}", 1, priority)
        self.play.turn("w1", 3)
        self.play.turn(who, 3)

    @rule(which=st.integers(0, 40), then=st.sampled_from(("cancel", "cancel", "replay")))
    def newer_cancelled(self, which: int, then: str) -> None:
        """Put apart, cancelled there, and perhaps run again."""
        name = named(f"v{which % 5}")
        self.add(name, 3, 0)
        self.play.turn("w1", 3)
        self.play.cancel(name, "")
        if then == "replay":
            self.play.replay(name, "")
            self.play.turn("w1", 3)
        self.play.turn("w3", 5)

    @rule(
        which=st.integers(0, 40),
        priority=st.sampled_from((None, 1, 5000)),
        delay=st.sampled_from((None, 0, 3, "now")),
        who=st.sampled_from(("w1", "w3")),
    )
    def newer_changed(
        self, which: int, priority: int | None, delay: int | str | None, who: str
    ) -> None:
        """Put apart, and there it gets another lane or moment."""
        name = named(f"v{which % 5}")
        self.add(name, 3, 0)
        self.play.turn("w1", 3)
        self._change(name, "", priority, delay, "new")
        self.play.turn(who, 3)
        self.play.tick(3)
        self.play.turn("w3", 3)

    @rule(
        which=st.integers(0, 40),
        version=st.sampled_from((1, 2, 4)),
        how=st.sampled_from(("replace", "next")),
        priority=st.sampled_from((0, 1)),
        who=st.sampled_from(("w1", "w3", "w9")),
    )
    def newer_replaced(self, which: int, version: int, how: str, priority: int, who: str) -> None:
        """Put apart, and there it becomes what a call of another version asks for."""
        names = (f"x{which % 5}", f"x{which % 5 + 5}")
        for name, of, lane in ((names[0], 3, 0), (names[1], version, priority)):
            asked = JobOptions(unique_key="y", on_duplicate=how, priority=lane)
            intake = self.play.intake(name, "ta", asked)
            self.play.enqueue([msgspec.structs.replace(intake, version=of)])
            self.play.turn("w1", 3)
        self.play.turn(who, 3)

    def add(self, name: str, version: int, priority: int) -> None:
        intake = self.play.intake(name, "ta", JobOptions(priority=priority))
        self.play.enqueue([msgspec.structs.replace(intake, version=version)])
