"""The wires to one server: opened as calls need them, shared by all calls, given up together."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.exceptions import ConnectionError

from .wire import Pushed, Wire, connect

FIRST, SECOND = 0, 1


class Wires:
    """Two for calls, and any number for who needs one of its own. ``pool``: of redis-py's, which
    knows how to connect. All raise what redis-py raises when it can't.
    """

    def __init__(self, pool: Any, silence_s: float, connect_s: float) -> None:
        self._pool = pool
        self._silence_s = silence_s
        self._connect_s = connect_s
        self._calls: list[Wire | None] = [None, None]
        self._opening: list[asyncio.Future[Exception | None] | None] = [None, None]
        self._made: list[Wire] = []
        self._owned: list[Wire] = []
        self.begun = 0
        """How often the calls have begun on a server: each time it may know less than before."""
        self._closed = False

    def opened(self, place: int) -> Wire | None:
        """The wire at FIRST or SECOND, if it is open: what is sent there is done in that order."""
        wire = self._calls[place]
        return wire if wire is not None and wire.open else None

    async def at(self, place: int) -> Wire:
        """The same, opened if need be."""
        while (wire := self.opened(place)) is None:
            await self._open(place)
        return wire

    def idlest(self) -> int:
        """The place of one with nothing under way, if there is such."""
        first, second = self.opened(FIRST), self.opened(SECOND)
        if first is None or first.load == 0:
            return FIRST
        return SECOND if second is None or second.load < first.load else FIRST

    async def own(self, silence_s: float, pushed: Pushed | None = None) -> Wire:
        """A wire for one user, who ends it. It is ended if the calls have to connect anew."""
        wire = await self._connect(silence_s, pushed)
        self._owned = [*(each for each in self._owned if each.open), wire]
        return wire

    def renounce(self) -> None:
        """The server is another one now, or silent: what comes next connects anew."""
        for wire in self._calls:
            if wire is not None:
                wire.retire()

    def close(self) -> None:
        self._closed = True
        for wire in self._made:
            wire.close()

    async def _open(self, place: int) -> None:
        """Whoever needs the wire meanwhile waits for it, and fails with it."""
        if opening := self._opening[place]:
            if error := await asyncio.shield(opening):
                raise error
            return
        self._opening[place] = opening = asyncio.get_running_loop().create_future()
        anew = place == FIRST and self._calls[place] is not None
        failed: Exception | None = None
        try:
            self._calls[place] = await self._connect(self._silence_s)
        except Exception as error:
            failed = error
            raise
        finally:
            opening.set_result(failed)
            self._opening[place] = None
        self.begun += place == FIRST
        if anew:
            self._follow()

    def _follow(self) -> None:
        """The name may lead to another server now. Nobody says so to who only listens to the old
        one, which may go on as a replica.
        """
        for wire in self._owned:
            wire.close()

    async def _connect(self, silence_s: float, pushed: Pushed | None = None) -> Wire:
        async with asyncio.timeout(self._connect_s):
            wire = await connect(self._pool.make_connection(), silence_s, pushed)
        self._made = [each for each in self._made if not each.over.is_set()]
        self._made.append(wire)
        if self._closed:
            wire.close()
            raise ConnectionError("the connection was closed")
        return wire
