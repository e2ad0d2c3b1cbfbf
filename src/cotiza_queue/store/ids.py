"""Job ids as they lie in Redis: short, and the same again when they are read.

An id of ours has 34 characters (model/ids.py). The last four name its queue, so they need not lie
there; the others hold five bits each, of which the first seven are 0 until the year 2248. That
leaves 143 bits: 18 bytes, with the very first bit set. What neighbours have in common comes first,
in ten bytes: the time by 16 seconds, and the chance of their run. These name a hash that has
the records of them all (lua/lib/11_run.lua). Any other id lies there as its text, behind a ``#``.
So the first byte tells which it is, and no other key of a queue begins with such a one.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import NewType

from ..model.ids import CHARACTERS, JobId, Parts, parts_of, spelt, type_code
from . import codec

StoredId = NewType("StoredId", bytes)
"""A job id as it lies in Redis. The scripts know no other."""
FORM = rb"[\x80-\xff][\s\S]{17}|#[0-9A-Za-z_-]+"
"""A pattern of it."""
RUN = rb"[\x80-\xff][\s\S]{9}|#[0-9A-Za-z_-]+"
"""Of the name of the hash in which its record lies."""

_BYTES, _RUN_BYTES = 18, 10
_FIRST_BIT = 1 << 143
_TIME_BITS = 43
_LATE = (1 << 15) - 1
"""Of the time, what goes behind what a run shares."""
_FIFTY = (1 << 50) - 1
_words = re.compile(rb"[\x80-\xff][\s\S]{17}|[^ ]+").findall
_in_texts = re.compile(rb"(?:(?<=[ :])|^)(?:" + FORM + rb")(?=[ ,:]|$)").sub


def laid(parts: Parts, job_type: str) -> StoredId:
    """The id of these numbers (model/ids.py) as it lies in that type's queue."""
    moment, shared, own = parts
    if moment >> _TIME_BITS:
        return _as_text(spelt(parts, job_type))
    bits = _FIRST_BIT | moment >> 15 << 115 | shared << 65 | (moment & _LATE) << 50 | own
    return StoredId(bits.to_bytes(_BYTES, "big"))


def stored(job_id: str, job_type: str) -> StoredId:
    """The id as it lies in that type's queue."""
    if job_id[CHARACTERS:] == type_code(job_type):
        with suppress(ValueError):  # not all of it is of our alphabet
            return laid(parts_of(job_id), job_type)
    return _as_text(job_id)


def packed(job_id: str, job_type: str) -> bytes:
    """The same in MessagePack: what calls with many ids bring."""
    return codec.pack_text(stored(job_id, job_type))


def public(stored_id: bytes, job_type: str) -> JobId:
    """As everybody else knows it. Of what is no id, something to show."""
    if len(stored_id) != _BYTES or stored_id[0] < 0x80:
        return JobId(stored_id.removeprefix(b"#").decode("utf-8", "replace"))
    bits = int.from_bytes(stored_id, "big") ^ _FIRST_BIT
    moment = bits >> 115 << 15 | bits >> 50 & _LATE
    return spelt((moment, bits >> 65 & _FIFTY, bits & _FIFTY), job_type)


def _as_text(job_id: str) -> StoredId:
    return StoredId(b"#" + job_id.encode())


def words(joined: bytes) -> list[bytes]:
    """The parts, ids among them, of what scripts have joined with blanks."""
    return _words(joined)


def shown(text: bytes, job_type: str) -> str:
    """What a script says to people, with the ids in it as they know them; a name of a hash of
    records by its bytes.
    """
    if len(text) == _RUN_BYTES and text[0] >= 0x80:
        return f"records:{text.hex()}"
    return _in_texts(lambda found: public(found[0], job_type).encode(), text).decode(
        "utf-8", "replace"
    )
