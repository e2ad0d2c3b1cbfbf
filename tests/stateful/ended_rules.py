"""Rules of the game about jobs that end together, and then go one by one or all at once."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.model.outcome import Failure
from cotiza_queue.model.policy import JobOptions, KeepFor
from cotiza_queue.store import codec
from cotiza_queue.store.commands import Settlement

from .naming import named
from .play import Play

FAILURE = codec.encode_failure(Failure(code="no", message="no", at=0, attempt=1, worker="w3"))
TOGETHER = 10
"""More than one bundle holds."""
LATER = ("replay", "bury", "clean", "clean", "prune", "prune", "shed")


class EndedRules:
    """Part of Game."""

    play: Play

    @rule(
        which=st.integers(0, 3),
        kind=st.sampled_from(("complete", "fail", "discard")),
        keep=st.sampled_from((KeepFor(age=2), KeepFor(age=2), KeepFor(age=2, count=3), 1, False)),
        then=st.lists(st.tuples(st.sampled_from(LATER), st.integers(0, TOGETHER)), max_size=4),
    )
    def end_together(self, which: int, kind: Any, keep: Any, then: list[tuple[str, int]]) -> None:
        """Some end in one call; then one is replayed or removed, or some of them, or all."""
        play = self.play
        options = JobOptions(remove_on_complete=keep, remove_on_fail=keep, attempts=1)
        ids = [named(f"e{which}{n}") for n in range(TOGETHER)]
        play.enqueue([play.intake(i, "tb" if n % 3 else "ta", options) for n, i in enumerate(ids)])
        taken = play.turn("w3", TOGETHER)
        play.turn("w3", 0, [Settlement(kind, d.stored, d.token, FAILURE) for d in taken])
        for what, n in then:
            self._later(what, ids[n % TOGETHER], n)

    def _later(self, what: str, id_: str, n: int) -> None:
        play = self.play
        statuses = ("completed", "failed", "cancelled")
        if what == "replay":
            play.replay(id_, "")
        elif what == "bury":
            play.bury(id_, "")
        elif what == "clean":
            play.clean(statuses[n % 3], 0, ("", "ta", "tb")[n % 2], (n % 2, 1 + n))
        elif what == "prune":
            play.tick(2000 if n % 2 else 1999)
            play.prune(1 + n, 3_600_000)
        elif what == "shed":
            play.limit("", {"retain_bytes": 1 + 10 * n})
            play.prune(1 + n, 3_600_000)
            play.limit("", {"retain_bytes": ""})
