"""Chance for job ids. Ids that are made one after the other share the most of it, so that their
records lie in one hash of Redis (store/ids.py): together they take less than half of the memory.
"""

from __future__ import annotations

import os

from ..chance import Chance
from ..model.ids import CHANCE_BITS

JOBS = 31
"""Of one run: a character of the id tells them apart, and with the names of two workers they are
half of what Redis keeps as a small hash (128 entries).
"""
SPAN_BITS = 14
"""A run ends with a span of 2**14 ms: the first bits of the time are the same for all of it. So a
caller with two jobs a second still fills it.
"""
SHARED_BITS = 50
"""Of the chance of an id, what is the run's. Its place in the run follows."""
_PLACE_BITS = 5
_REST_BITS = CHANCE_BITS - SHARED_BITS
_OWN_BITS = _REST_BITS - _PLACE_BITS
_BYTES = 7 + 2 * JOBS
"""Of chance for a run: what it shares, and what is each id's own."""


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
        self._shared = 0
        self._own: list[int] = []

    def chance(self, now_ms: int) -> int:
        """For an id made now: CHANCE_BITS, different for each id of a run. Who knows one id has
        2**15 guesses at a neighbour of the same millisecond, and each must carry its tenant's mark.
        """
        n, span = self._next, now_ms >> SPAN_BITS
        if n == JOBS or span != self._span or _Process.forks != self._forks:
            n = self._begin(span)
        self._next = n + 1
        return self._shared | n << _OWN_BITS | self._own[n]

    def _begin(self, span: int) -> int:
        """A run; its first place."""
        self._span, self._forks = span, _Process.forks
        drawn = int.from_bytes(self._chance.random_bytes(_BYTES), "big")
        self._shared = (drawn & (1 << SHARED_BITS) - 1) << _REST_BITS
        own = (1 << _OWN_BITS) - 1
        self._own = [drawn >> SHARED_BITS + n * _OWN_BITS & own for n in range(JOBS)]
        return 0
