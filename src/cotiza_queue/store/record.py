"""A job's record as the scripts pack it (lua/lib/12_record.lua): seventeen values, one after the
other, without the head that would make them an array.
"""

from __future__ import annotations

from typing import Any

import msgspec

HEAD = b"\xdc\x00\x11"
"""A msgpack array of seventeen (array 16)."""


class Rare(msgspec.Struct, frozen=True):
    """What few jobs have. ``after`` and ``next``: the job before and behind a blocked one.
    ``counted``: it runs, and counts for its tenant.
    """

    stalls: int = 0
    deadline: int | None = None
    priority: int = 0
    snoozed: int = 0
    next: str = ""
    after: str = ""
    delay: int | None = None
    due: int | None = None
    saved: int = 0
    blob: str = ""
    untold: int = 0
    counted: bool = False


class Record(msgspec.Struct, frozen=True, array_like=True):
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
    keep: str
    result: str | bool
    options: dict[str, Any] | None
    rare: Rare | None


_decode = msgspec.msgpack.Decoder(Record).decode
_NONE = Rare()


def decode(packed: bytes) -> tuple[Record, Rare]:
    """Raises msgspec.MsgspecError for what the scripts have not written."""
    found = _decode(HEAD + packed)
    return found, found.rare or _NONE
