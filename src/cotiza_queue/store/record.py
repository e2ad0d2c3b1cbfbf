"""A job's record as the scripts pack it (lua/lib/12_record.lua): sixteen values, or the first eight
or nine of them, one after the other, without the head that would make them an array.
"""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

WHOLE, IN_LINE, IN_LANE = b"\xdc\x00\x10", b"\x98", b"\x99"
"""Heads of msgpack arrays of sixteen, eight and nine."""
STATUSES = ("", "blocked", "waiting", "delayed", "active", "completed", "failed", "cancelled")
"""By their codes."""


class Rare(msgspec.Struct, frozen=True):
    """What few jobs have. ``after`` and ``next``: the ids of the job before and behind a blocked
    one, as they lie here (ids.py). ``counted``: it runs, and counts for its tenant.
    """

    stalls: int = 0
    deadline: int | None = None
    priority: int = 0
    snoozed: int = 0
    next: msgspec.Raw = msgspec.Raw()
    after: msgspec.Raw = msgspec.Raw()
    delay: int | None = None
    due: int | None = None
    saved: int = 0
    blob: str = ""
    untold: int = 0
    counted: bool = False


class Packed(msgspec.Struct, frozen=True, array_like=True):
    """As it lies in Redis. ``started`` and ``finished``: milliseconds since it was created, False
    for not yet. ``spot``: where in the list of its block the body lies, False if it has a key of
    its own. ``worker``: a number made from its name, 0 for none; the name where scripts show a job
    to people (lua/lib/16_by_whom.lua). ``more``: for how long to keep the job, its options, and
    what is rare; False for each that is usual, None if all are. What follows ``entry`` is left out
    of a job that only waits, and so is ``entry`` in its tenant's line.
    """

    status: int
    tenant: str
    lane: int
    attempts: int
    created: int
    seq: int
    size: int
    spot: int | bool
    entry: str = ""
    token: int = 0
    attempt: int = 0
    started: int | bool = False
    finished: int | bool = False
    worker: int | str = 0
    result: str | bool = False
    more: tuple[str | bool, dict[str, Any] | bool, Rare | bool] | None = None


class Record(msgspec.Struct, frozen=True):
    """Moments in milliseconds since the epoch, 0 for none. ``size``: bytes of payload and result.
    ``result``: JSON, False for none, True if it lies apart.
    """

    status: str
    tenant: str
    lane: int
    entry: str
    token: int
    attempt: int
    attempts: int
    created: int
    started: int
    finished: int
    worker: str
    seq: int
    size: int
    result: str | bool
    spot: int | None
    options: dict[str, Any] | None


_decode = msgspec.msgpack.Decoder(Packed).decode
_NONE = Rare()


def unpack(packed: bytes) -> Packed:
    """Raises msgspec.MsgspecError for what the scripts have not written."""
    for head in (WHOLE, IN_LINE):
        with contextlib.suppress(msgspec.DecodeError):
            return _decode(head + packed)
    return _decode(IN_LANE + packed)


def decode(packed: bytes) -> tuple[Record, Rare]:
    """Raises msgspec.MsgspecError for what the scripts have not written."""
    found = unpack(packed)
    _, options, rare = found.more or (False, False, False)
    record = Record(
        STATUSES[found.status],
        found.tenant,
        found.lane,
        found.entry,
        found.token,
        found.attempt,
        found.attempts,
        found.created,
        _moment(found.created, found.started),
        _moment(found.created, found.finished),
        found.worker if isinstance(found.worker, str) else "",
        found.seq,
        found.size,
        found.result,
        None if found.spot is False else int(found.spot),
        options if isinstance(options, dict) else None,
    )
    return record, rare if isinstance(rare, Rare) else _NONE


def _moment(created: int, after: int | bool) -> int:
    return 0 if after is False else created + after
