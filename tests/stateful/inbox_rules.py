"""Rules of the game about jobs that come alone: they lie in the inbox until the next call, whatever
that is, and must then be as if they had been placed when they came.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.model.policy import JobOptions
from cotiza_queue.store.commands import Settlement

from .bench import WORKERS
from .naming import lying, named
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
USUAL = tuple(name for name in sorted(NEXT) if name != "bound")
"""From a bound on, none comes by the inbox any more."""
plain = st.builds(
    JobOptions,
    priority=st.sampled_from((0, 1)),
    attempts=st.integers(1, 2),
    remove_on_complete=st.sampled_from((False, True, 1)),
    tags=st.sampled_from(((), ("red",))),
    cost=st.sampled_from((1, 1, 3)),
)
tenant = st.sampled_from(("ta", "ta", "tb"))
Asked = list[tuple[JobOptions, str]]


class InboxRules:
    """Part of Game."""

    play: Play
    posted: int = 0
    """Ids that were used: none is ever used again."""

    @rule(
        asked=st.lists(st.tuples(plain, tenant), min_size=1, max_size=9),
        ms=st.sampled_from((0, 0, 1, 700)),
        then=st.sampled_from((*USUAL * 3, "bound", "take", "look")),
        who=st.sampled_from((*[""] * 9, *WORKERS)),
        heard=st.booleans(),
    )
    def post(self, asked: Asked, ms: int, then: str, who: str, heard: bool) -> None:
        """Some come alone, one after the other, and somebody does something. ``who``: has nothing
        to do before.
        """
        if who:
            self._idle(who)
        for options, tenant in asked:
            last = self._posted(options, tenant, heard, 1)
            self.play.tick(ms)
        self.play.place()
        NEXT[then](self.play, last)

    @rule(
        asked=plain,
        tenant=tenant,
        who=st.sampled_from(WORKERS),
        ms=st.sampled_from((0, 0, 1, 1999, 2000)),
        another=st.sampled_from(("", "", "before", "beside", "after", "capped")),
        then=st.sampled_from((*USUAL, "settle", "ask", "ask", "crash")),
        heard=st.booleans(),
        version=st.sampled_from((1, 1, 1, 2)),
    )
    def hand_over(
        self,
        asked: JobOptions,
        tenant: str,
        who: str,
        ms: int,
        another: str,
        then: str,
        heard: bool,
        version: int,
    ) -> None:
        """One comes while somebody has nothing to do; another one before, beside or after it, or
        starts are limited.
        """
        self._idle(who)
        self.play.tick(ms)
        if another == "before":
            self.play.enqueue([self.play.intake(f"other{self.posted}", "ta", JobOptions())])
        elif another == "capped":
            self.play.limit("", {"concurrency": 3})
        alone = self._posted(asked, tenant, heard, version)
        if another == "beside":
            self._posted(asked, tenant, heard, 1)
        self.play.place()
        if another == "after":
            self.play.turn("w9", 20)
            self._posted(asked, tenant, heard, 1)
            self.play.place()
        if then == "crash":
            self.play.crash(who)
        elif then in NEXT:
            NEXT[then](self.play, alone)
        if another == "capped":
            self.play.limit("", {"concurrency": ""})
        token = self.play.running(who).get(named(alone))
        ends = then == "settle" and token
        done = [Settlement("complete", lying(named(alone)), token)] if token and ends else []
        self.play.turn(who, 1, done, idle=True)

    def _idle(self, who: str) -> None:
        for each in WORKERS:
            self.play.turn(each, 20)
        self.play.turn(who, 20, idle=True)

    def _posted(self, asked: JobOptions, tenant: str, heard: bool, version: int) -> str:
        self.posted += 1
        name = f"lone{self.posted}"
        intake = self.play.intake(name, tenant, asked)
        self.play.post(msgspec.structs.replace(intake, plain=True, version=version), heard)
        return name
