"""Lets so many through at once. Who comes later waits; the first come are the first to go."""

from __future__ import annotations

import asyncio
from collections import deque


class Turnstile:
    """``most`` places. ``leave`` must follow on each ``passed`` that was true and each ``turn``."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: deque[asyncio.Future[None]] = deque()

    def passed(self) -> bool:
        """Take a place, if there is one."""
        if self._free == 0:
            return False
        self._free -= 1
        return True

    async def turn(self, patience_s: float) -> None:
        """Wait for a place. Raises TimeoutError."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(patience_s):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.leave()  # It came just when nobody waited for it any more.
            raise

    def leave(self) -> None:
        """The place goes to who has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
