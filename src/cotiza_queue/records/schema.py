"""The tables, and how a database comes to have them.

``schema_version`` holds one number. A fresh database gets all tables at once and the newest number;
an older one gets the steps that it lacks, in order. The caller sees to it that only one process
does this at a time.

Refuses a database that is newer than this program: it can't know what its columns mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    insert,
    select,
    update,
)

from ..errors import ConfigurationError

METADATA = MetaData()

ANALYSES = Table(
    "analyses",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("file_id", String, primary_key=True),
    Column("file_name", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("process", String, nullable=False),
    Column("result", LargeBinary, nullable=False),
    Column("job_id", String, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("saved_ms", BigInteger, nullable=False),
)
"""``AnalysisRecord``, field by field. ``saved_ms``: milliseconds since the Unix epoch."""

QUOTES = Table(
    "quotes",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("quote_id", String, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    Column("result", LargeBinary, nullable=False),
    Column("job_id", String, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("saved_ms", BigInteger, nullable=False),
)
"""``QuoteRecord``, field by field."""

SCHEMA_VERSION = Table(
    "schema_version",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)
_ONLY_ROW = 1

Step = Callable[[Connection], None]

STEPS: tuple[Step, ...] = ()
"""The first step leads from version 1 to 2, and so on. A step that was released is never changed
again; what it does must also be in the tables above.
"""


def bring_up(connection: Connection, steps: Sequence[Step] = STEPS) -> None:
    """Make the tables, or take the steps that the database lacks. Harmless when there is nothing to
    do.

    Raises ConfigurationError for a database that a newer program has changed.
    """
    newest = 1 + len(steps)
    SCHEMA_VERSION.create(connection, checkfirst=True)
    version = connection.scalar(select(SCHEMA_VERSION.c.version))
    if version is None:
        METADATA.create_all(connection, checkfirst=True)
        connection.execute(insert(SCHEMA_VERSION).values(id=_ONLY_ROW, version=newest))
        return
    if version > newest:
        raise ConfigurationError(
            f"the database has schema version {version}, this program knows {newest}",
            remedy="Run the newer program, or set DATABASE_URL to another database.",
        )
    for number, step in enumerate(steps[version - 1 :], start=version + 1):
        step(connection)
        connection.execute(update(SCHEMA_VERSION).values(version=number))
