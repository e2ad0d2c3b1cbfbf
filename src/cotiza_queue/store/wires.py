"""The wires to one server: opened as calls need them, shared by all calls, given up together."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.exceptions import ConnectionError

from .wire import Pushed, Wire, connect


class Wires:
    """Up to ``most`` of them for calls, and any number for who needs one of its own. ``pool``: of
    redis-py's, which knows how to connect.
    """

    def __init__(self, pool: Any, most: int, silence_s: float, connect_s: float) -> None:
        self._pool = pool
        self._most = most
        self._silence_s = silence_s
        self._connect_s = connect_s
        self._shared: list[Wire] = []
        self._made: list[Wire] = []
        self._opening: asyncio.Future[Exception | None] | None = None
        self._closed = False

    async def idlest(self, *, apart: bool) -> Wire:
        """An open wire. With ``apart``, one with nothing else under way, if there may be such.
        Raises what redis-py raises when it can't connect.
        """
        while True:
            best = self._best()
            full = len(self._shared) >= self._most
            if best is not None and (full or not apart or best.load == 0):
                return best
            if self._opening is None:
                await self._open_shared()
            elif best is not None:
                return best
            elif error := await asyncio.shield(self._opening):
                raise error

    async def own(self, silence_s: float, pushed: Pushed | None = None) -> Wire:
        """A wire for one user, who ends it."""
        return await self._connect(silence_s, pushed)

    def renounce(self) -> None:
        """The server is another one now, or silent: what comes next connects anew."""
        for wire in self._shared:
            wire.retire()
        self._shared.clear()

    def close(self) -> None:
        self._closed = True
        for wire in self._made:
            wire.close()

    def _best(self) -> Wire | None:
        best = None
        for wire in self._shared:
            if not wire.open:
                self._shared = [each for each in self._shared if each.open]
                return self._best()
            if best is None or wire.load < best.load:
                best = wire
        return best

    async def _open_shared(self) -> None:
        """Whoever needs a wire meanwhile waits for this one, and fails with it."""
        self._opening = asyncio.get_running_loop().create_future()
        failed: Exception | None = None
        try:
            self._shared.append(await self._connect(self._silence_s))
        except Exception as error:
            failed = error
            raise
        finally:
            self._opening.set_result(failed)
            self._opening = None

    async def _connect(self, silence_s: float, pushed: Pushed | None = None) -> Wire:
        async with asyncio.timeout(self._connect_s):
            wire = await connect(self._pool.make_connection(), silence_s, pushed)
        self._made = [each for each in self._made if not each.over.is_set()]
        self._made.append(wire)
        if self._closed:
            wire.close()
            raise ConnectionError("the connection was closed")
        return wire
