"""Where time comes from on the Python side. Decisions about jobs use the Redis server's clock, not
this one.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """Tells the time. Handed in wherever a moment or a span is needed."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch (UTC wall clock)."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back; only differences mean something."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


def iso(moment_ms: int) -> str:
    """A moment in milliseconds since the epoch as ISO-8601 UTC with milliseconds:
    ``2026-11-23T14:05:06.789Z``.
    """
    return f"{_second(moment_ms // 1000)}.{moment_ms % 1000:03d}Z"


@lru_cache(256)
def _second(moment_s: int) -> str:
    """Many moments that are shown are of the same few seconds."""
    return f"{datetime.fromtimestamp(moment_s, UTC):%Y-%m-%dT%H:%M:%S}"


def parse_iso(text: str) -> int:
    """ISO-8601 with an offset → milliseconds since the epoch. ValueError without an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the time has no offset; end it with Z or +hh:mm")
    return int(moment.timestamp() * 1000)
