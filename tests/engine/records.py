"""Jobs' and tenants' records as they lie in Redis, read and damaged by tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cotiza_queue.store import keys, record
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import shown, stored

FOUR, SIX = b"\x94", b"\x96"
"""Heads of msgpack arrays, without which a tenant's record goes."""


def key_of(job_type: str, job_id: str, part: str = "") -> bytes:
    """Of a job's record, or of a part of the job: "body", "history" ..."""
    head = keys.prefix(job_type) + (part and f"{part}:")
    return head.encode() + stored(job_id, job_type)


async def names(connection: Connection, job_type: str) -> list[str]:
    """Of all keys of a queue, without its prefix and with ids as we know them."""
    prefix = keys.prefix(job_type)
    found = await connection.command("KEYS", f"{prefix}*")
    return [shown(key.removeprefix(prefix.encode()), job_type) for key in found]


async def read(connection: Connection, key: bytes) -> tuple[record.Record, record.Rare]:
    packed: bytes = await connection.command("GET", key)
    return record.decode(packed)


async def rewrite(connection: Connection, key: bytes, **changes: Any) -> None:
    """The same record with some fields changed, behind the engine's back: those of
    ``record.Packed``, or ``rare``.
    """
    whole = record.unpack(await connection.command("GET", key))
    if "rare" in changes:
        keep, options, _ = whole.more or (False, False, False)
        changes["more"] = (keep, options, changes.pop("rare"))
    packed = msgspec.msgpack.encode(msgspec.structs.replace(whole, **changes))
    await connection.command("SET", key, packed.removeprefix(record.WHOLE))


def numbers_of(packed: bytes) -> dict[str, float]:
    """A tenant's record by names: its limits, ``there``, ``active``, and of each lane ``in:<lane>``
    and ``back:<lane>``; what is 0 is left out.
    """
    try:
        there, *lane = msgspec.msgpack.decode(FOUR + packed)
        limits, others = None, None
    except msgspec.DecodeError:
        there, *lane, limits, others = msgspec.msgpack.decode(SIX + packed)
    flat = [*lane, *(others or [])]
    lanes = {
        f"{name}:{flat[at]}": flat[at + n]
        for at in range(0, len(flat), 3)
        for n, name in ((1, "in"), (2, "back"))
    }
    return {name: n for name, n in {"there": there, **lanes, **(limits or {})}.items() if n}


def packed_of(numbers: Mapping[str, float]) -> bytes:
    """The record with these numbers."""
    left = dict(numbers)
    there = left.pop("there", 0)
    lanes = sorted({int(name.partition(":")[2]) for name in left if ":" in name})
    flat = [n for at in lanes for n in (at, left.pop(f"in:{at}", 0), left.pop(f"back:{at}", 0))]
    first, others = flat[:3] or [0, 0, 0], flat[3:]
    whole = msgspec.msgpack.encode([there, *first, left or None, others or None])
    return whole.removeprefix(SIX)


async def recount(connection: Connection, key: str, **numbers: int | None) -> None:
    """A tenant's record with some numbers changed; None takes one away."""
    packed: bytes | None = await connection.command("GET", key)
    kept = numbers_of(packed) if packed else {}
    changed = {name: n for name, n in {**kept, **numbers}.items() if n is not None}
    await connection.command("SET", key, packed_of(changed))
