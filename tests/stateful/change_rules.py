"""Rules of the game about changing what has not started: waiting, in a line, delayed or blocked."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.model.policy import JobOptions, lane_of
from cotiza_queue.store.asked import Changed
from cotiza_queue.store.commands import Settlement

from .checkpoint_rules import save
from .naming import named
from .play import Play

PRIORITIES = (None, None, 1, 2, 5000)
DELAYS = (None, None, 0, 3, 700, "now")


class ChangeRules:
    """Part of Game."""

    play: Play
    _job: Callable[[int], str]
    _outcome: Callable[..., Settlement]

    @rule(
        which=st.integers(0, 40),
        who=st.sampled_from(("", "", "ta", "tb")),
        priority=st.sampled_from(PRIORITIES),
        delay=st.sampled_from(DELAYS),
        body=st.sampled_from(("new", "new", "late", "")),
    )
    def change(
        self, which: int, who: str, priority: int | None, delay: int | str | None, body: str
    ) -> None:
        """``late``: by someone who has read what is there no more."""
        self._change(self._job(which), who, priority, delay, body)

    @rule(
        which=st.integers(0, 9),
        priority=st.sampled_from(PRIORITIES),
        delay=st.sampled_from(DELAYS),
        taker=st.sampled_from(("w1", "w2")),
    )
    def change_amid_others(
        self, which: int, priority: int | None, delay: int | str | None, taker: str
    ) -> None:
        """A line longer than its lane holds; those at its head, amid it and at its end change."""
        names = [named(f"g{which}{n}") for n in range(6)]
        self.play.enqueue([self.play.intake(name, "tb", JobOptions()) for name in names])
        self.play.turn(taker, 1)
        for name in (names[1], names[3], names[5]):
            self._change(name, "", priority, delay, "new")
        self.play.turn(taker, 2)
        self.play.tick(3)
        self._change(names[3], "", None, "now", "")
        for _ in range(3):
            self.play.turn(taker, 2)

    @rule(which=st.integers(0, 9), body=st.sampled_from(("new", "")))
    def change_what_has_saved(self, which: int, body: str) -> None:
        """A failed attempt has saved something, and before the next one the payload changes."""
        name = named(f"k{which}")
        self.play.enqueue([self.play.intake(name, "ta", JobOptions(attempts=3))])
        self.play.turn("w1", 3)
        for handle in [h for h in self.play.handles[-3:] if h.id == name]:
            save(self.play, handle, "a", b"1")
            self.play.turn("w1", 0, [self._outcome(handle, "error", 900)])
            self._change(name, "", None, 3, body)
            self.play.tick(3)
            self.play.turn("w1", 3)

    def _change(
        self, id_: str, who: str, priority: int | None, delay: int | str | None, body: str
    ) -> None:
        job = self.play.model.jobs.get(id_)
        there = job.intake.body if job else b"nothing"
        self.play.change(
            id_,
            who,
            Changed(
                read={"new": there, "late": b"older", "": None}[body],
                body=self.play.intake(id_, "ta", JobOptions()).body,
                priority=priority,
                lane=None if priority is None else lane_of(priority),
                delay=delay,
                fresh=body == "new",
            ),
        )
