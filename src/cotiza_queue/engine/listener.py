"""Hears the hints that spare idle workers their polling: new work, and running jobs that were
cancelled.

A lost hint costs at most a poll period, or a third of a lease: nothing depends on hearing it.
"""

from __future__ import annotations

from ..store.connection import Connection
from ..store.hints import Heard, Hints


class Listener:
    """One subscription for all queues of a worker."""

    name = "listener"

    def __init__(self, connection: Connection, heard: Heard) -> None:
        self._connection = connection
        self._heard = heard

    async def tick(self) -> float:
        """Listens until the connection breaks; then the beat comes back here. Hints missed
        meanwhile are made up for.
        """
        async with Hints(self._connection, self._heard) as hints:
            for action in self._heard.values():
                action("wake")
            await hints.last()
