"""Rules of the game about unique keys: held in statuses that each caller chooses, lost and taken
again.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.model.policy import JobOptions
from cotiza_queue.model.status import UNIQUE_WHILE, Status
from cotiza_queue.store.commands import Settlement

from .naming import named
from .play import Play

WAITING = (Status.BLOCKED, Status.DELAYED, Status.WAITING)
HOLDS = (
    UNIQUE_WHILE, UNIQUE_WHILE, WAITING, tuple(Status), (*WAITING, Status.FAILED),
    (*UNIQUE_WHILE, Status.COMPLETED, Status.CANCELLED),
)  # fmt: skip


class UniqueRules:
    """Part of Game."""

    play: Play
    _outcome: Callable[..., Settlement]

    @rule(
        which=st.integers(0, 9),
        hold=st.sampled_from(HOLDS),
        how=st.sampled_from(("complete", "error", "fatal", "release")),
        late=st.booleans(),
    )
    def rivals(self, which: int, hold: tuple[Status, ...], how: str, late: bool) -> None:
        """Two jobs of one key; the second comes before or after the first has started."""
        asked = JobOptions(unique_key="w", unique_while=hold, attempts=2)
        names = (named(f"u{which}"), named(f"u{which + 1}"))
        self.play.enqueue([self.play.intake(names[0], "ta", asked)])
        if late:
            self.play.turn("w1", 3)
        self.play.enqueue([self.play.intake(names[1], "ta", asked)])
        self.play.turn("w1", 3)
        mine = [h for h in self.play.handles[-6:] if h.id in names]
        for handle in mine:
            self.play.turn("w1", 1, [self._outcome(handle, how, 5)])
        self.play.tick(6)
        self.play.turn("w1", 3)
        for name in names:
            self.play.replay(name, "")

    @rule(
        which=st.integers(0, 9),
        how=st.sampled_from(("complete", "error", "fatal", "release", "cancel")),
        delay=st.sampled_from((0, 0, 4)),
        lane=st.sampled_from((0, 1)),
        end=st.booleans(),
    )
    def behind(self, which: int, how: str, delay: int, lane: int, end: bool) -> None:
        """Calls meet a running job of their key; one job waits behind it, till one of them ends."""
        asked = JobOptions(unique_key="x", on_duplicate="next", attempts=2, deadline=7)
        later = JobOptions(unique_key="x", on_duplicate="next", delay=delay, priority=lane)
        other = JobOptions(unique_key="x", on_duplicate="replace", tags=("red",))
        names = [named(f"n{which}{i}") for i in range(5)]
        self.play.enqueue([self.play.intake(names[0], "ta", asked)])
        self.play.turn("w1", 3)
        self.play.enqueue([self.play.intake(name, "ta", later) for name in names[1:3]])
        if end:
            self.play.cancel(names[1], "")
        handles = [h for h in self.play.handles[-4:] if h.id == names[0]]
        if how == "cancel":
            self.play.cancel(names[0], "")
        elif handles:
            self.play.turn("w1", which % 2, [self._outcome(handles[-1], how, 2)])
        self.play.enqueue([self.play.intake(names[3], "ta", other)])
        self.play.tick(4)
        self.play.turn("w1", 1)
        self.play.tick(6)
        self.play.turn("w1", 1)
        self.play.enqueue([self.play.intake(names[4], "ta", later)])

    @rule(
        which=st.integers(0, 9),
        delay=st.sampled_from((0, 5)),
        again=st.sampled_from((0, 5)),
        lane=st.sampled_from((0, 1)),
        span=st.sampled_from((None, 8)),
        age=st.sampled_from((None, 0)),
    )
    def debounce(
        self, which: int, delay: int, again: int, lane: int, span: int | None, age: int | None
    ) -> None:
        """A call takes the place of the one before, until that has started."""
        first = JobOptions(
            unique_key="y", unique_for=span, delay=delay, tags=("blue",),
            remove_on_complete=age == 0,
        )  # fmt: skip
        asked = JobOptions(
            unique_key="y", on_duplicate="replace", unique_for=span, delay=again, priority=lane,
            remove_on_complete=age == 0, deadline=9,
        )  # fmt: skip
        names = [named(f"d{which}{i}") for i in range(5)]
        self.play.enqueue([self.play.intake(names[0], "ta", first)])
        for name in names[1:]:
            self.play.tick(3)
            self.play.enqueue([self.play.intake(name, "ta", asked)])
        for handle in [h for h in self.play.handles[-3:] if h.id in names]:
            self.play.turn("w1", 0, [self._outcome(handle, "complete", 2)])
        self.play.turn("w1", 1)
        at_once = msgspec.structs.replace(asked, delay=0)
        pair = ((names[1], asked), (names[2], at_once))
        self.play.enqueue([self.play.intake(name, "ta", options) for name, options in pair])
