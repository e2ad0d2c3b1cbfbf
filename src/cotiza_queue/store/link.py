"""The way to Redis: the server of REDIS_URL, or else the embedded one of a data directory."""

from __future__ import annotations

from pathlib import Path

from ..telemetry import LogTelemetry
from .commands import Commands
from .connection import Connection
from .embedded import EmbeddedServer, acquire
from .events import EventReader
from .library import Library
from .views import Views


class Link:
    """An open way to one server, with everything that speaks over it."""

    def __init__(
        self,
        url: str,
        embedded: EmbeddedServer | None,
        functions: Library | None = None,
    ) -> None:
        self.url = url
        self.embedded = embedded
        self.connection = Connection(url, functions)
        self.commands = Commands(self.connection)
        self.views = Views(self.connection)
        self.events = EventReader(self.connection, LogTelemetry())

    @classmethod
    async def open(
        cls,
        redis_url: str | None,
        data_dir: Path,
        functions: Library | None = None,
    ) -> Link:
        """Raises ConfigurationError for an unusable URL, or if there is no server to embed."""
        if redis_url:
            return cls(redis_url, None, functions)
        embedded = await acquire(data_dir)
        return cls(embedded.url, embedded, functions)

    async def close(self) -> None:
        await self.connection.close()
        if self.embedded is not None:
            await self.embedded.release()
