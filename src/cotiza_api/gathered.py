"""A connection's way out, on which everything that is written within one turn of the event loop
leaves in one call of the kernel: the head of an answer with its body, or several events of a
stream.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Transport
from typing import Any

MOST_BYTES = 64 * 1024
"""More is not held back: so the transport hears of it, and makes a slow client's writer wait."""


class Gathered:
    """Stands in for a transport. What it does not do itself, the transport does."""

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._held_bytes = 0

    def write(self, data: bytes) -> None:
        """Send at the end of this turn of the loop, or now if it has become much."""
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > MOST_BYTES:
            self._send()

    def close(self) -> None:
        """Close once all is sent."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        parts, self._held, self._held_bytes = self._held, [], 0
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
