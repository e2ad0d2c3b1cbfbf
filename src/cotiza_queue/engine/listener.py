"""Hears what spares idle workers their polling: hints of new work, jobs that they are handed, and
which running jobs were cancelled.

What is lost costs at most a poll period, or a third of a lease: nothing depends on hearing it.
"""

from __future__ import annotations

from ..store.connection import Connection
from ..store.hints import Handed, Heard, Hints


class Listener:
    """One subscription for all queues of a worker."""

    name = "listener"

    def __init__(self, connection: Connection, worker: str, heard: Heard, handed: Handed) -> None:
        self._connection = connection
        self._worker = worker
        self._handed = handed
        self._heard = heard

    async def tick(self) -> float:
        """Listens until the connection breaks; then the beat comes back here. Hints missed
        meanwhile are made up for.
        """
        async with Hints(self._connection, self._worker, self._heard, self._handed) as hints:
            for action in self._heard.values():
                action("wake")
            await hints.last()
