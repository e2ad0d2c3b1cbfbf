"""Rules of the game about unique keys: held in statuses that each caller chooses, lost and taken
again.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.model.policy import JobOptions
from cotiza_queue.model.status import UNIQUE_WHILE, Status
from cotiza_queue.store.commands import Settlement

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
        names = (f"u{which}", f"u{which + 1}")
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
