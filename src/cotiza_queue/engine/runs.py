"""Chance for job ids. Ids that are made one after the other share the most of it, so that their
records lie in one hash of Redis (store/ids.py): together they take less than half of the memory.
"""

from __future__ import annotations

import os

from ..chance import Chance
from ..model.ids import RANDOM_BYTES

JOBS = 31
"""Of one run: a character of the id tells them apart, and with the names of two workers they are
half of what Redis keeps as a small hash (128 entries).
"""
SPAN_BITS = 14
"""A run ends with a span of 2**14 ms: the first bits of the time are the same for all of it. So a
caller with two jobs a second still fills it.
"""
SHARED_BYTES = 10
"""Of the chance of an id, what is the run's: 50 bits. Its place in the run follows."""
_OWN_BYTES = RANDOM_BYTES - SHARED_BYTES - 1
_PLACES = tuple(n.to_bytes(1, "big") for n in range(JOBS))


class _Process:
    """Counts how often this one has come to be by a fork."""

    forks = 0


def _forked() -> None:
    _Process.forks += 1


os.register_at_fork(after_in_child=_forked)


class Runs:
    """Of one queue. Two processes never share a run, even if one is a fork of the other."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._next = JOBS
        self._span = self._forks = -1
        self._shared = self._own = b""

    def chance(self, now_ms: int) -> bytes:
        """For an id made now: RANDOM_BYTES, different for each id of a run. Who knows one id has
        2**15 guesses at a neighbour of the same millisecond, and each must carry its tenant's mark.
        """
        n, span = self._next, now_ms >> SPAN_BITS
        if n == JOBS or span != self._span or _Process.forks != self._forks:
            n = self._begin(span)
        self._next = n + 1
        own = n * _OWN_BYTES
        return self._shared + _PLACES[n] + self._own[own : own + _OWN_BYTES]

    def _begin(self, span: int) -> int:
        """A run; its first place."""
        self._span, self._forks = span, _Process.forks
        drawn = self._chance.random_bytes(SHARED_BYTES + JOBS * _OWN_BYTES)
        self._shared, self._own = drawn[:SHARED_BYTES], drawn[SHARED_BYTES:]
        return 0
