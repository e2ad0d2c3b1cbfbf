"""Rules of the game about retention by bytes."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.model.policy import JobOptions
from cotiza_queue.store.commands import Settlement

from .naming import named
from .play import Play


class RetentionRules:
    """Part of Game."""

    play: Play

    @rule(most=st.sampled_from((1, 150, 400, 1200, "", "")))
    def retain(self, most: float | str) -> None:
        self.play.limit("", {"retain_bytes": most})

    @rule(
        which=st.integers(0, 3),
        most=st.sampled_from((1, 200, 500, 900)),
        limit=st.sampled_from((1, 2, 100)),
    )
    def fill_up(self, which: int, most: int, limit: int) -> None:
        """Some end one after the other, others are cancelled; then there is too much of it."""
        play = self.play
        for n in range(5):
            name = named(f"b{which}{n}")
            play.enqueue([play.intake(name, "ta" if n % 2 else "tb", JobOptions())])
            for delivery in play.turn("w2", 2):
                result = b'"' + b"r" * (20 * n) + b'"'
                play.turn(
                    "w2", 0, [Settlement("complete", delivery.stored, delivery.token, result)]
                )
            if n == 3:
                play.cancel(name, "")
            play.tick(1)
        play.limit("", {"retain_bytes": most})
        for _ in range(3):
            play.prune(limit, 3_600_000)
        play.limit("", {"retain_bytes": ""})
