"""Hears the hints that spare idle workers their polling: new work, and running jobs that were
cancelled.

A lost hint costs at most a poll period, or a third of a lease: nothing depends on hearing it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..store.connection import Connection
from ..store.hints import Hints

_LISTEN_S = 1.0


class Listener:
    """One subscription for all queues of a worker. ``heard``: job type → what to do with a hint's
    text.
    """

    name = "listener"

    def __init__(self, connection: Connection, heard: Mapping[str, Callable[[str], None]]) -> None:
        self._connection = connection
        self._heard = heard

    async def tick(self) -> float:
        """Listens until the connection breaks; then the beat comes back here. Hints missed
        meanwhile are made up for.
        """
        async with Hints(self._connection, self._heard) as hints:
            for action in self._heard.values():
                action("wake")
            while True:
                hint = await hints.next(_LISTEN_S)
                if hint is not None:
                    self._heard[hint[0]](hint[1])
