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


async def recount(connection: Connection, key: str, **numbers: int | None) -> None:
    """A tenant's record with some numbers changed; None takes one away."""
    packed: bytes | None = await connection.command("GET", key)
    kept = msgspec.msgpack.decode(packed) if packed else {}
    changed = {name: n for name, n in {**kept, **numbers}.items() if n is not None}
    await connection.command("SET", key, msgspec.msgpack.encode(changed))
