"""What every test shares: a real server, a queue on it, and names that no other test uses.

``REDIS_URL`` set: that server is used, none of it is flushed. Unset: each process starts its own.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cotiza_queue import Queue, Worker, WorkerOptions
from cotiza_queue.store.embedded import acquire

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--row", action="append", help="only tests that show this row")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each report tells the rows that its test shows; with ``--row`` only those tests are run."""
    wanted = set(config.getoption("--row") or ())
    for item in list(items):
        rows = {row for mark in item.iter_markers("row") for row in mark.args}
        item.user_properties += [("row", row) for row in sorted(rows)]
        if wanted and not wanted & rows:
            items.remove(item)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real server for the whole test process."""
    given = os.environ.get("REDIS_URL")
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="cq-") as folder:
        server = asyncio.run(acquire(Path(folder)))
        yield server.url
        asyncio.run(server.release())


@pytest.fixture
async def queue(redis_url: str) -> AsyncIterator[Queue]:
    """An open queue that takes any job type."""
    async with Queue(redis_url) as opened:
        yield opened


@pytest.fixture
def kind() -> str:
    """A job type of this test alone."""
    return f"t{secrets.token_hex(6)}"


Running = Callable[..., AbstractAsyncContextManager[Worker]]


@pytest.fixture
def working(redis_url: str) -> Running:
    """``async with working({type: processor}, **options) as worker``: a worker in this process."""

    @asynccontextmanager
    async def run(
        processors: dict[Any, Any],
        telemetry: Any = None,
        middleware: Any = (),
        hooks: Any = (),
        blobs: Any = None,
        **options: Any,
    ) -> AsyncIterator[Worker]:
        settings = WorkerOptions(**{"handle_signals": False, "drain_ms": 5_000, **options})
        worker = Worker(
            processors,
            redis_url,
            options=settings,
            telemetry=telemetry,
            middleware=middleware,
            hooks=hooks,
            blobs=blobs,
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(worker.run())
            ready = group.create_task(worker.ready.wait())
            await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
            try:
                yield worker
            finally:
                ready.cancel()
                worker.stop()
                await running

    return run
