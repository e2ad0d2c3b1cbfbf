"""Checkpoints, played and checked: saved by the holder only, kept as long as the job may go on."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.store.commands import Delivery

from .bench import CHECKPOINTS, Handle
from .play import TYPE, Play


class CheckpointRules:
    """Part of Game."""

    play: Play
    _handle: Any
    _outcome: Any

    @rule(which=st.integers(0, 40), name=st.sampled_from("abc"), n=st.integers(0, 9))
    def save(self, which: int, name: str, n: int) -> None:
        if handle := self._handle(which):
            save(self.play, handle, name, b"%d" % n)

    @rule(which=st.integers(0, 40))
    def save_many(self, which: int) -> None:
        """More than may be."""
        for name in "abc":
            if handle := self._handle(which):
                save(self.play, handle, name, b"1")

    @rule(which=st.integers(0, 40), how=st.sampled_from(("complete", "fatal", "error", "discard")))
    def save_and_end(self, which: int, how: str) -> None:
        """And then, perhaps, another life."""
        if handle := self._handle(which):
            save(self.play, handle, "a", b"1")
            self.play.turn(handle.worker, 0, [self._outcome(handle, how, 0)])
            self.play.replay(handle.id, "")
            self.play.turn(handle.worker, 3)


def save(play: Play, handle: Handle, name: str, value: bytes) -> None:
    """One save, compared with the model's."""
    delivery = Delivery(TYPE.name, handle.stored, handle.token, 1, 0, "", b"")
    answer = play._call(
        f"{handle.worker}: save {name}={value!r} of {handle.id}#{handle.token}",
        play.bench.commands.save(TYPE.name, delivery, name, value),
    )
    job = play.model.jobs.get(handle.id)
    wanted = "lost"
    if job is not None and job.status == "active" and job.token == handle.token:
        full = name not in job.saved and len(job.saved) >= CHECKPOINTS
        wanted = "full" if full else "ok"
        if not full:
            job.saved[name] = value
    play._same("C14", answer, wanted)
    play._check()
