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
SPAN_BITS = 9
"""A run ends with a span of 2**9 ms: the first bits of the time are the same for all of it."""
SHARED_BYTES = 9
"""Of the chance of an id, what is the run's: 45 bits. Its place in the run follows."""
_OWN_BYTES = RANDOM_BYTES - SHARED_BYTES - 1


class Runs:
    """Of one queue. Two processes never share a run, even if one is a fork of the other."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._run = (-1, -1)
        """The span and the process that it belongs to."""
        self._next = JOBS
        self._drawn = b""

    def chance(self, now_ms: int) -> bytes:
        """For an id made now: RANDOM_BYTES, different for each id of a run. Who knows one id has
        2**20 guesses at a neighbour of the same millisecond, and each must carry its tenant's mark.
        """
        run = (now_ms >> SPAN_BITS, os.getpid())
        if self._next >= JOBS or run != self._run:
            self._run, self._next = run, 0
            self._drawn = self._chance.random_bytes(SHARED_BYTES + JOBS * _OWN_BYTES)
        n, drawn = self._next, self._drawn
        self._next = n + 1
        own = SHARED_BYTES + n * _OWN_BYTES
        return drawn[:SHARED_BYTES] + n.to_bytes(1, "big") + drawn[own : own + _OWN_BYTES]
