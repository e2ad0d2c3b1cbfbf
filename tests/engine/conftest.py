"""A server whose clock the test moves, for whoever needs one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from cotiza_queue.store.connection import Connection
from stateful.server import Missing, TimedServer, timed_server


@pytest.fixture(scope="module")
def timed() -> Iterator[TimedServer]:
    """A server whose clock stands still until the test moves it."""
    try:
        with timed_server("valkey") as server:
            yield server
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
async def connection(timed: TimedServer) -> AsyncIterator[Connection]:
    """A way to that server, which is empty."""
    opened = Connection(timed.url)
    await opened.command("FLUSHALL")
    yield opened
    await opened.close()
