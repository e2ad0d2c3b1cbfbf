"""Jobs' records as they lie in Redis, read and damaged by tests."""

from __future__ import annotations

from typing import Any

import msgspec

from cotiza_queue.store import record
from cotiza_queue.store.connection import Connection


async def read(connection: Connection, key: str) -> tuple[record.Record, record.Rare]:
    packed: bytes = await connection.command("GET", key)
    return record.decode(packed)


async def rewrite(connection: Connection, key: str, **changes: Any) -> None:
    """The same record with some fields changed, behind the engine's back."""
    whole, _ = await read(connection, key)
    packed = msgspec.msgpack.encode(msgspec.structs.replace(whole, **changes))
    await connection.command("SET", key, packed.removeprefix(record.HEAD))
