"""Rules of the game about jobs that come alone: they lie in the inbox until the next call, whatever
that is, and must then be as if they had been placed when they came.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.model.policy import JobOptions

from .naming import named
from .play import Play

NEXT: dict[str, Callable[[Play, str], object]] = {
    "take": lambda play, _: play.turn("w1", 2),
    "look": lambda play, name: play.look("", named(name)),
    "cancel": lambda play, name: play.cancel(named(name), ""),
    "renew": lambda play, _: play.renew("w2", []),
    "sweep": lambda play, _: play.sweep("w2"),
    "leave": lambda play, _: play.leave("w2"),
    "prune": lambda play, _: play.prune(1, 0),
    "pause": lambda play, _: play.pause("ta", True),
    "bound": lambda play, _: play.limit("tb", {"depth": 2}),
    "schedule": lambda play, _: play.schedule("s1", "put"),
    "one more": lambda play, name: play.enqueue([play.intake(f"{name}x", "ta", JobOptions())]),
    "many more": lambda play, name: play.enqueue(
        [play.intake(f"{name}x{n}", "tb", JobOptions()) for n in range(3)]
    ),
}
plain = st.builds(
    JobOptions,
    priority=st.sampled_from((0, 1)),
    attempts=st.integers(1, 2),
    remove_on_complete=st.sampled_from((False, True, 1)),
    tags=st.sampled_from(((), ("red",))),
    cost=st.sampled_from((1, 1, 3)),
)
tenant = st.sampled_from(("ta", "ta", "tb"))


class InboxRules:
    """Part of Game."""

    play: Play
    posted: int = 0
    """Ids that were used: none is ever used again."""

    @rule(
        asked=st.lists(st.tuples(plain, tenant), min_size=1, max_size=9),
        ms=st.sampled_from((0, 0, 1, 700)),
        then=st.sampled_from((*sorted(NEXT), "take", "take", "look")),
    )
    def post(self, asked: list[tuple[JobOptions, str]], ms: int, then: str) -> None:
        """Some come alone, one after the other, and somebody does something."""
        for options, tenant in asked:
            self.posted += 1
            intake = self.play.intake(f"p{self.posted}", tenant, options)
            self.play.post(msgspec.structs.replace(intake, plain=True))
            self.play.tick(ms)
        self.play.place()
        NEXT[then](self.play, f"p{self.posted}")
