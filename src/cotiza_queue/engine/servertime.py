"""What time the server has: as it said in a reply, carried on by this machine's monotonic clock."""

from __future__ import annotations

from ..clock import Clock


class ServerTime:
    """Made when a reply arrives. It is late by the reply's way here, and never early."""

    def __init__(self, now_ms: int, clock: Clock) -> None:
        self._said_ms = now_ms
        self._clock = clock
        self._since = clock.monotonic()

    def now_ms(self) -> float:
        """Milliseconds since the epoch, by the server's clock."""
        return self._said_ms + (self._clock.monotonic() - self._since) * 1000
