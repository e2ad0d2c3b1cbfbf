"""Rules of the game about large content: what nobody refers to any more is named as litter, and
what somebody refers to never is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.model.job import Blob
from cotiza_queue.model.policy import JobOptions
from cotiza_queue.store import codec
from cotiza_queue.store.commands import Settlement

from .naming import named

if TYPE_CHECKING:
    from .oracle import Model
    from .play import Play
    from .snapshot import Snapshot


options = st.builds(
    JobOptions,
    attempts=st.integers(1, 2),
    delay=st.sampled_from((0, 0, 700)),
    remove_on_complete=st.sampled_from((False, True, 1)),
    remove_on_fail=st.sampled_from((False, True, 1)),
    unique_key=st.sampled_from((None, None, "u")),
    on_duplicate=st.sampled_from(("keep", "replace", "next")),
)


class LitterRules:
    """Part of Game."""

    play: Play
    _intake: Any
    _handle: Any
    _names = itertools.count()

    def _store(self) -> str:
        """A name of content that has been put into the store."""
        name = f"content-{next(self._names)}"
        self.play.model.stored.add(name)
        return name

    @rule(which=st.integers(0, 40), asked=options, twice=st.booleans())
    def enqueue_large(self, which: int, asked: JobOptions, twice: bool) -> None:
        intake = msgspec.structs.replace(self._intake(which, asked), blob=self._store())
        self.play.enqueue([intake])
        if twice:
            self.play.enqueue([msgspec.structs.replace(intake, blob=self._store())])

    @rule(which=st.integers(0, 40), twice=st.booleans())
    def settle_large(self, which: int, twice: bool) -> None:
        handle = self._handle(which)
        if handle is None:
            return
        value = codec.encode_stored(Blob(self._store(), 1, "x"))
        outcome = Settlement("complete", handle.stored, handle.token, value, 7)
        for heard in (False, True) if twice else (True,):
            self.play.turn(handle.worker, 0, [outcome], heard=heard)

    @rule(
        which=st.integers(0, 3), kept=st.booleans(), then=st.sampled_from(("prune", "replay", ""))
    )
    def large_letter(self, which: int, kept: bool, then: str) -> None:
        """A job with a large payload fails for good; then it, or its dead letter, goes first."""
        play, id_ = self.play, named(f"l{which}")
        asked = JobOptions(attempts=1, priority=1, remove_on_fail=not kept)
        play.enqueue([msgspec.structs.replace(play.intake(id_, "ta", asked), blob=self._store())])
        for delivery in play.turn("w3", 3):
            value = b'{"code":"x","message":"x","at":0,"attempt":1}'
            play.turn("w3", 0, [Settlement("fail", delivery.stored, delivery.token, value)])
        play.tick(1)
        if then == "prune":
            play.prune(100, 0)
        elif then == "replay":
            play.replay(id_, "ta")

    @rule(which=st.integers(0, 3), how=st.sampled_from(("replace", "next", "keep")))
    def large_successor(self, which: int, how: Any) -> None:
        """The same unique key twice, with a large payload each."""
        play = self.play
        asked = JobOptions(unique_key=f"large{which}", on_duplicate=how, delay=700)
        for n in range(2):
            intake = play.intake(f"s{which}{n}", "tb", asked)
            play.enqueue([msgspec.structs.replace(intake, blob=self._store())])

    @rule(limit=st.sampled_from((1, 2, 100)))
    def sweep_up(self, limit: int) -> None:
        play = self.play
        discarded = play.bench.commands.discarded
        names = play._call("discarded", discarded("model", limit, []))
        play._call(f"delete {names}", discarded("model", limit, names))
        play.model.stored -= set(names)
        play._check()


def litter(model: Model, found: Snapshot) -> Iterator[tuple[str, str]]:
    """Of all that was stored, exactly what nobody refers to."""
    needed = {job.intake.blob for job in model.jobs.values()}
    needed |= {letter.intake.blob for letter in model.letters.values()}
    for job in model.jobs.values():
        stored = codec.decode_result(job.result or b"")[1]
        needed.add(stored.key if stored else "")
    there, wanted = set(found.zsets.get("litter", {})), model.stored - needed
    if there != wanted:
        yield (
            "A11",
            f"too much litter {sorted(there - wanted)}, too little {sorted(wanted - there)}",
        )
