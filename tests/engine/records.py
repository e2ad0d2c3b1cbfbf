"""Jobs' and tenants' records as they lie in Redis, read and damaged by tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from cotiza_queue.store import codec, keys, record
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import shown, stored, words

SEVEN = b"\x97"
"""Head of a msgpack array, without which a tenant's record goes that is not of four bytes."""
BYTE = 128
RUN = 10
"""Bytes of an id of ours that name the hash of its record."""
_Packed = tuple[int, int, int, int, dict[str, float] | bool, list[int] | bool, msgspec.Raw]


def key_of(job_type: str, job_id: str, part: str) -> bytes:
    """Of a part of a job: "body", "history" ..."""
    return f"{keys.prefix(job_type)}{part}:".encode() + stored(job_id, job_type)


def run_of(job_type: str, job_id: str) -> tuple[bytes, bytes]:
    """The hash in which a job's record lies, and under what."""
    lies = stored(job_id, job_type)
    name = lies if lies[:1] == b"#" else lies[:RUN]
    return keys.prefix(job_type).encode() + name, lies.removeprefix(name)


async def names(connection: Connection, job_type: str) -> list[str]:
    """Of all keys of a queue, without its prefix and with ids as we know them."""
    prefix = keys.prefix(job_type)
    found = await connection.command("KEYS", f"{prefix}*")
    return [shown(key.removeprefix(prefix.encode()), job_type) for key in found]


async def packed_record(connection: Connection, job_type: str, job_id: str) -> bytes:
    found: bytes = await connection.command("HGET", *run_of(job_type, job_id))
    return found


async def read(
    connection: Connection, job_type: str, job_id: str
) -> tuple[record.Record, record.Rare]:
    return record.decode(await packed_record(connection, job_type, job_id))


async def rewrite(connection: Connection, job_type: str, job_id: str, **changes: Any) -> None:
    """The same record with some fields changed, behind the engine's back: those of
    ``record.Packed``, or ``rare``.
    """
    whole = record.unpack(await packed_record(connection, job_type, job_id))
    if "rare" in changes:
        keep, options, _ = whole.more or (False, False, False)
        changes["more"] = (keep, options, changes.pop("rare"))
    packed = msgspec.msgpack.encode(msgspec.structs.replace(whole, **changes))
    place = run_of(job_type, job_id)
    await connection.command("HSET", *place, packed.removeprefix(record.WHOLE))


class TenantRecord(NamedTuple):
    """``numbers``: ``there`` and, of each lane, ``in:<lane>`` and ``back:<lane>``, those of its
    limits, ``active``; what is 0 is left out. ``places``: of its newest jobs, in the order of
    coming. ``line``: who is behind ``lane``, if these are few.
    """

    numbers: dict[str, float]
    places: list[int]
    lane: int
    line: list[bytes]


def tenant_of(packed: bytes) -> TenantRecord:
    """A tenant's record, read."""
    limits: dict[str, float] = {}
    others: list[int] = []
    if all(n < BYTE for n in packed[:4]) and packed[4:5] in (b"", b" ", b"/", b"="):
        there, *lane = packed[:4]
        text = packed[4:]
    else:
        there, number, inside, behind, limits, others, raw = _read(packed)
        lane, text = [number, inside, behind], codec.bytes_of(raw)
    flat = [*lane, *others]
    lanes = {
        f"{name}:{flat[at]}": flat[at + n]
        for at in range(0, len(flat), 3)
        for n, name in ((1, "in"), (2, "back"))
    }
    numbers = {"there": there, **lanes, **limits}
    marks, _, line = text.removeprefix(b"=").partition(b"/")
    places = [int(word, 16) for word in marks.split()]
    numbers = {name: n for name, n in numbers.items() if n}
    return TenantRecord(numbers, places, lane[0], words(line))


def _read(packed: bytes) -> tuple[int, int, int, int, dict[str, float], list[int], msgspec.Raw]:
    *numbers, limits, others, text = msgspec.msgpack.decode(SEVEN + packed, type=_Packed)
    there, number, inside, behind = numbers
    return there, number, inside, behind, limits or {}, others or [], text


def packed_of(numbers: Mapping[str, float], text: bytes = b"") -> bytes:
    """The record with these numbers, and that text after them."""
    left = dict(numbers)
    there = left.pop("there", 0)
    lanes = sorted({int(name.partition(":")[2]) for name in left if ":" in name})
    flat = [n for at in lanes for n in (at, left.pop(f"in:{at}", 0), left.pop(f"back:{at}", 0))]
    first, others = flat[:3] or [0, 0, 0], flat[3:]
    fields = [there, *first, left or False, others or False, msgspec.Raw(codec.pack_text(text))]
    return msgspec.msgpack.encode(fields).removeprefix(SEVEN)


async def kept_of(connection: Connection, job_type: str, name: str) -> TenantRecord:
    """What a queue has of a tenant, read."""
    packed = await connection.command("HGET", keys.prefix(job_type) + "tenants", name)
    return tenant_of(packed or b"\0\0\0\0")


async def put_tenant(connection: Connection, job_type: str, name: str, packed: bytes) -> None:
    """That is its record from now on."""
    await connection.command("HSET", keys.prefix(job_type) + "tenants", name, packed)


async def recount(connection: Connection, job_type: str, name: str, **numbers: int | None) -> None:
    """A tenant's record with some numbers changed; None takes one away."""
    kept = await kept_of(connection, job_type, name)
    changed = {field: n for field, n in {**kept.numbers, **numbers}.items() if n is not None}
    await put_tenant(connection, job_type, name, packed_of(changed, text_of(kept)))


def text_of(kept: TenantRecord) -> bytes:
    """What stands behind the numbers."""
    places = "".join(f" {place:x}" for place in kept.places)
    return places.encode() + ((kept.line and b"/") or b"") + b" ".join(kept.line)


async def retext(connection: Connection, job_type: str, name: str, text: str) -> None:
    """A tenant's record with the same numbers, and another text after them."""
    kept = await kept_of(connection, job_type, name)
    await put_tenant(connection, job_type, name, packed_of(kept.numbers, text.encode()))
