"""Opening a database: wrong settings, outages, schema versions, and secrets that stay secret."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import asyncpg
import msgspec
import pytest
from sqlalchemy import Connection, create_engine, text

from cotiza_queue.errors import (
    ConfigurationError,
    CotizaError,
    NotFound,
    PermanentError,
    RetryableError,
)
from cotiza_queue.records import AnalysisRecord
from cotiza_queue.records import sql as module
from cotiza_queue.records.schema import bring_up
from cotiza_queue.records.sql import FILE_NAME, SqlRecords

SECRET = "a-secret-that-must-not-show"


def told(error: CotizaError) -> str:
    """All that a reader of the error sees, its causes included."""
    texts, link = [f"{error} {error.remedy} {error.details}"], error.__cause__
    while link is not None:
        texts.append(str(link))
        link = link.__cause__
    return " ".join(texts)


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://user:{SECRET}@host/db",
        f"postgresql+psycopg://user:{SECRET}@host/db",
        f"postgresql://user:{SECRET}@host:port/db",
        f"postgresql://user:{SECRET}@host/db?frobnicate={SECRET}",
        f"sqlite:///file.db?mode={SECRET}",
        f"{SECRET}",
        "sqlite://",
        "sqlite:///:memory:",
        "://",
    ],
)
async def test_a_wrong_url_is_a_configuration_error(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await SqlRecords.open(url, tmp_path)
    assert "DATABASE_URL" in str(caught.value)
    assert SECRET not in told(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid"])
async def test_a_server_that_is_away_is_worth_another_try(host: str, tmp_path: Path) -> None:
    with pytest.raises(RetryableError) as caught:
        await SqlRecords.open(f"postgresql://user:{SECRET}@{host}/db", tmp_path)
    assert caught.value.code == "records_unavailable"
    assert SECRET not in told(caught.value)


@pytest.mark.parametrize(
    ("old", "new"), [("/test_", "/unknown_"), ("postgres:@", "nobody:s3cr3t@")]
)
async def test_a_database_or_user_that_does_not_exist_is_a_configuration_error(
    postgres: str, tmp_path: Path, old: str, new: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await SqlRecords.open(postgres.replace(old, new), tmp_path)
    assert "s3cr3t" not in told(caught.value)


@pytest.mark.parametrize(
    ("scheme", "parameters"),
    [
        ("postgres", ""),
        ("postgresql", "&application_name=quotes"),
        ("postgresql+asyncpg", "&sslmode=disable"),
        ("postgresql", "&sslmode=prefer"),
    ],
)
async def test_the_usual_ways_to_write_a_postgresql_url_all_work(
    postgres: str, tmp_path: Path, analysis: AnalysisRecord, scheme: str, parameters: str
) -> None:
    url = postgres.replace("postgresql://", f"{scheme}://") + parameters
    records = await SqlRecords.open(url, tmp_path)
    assert await records.save_analysis(analysis)
    await records.close()


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+aiosqlite"])
async def test_a_sqlite_file_may_be_named_by_url(scheme: str, tmp_path: Path) -> None:
    records = await SqlRecords.open(f"{scheme}:///{tmp_path}/named.db", tmp_path / "unused")
    await records.close()
    names = os.listdir(tmp_path)  # noqa: PTH208 its pathlib form is refused in async code
    assert "named.db" in names
    assert "unused" not in names


async def test_the_sqlite_file_is_its_owners_only_and_uses_a_write_ahead_log(
    tmp_path: Path,
) -> None:
    records = await SqlRecords.open(None, tmp_path / "a" / "b")
    await records.close()
    file = tmp_path / "a" / "b" / FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


async def test_every_sqlite_connection_waits_for_others_and_checks_keys(tmp_path: Path) -> None:
    records = await SqlRecords.open(None, tmp_path)
    async with records._engine.connect() as connection:
        for pragma, value in (("busy_timeout", 5000), ("synchronous", 1), ("foreign_keys", 1)):
            answer = await connection.exec_driver_sql(f"PRAGMA {pragma}")
            assert answer.scalar() == value, pragma
    await records.close()


async def test_a_file_that_is_no_database_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("this is not a database, however long it may be " * 100)
    with pytest.raises(ConfigurationError) as caught:
        await SqlRecords.open(None, tmp_path)
    assert "SQLITE_NOTADB" in str(caught.value)


async def test_a_data_folder_that_is_a_file_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(ConfigurationError):
        await SqlRecords.open(None, tmp_path / "data")


async def test_a_locked_sqlite_file_is_worth_another_try(
    tmp_path: Path, analysis: AnalysisRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT_MS", 20)
    records = await SqlRecords.open(None, tmp_path)
    holder = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(RetryableError) as caught:
        await records.save_analysis(analysis)
    assert caught.value.code == "records_unavailable"
    holder.execute("ROLLBACK")
    holder.close()
    assert await records.save_analysis(analysis)
    await records.close()


async def test_a_set_up_lock_that_is_never_freed_is_worth_another_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SET_UP_TIMEOUT_S", 0.1)
    async with module._file_lock(tmp_path / (FILE_NAME + ".lock")):
        with pytest.raises(RetryableError):
            await SqlRecords.open(None, tmp_path)
    await (await SqlRecords.open(None, tmp_path)).close()


async def test_dropped_connections_are_replaced(
    postgres: str, tmp_path: Path, analysis: AnalysisRecord
) -> None:
    records = await SqlRecords.open(postgres, tmp_path)
    await records.save_analysis(analysis)
    other = await asyncpg.connect(postgres)
    await other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await other.close()
    assert await records.analysis("acme", "f1") == analysis
    await records.close()


async def test_what_the_database_cannot_hold_is_a_permanent_error_without_the_values(
    postgres: str, tmp_path: Path, analysis: AnalysisRecord
) -> None:
    records = await SqlRecords.open(postgres, tmp_path)
    with pytest.raises(PermanentError) as caught:
        await records.save_analysis(msgspec.structs.replace(analysis, file_name=f"{SECRET}\0"))
    assert caught.value.code == "records_refused"
    assert SECRET not in told(caught.value)
    await records.close()


async def test_a_missing_table_does_not_tell_its_statement(
    tmp_path: Path, analysis: AnalysisRecord
) -> None:
    records = await SqlRecords.open(None, tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("DROP TABLE analyses")
    connection.close()
    with pytest.raises((PermanentError, RetryableError)) as caught:
        await records.save_analysis(analysis)
    assert "SELECT" not in told(caught.value)
    assert "INSERT" not in told(caught.value)
    await records.close()


async def test_a_database_of_a_newer_program_is_refused(place) -> None:
    records = await SqlRecords.open(place.url, place.data_dir)
    async with records._engine.begin() as connection:
        await connection.execute(text("UPDATE schema_version SET version = 99"))
    await records.close()
    with pytest.raises(ConfigurationError) as caught:
        await SqlRecords.open(place.url, place.data_dir)
    assert "99" in str(caught.value)


def test_an_older_database_takes_the_steps_that_it_lacks_once_and_in_order() -> None:
    engine = create_engine("sqlite://")
    taken: list[int] = []

    def step(number: int):
        def take(connection: Connection) -> None:
            connection.execute(text(f"ALTER TABLE quotes ADD COLUMN added_{number} INTEGER"))
            taken.append(number)

        return take

    with engine.begin() as connection:
        bring_up(connection, [])
        bring_up(connection, [step(2)])
        bring_up(connection, [step(2), step(3), step(4)])
        bring_up(connection, [step(2), step(3), step(4)])
        assert connection.scalar(text("SELECT version FROM schema_version")) == 4
        assert connection.scalar(text("SELECT count(*) FROM schema_version")) == 1
    engine.dispose()
    assert taken == [2, 3, 4]


async def test_a_fresh_database_is_empty_and_ready(place) -> None:
    records = await SqlRecords.open(place.url, place.data_dir)
    with pytest.raises(NotFound):
        await records.quote("acme", "Q-1")
    await records.close()
