"""Records in SQLite (the default) or PostgreSQL, through the same SQLAlchemy Core statements.

A save is one statement that replaces the row unless the row is of the same job and carries a higher
token: a worker that lost its lease and does not know it can't overwrite what its successor saved.

Refuses other databases, and parameters of the URL that it does not know. No error text carries the
URL, the statement or its values: they hold passwords and customers' data.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec
from sqlalchemy import Table, and_, event, or_, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ..errors import ConfigurationError, CotizaError, NotFound, PermanentError, RetryableError
from .protocol import AnalysisRecord, QuoteRecord
from .schema import ANALYSES, QUOTES, bring_up

FILE_NAME = "records.db"
BUSY_TIMEOUT_MS = 5_000
"""How long a SQLite statement waits for another writer."""
SET_UP_TIMEOUT_S = 20.0
"""How long a starting process waits for another one that is making the tables."""
LOCK_PAUSE_S = 0.02
CONNECT_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 30.0
POOL_SIZE = 5
MAX_POOL_OVERFLOW = 5
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""The largest payload or result that is kept; a quote of 1,000 items is far below one megabyte."""

_SET_UP_LOCK = int.from_bytes(b"cotiza-q", "big")
"""The number of our advisory lock in PostgreSQL (64 bit, signed)."""
_WRONG_SETTING = frozenset({"28000", "28P01", "3D000"})
# PostgreSQL, Appendix A: refused user, wrong password, no such database.
_OUR_FAULT = ("22", "23", "42")
# The same: data exception, integrity violation, syntax error or missing right.
_NO_DATABASE = frozenset({"SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_READONLY", "SQLITE_PERM"})

RecordT = TypeVar("RecordT", AnalysisRecord, QuoteRecord)


class SqlRecords:
    """``Records`` in a database. One object per process; ``close`` ends its connections.

    Beside the protocol's errors: PermanentError ``record_too_large`` or ``records_refused``.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        """For ``open``, which also makes the tables."""
        self._engine = engine
        self._insert: Any = sqlite.insert if _is_sqlite(engine.url) else postgresql.insert

    @classmethod
    async def open(cls, url: str | None, data_dir: Path) -> Self:
        """Connect and make the tables if they are missing; several processes may do so at once.

        ``url``: ``postgresql://user:password@host:port/database`` (also ``postgres://`` and
        ``postgresql+asyncpg://``) or ``sqlite:////path``; None for ``records.db`` in ``data_dir``.
        Raises ConfigurationError if the URL, the user or the database is wrong, RetryableError if
        the server can't be reached.
        """
        parsed = (
            _parse(url)
            if url
            else URL.create("sqlite+aiosqlite", database=str(data_dir / FILE_NAME))
        )
        engine = _engine(parsed)
        try:
            with _explained():
                if _is_sqlite(parsed):
                    await _set_up_sqlite(engine, Path(str(parsed.database)))
                else:
                    await _set_up_postgres(engine)
        except BaseException:
            await engine.dispose()
            raise
        return cls(engine)

    async def save_analysis(self, record: AnalysisRecord) -> bool:
        return await self._save(ANALYSES, record, record.result)

    async def analysis(self, tenant: str, file_id: str) -> AnalysisRecord:
        return await self._load(ANALYSES, AnalysisRecord, (tenant, file_id))

    async def save_quote(self, record: QuoteRecord) -> bool:
        return await self._save(QUOTES, record, record.payload, record.result)

    async def quote(self, tenant: str, quote_id: str) -> QuoteRecord:
        return await self._load(QUOTES, QuoteRecord, (tenant, quote_id))

    async def close(self) -> None:
        await self._engine.dispose()

    async def _save(
        self, table: Table, record: AnalysisRecord | QuoteRecord, *documents: bytes
    ) -> bool:
        if max(len(document) for document in documents) > MAX_DOCUMENT_BYTES:
            raise PermanentError(
                f"a record may hold at most {MAX_DOCUMENT_BYTES:,} bytes", code="record_too_large"
            )
        new = self._insert(table).values(msgspec.structs.asdict(record))
        statement = new.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={
                column.name: new.excluded[column.name]
                for column in table.c
                if not column.primary_key
            },
            where=or_(table.c.job_id != new.excluded.job_id, table.c.token <= new.excluded.token),
        ).returning(table.c.token)
        with _explained():
            async with self._engine.begin() as connection:
                written = (await connection.execute(statement)).first()
        return written is not None

    async def _load(self, table: Table, kind: type[RecordT], key: tuple[str, str]) -> RecordT:
        columns = zip(table.primary_key, key, strict=True)
        statement = select(table).where(and_(*(column == value for column, value in columns)))
        with _explained():
            async with self._engine.connect() as connection:
                row = (await connection.execute(statement)).mappings().first()
        if row is None:
            raise NotFound(f"there is no such record among the {table.name}")
        return kind(**row)


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise _wrong_url("it can't be read as a URL") from None
    match url.drivername:
        case "sqlite" | "sqlite+aiosqlite":
            if not url.database or url.database == ":memory:" or url.query:
                raise _wrong_url("for SQLite it must name a file, and nothing else")
            return url.set(drivername="sqlite+aiosqlite")
        case "postgres" | "postgresql" | "postgresql+asyncpg":
            return url.set(drivername="postgresql+asyncpg")
        case _:
            raise _wrong_url("only SQLite and PostgreSQL are known here")


def _wrong_url(reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"DATABASE_URL is wrong: {reason}",
        remedy="Set it to postgresql://user:password@host:port/database, or unset it for SQLite.",
    )


def _engine(url: URL) -> AsyncEngine:
    common: dict[str, Any] = {
        "hide_parameters": True,
        "pool_size": POOL_SIZE,
        "max_overflow": MAX_POOL_OVERFLOW,
    }
    if _is_sqlite(url):
        engine = create_async_engine(url, **common)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        return engine
    url, arguments = _postgres_arguments(url)
    try:
        return create_async_engine(
            url,
            connect_args=arguments,
            pool_pre_ping=True,
            pool_timeout=CONNECT_TIMEOUT_S,
            **common,
        )
    except ImportError:
        raise ConfigurationError(
            "PostgreSQL needs a driver that is not installed",
            remedy="pip install 'cotiza-queue[postgres]'",
        ) from None


def _postgres_arguments(url: URL) -> tuple[URL, dict[str, Any]]:
    """What the driver is to be told, in its own words: the URL may use those of libpq."""
    arguments: dict[str, Any] = {
        "timeout": CONNECT_TIMEOUT_S,
        "command_timeout": STATEMENT_TIMEOUT_S,
    }
    names: dict[str, str] = {"application_name": "cotiza-queue"}
    for name, value in url.query.items():
        match name:
            case "sslmode" | "ssl":
                arguments["ssl"] = value
            case "application_name":
                names[name] = str(value)
            case "host" | "port":
                continue  # understood by SQLAlchemy: a socket's folder, or several hosts
            case _:
                raise _wrong_url(f"its parameter {name!r:.40} is not known here")
    arguments["server_settings"] = names
    return url.difference_update_query(["sslmode", "ssl", "application_name"]), arguments


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


async def _set_up_sqlite(engine: AsyncEngine, path: Path) -> None:
    _make_private_file(path)
    async with _file_lock(path.with_name(path.name + ".lock")):
        async with engine.connect() as connection:
            # It stays in the file. SQLite does not wait when two switch at once, hence the lock.
            await connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        async with engine.begin() as connection:
            await connection.run_sync(bring_up)


def _make_private_file(path: Path) -> None:
    """An empty file is an empty SQLite database; made by us, only its owner can read it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise ConfigurationError(
            f"the file of the records can't be used: {error.strerror}",
            remedy="Check COTIZA_DATA_DIR or DATABASE_URL, and the rights on that folder.",
        ) from None


async def _set_up_postgres(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        # CREATE TABLE IF NOT EXISTS fails when two do it at once; the lock ends with the
        # transaction.
        await connection.execute(text(f"SET LOCAL lock_timeout = {int(SET_UP_TIMEOUT_S * 1000)}"))
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(:number)"), {"number": _SET_UP_LOCK}
        )
        await connection.run_sync(bring_up)


@asynccontextmanager
async def _file_lock(path: Path) -> AsyncIterator[None]:
    """Hold the lock of a file; the system frees it when the process dies. Raises TimeoutError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        async with asyncio.timeout(SET_UP_TIMEOUT_S):
            while not _taken(descriptor):  # noqa: ASYNC110 another process has it, no event tells
                await asyncio.sleep(LOCK_PAUSE_S)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except CotizaError:
        raise
    except Exception as error:
        explanation = _explanation(error)
        if explanation is None:
            raise
        raise explanation from None


def _explanation(error: Exception) -> CotizaError | None:
    """What a driver's or SQLAlchemy's error means, or None for a fault of our own code."""
    cause: Any = error.orig if isinstance(error, DBAPIError) else error
    state: str | None = getattr(cause, "sqlstate", None)
    if state in _WRONG_SETTING:
        return ConfigurationError(
            f"the database refuses the user or has no such database ({state})",
            remedy="Check DATABASE_URL.",
        )
    if isinstance(cause, sqlite3.Error) and cause.sqlite_errorname in _NO_DATABASE:
        return ConfigurationError(
            f"the file of the records can't be used ({cause.sqlite_errorname})",
            remedy="Check that it is a SQLite database, and its owner and mode.",
        )
    if isinstance(error, IntegrityError | DataError | ProgrammingError) or (state or "").startswith(
        _OUR_FAULT
    ):
        return PermanentError(
            f"the database does not take that record ({type(cause).__name__})",
            code="records_refused",
        )
    if state is not None or isinstance(error, SQLAlchemyError | OSError | TimeoutError):
        return RetryableError(
            f"the database can't be used now ({type(cause).__name__})", code="records_unavailable"
        )
    return None
