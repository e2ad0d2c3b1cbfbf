"""One embedded server for all tests of a process, and an empty database of it for each queue.

Job types, ids and keys of two databases never meet, so tests need no names of their own.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from ..errors import ConfigurationError
from ..store.connection import Connection
from ..store.embedded import EmbeddedServer, acquire

DATABASES = 16
"""What a server has if it is told nothing else: so many queues may be open at once."""


class Database(NamedTuple):
    """An empty database for one test. ``number``: its place on the server."""

    url: str
    number: int


class _Shared:
    """The server of this process. It is started when first needed, and ends with the process."""

    def __init__(self) -> None:
        self._server: EmbeddedServer | None = None
        self._free = set(range(DATABASES))

    async def url(self) -> str:
        if self._server is None:
            folder = Path(tempfile.mkdtemp(prefix="cotiza-testing-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            self._server = await acquire(folder)
        return self._server.url

    def take(self) -> int:
        if not self._free:
            raise ConfigurationError(
                f"{DATABASES} testing queues are open; that is the limit",
                remedy="Close some: leave their `async with`.",
            )
        number = min(self._free)
        self._free.remove(number)
        return number

    def give_back(self, number: int) -> None:
        self._free.add(number)


_shared = _Shared()


@asynccontextmanager
async def database() -> AsyncIterator[Database]:
    """An empty database, no one else's while the block lasts."""
    server = await _shared.url()
    number = _shared.take()
    try:
        url = f"{server}?db={number}"
        await _empty(url)
        yield Database(url, number)
    finally:
        _shared.give_back(number)


async def _empty(url: str) -> None:
    connection = Connection(url)
    try:
        await connection.command("FLUSHDB")
    finally:
        await connection.close()
