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
from typing import NewType

from ..model.ids import ALPHABET, JobId, ten, type_code
from . import codec

StoredId = NewType("StoredId", bytes)
"""A job id as it lies in Redis. The scripts know no other."""
FORM = rb"[\x80-\xff][\s\S]{17}|#[0-9A-Za-z_-]+"
"""A pattern of it."""
RUN = rb"[\x80-\xff][\s\S]{9}|#[0-9A-Za-z_-]+"
"""Of the name of the hash in which its record lies."""

_KEPT, _BYTES, _RUN_BYTES = 30, 18, 10
_FIRST_BIT = 1 << 143
_PACKED = (0xA0 + _BYTES) << 144 | _FIRST_BIT
"""With the byte before it that says in MessagePack: a text of so many bytes."""
_FIFTY = (1 << 50) - 1
_DIGITS = bytes(
    b"0123456789abcdefghijklmnopqrstuv"[ALPHABET.index(chr(byte))] if chr(byte) in ALPHABET else 33
    for byte in range(256)
)
"""The digits that int() knows, for those of our alphabet; an exclamation mark for all else."""
_words = re.compile(rb"[\x80-\xff][\s\S]{17}|[^ ]+").findall
_in_texts = re.compile(rb"(?:(?<=[ :])|^)(?:" + FORM + rb")(?=[ ,:]|$)").sub


def packed(job_id: str, job_type: str) -> bytes:
    """As it lies in that type's queue, in MessagePack: what calls with many ids bring."""
    if job_id[_KEPT:] == type_code(job_type):
        # The last three characters of the time go behind what a run shares.
        text = f"{job_id[:7]}{job_id[10:20]}{job_id[7:10]}{job_id[20:_KEPT]}"
        try:
            bits = int(text.encode().translate(_DIGITS), 32)
        except ValueError:
            bits = _FIRST_BIT  # not all of it is of our alphabet
        if bits < _FIRST_BIT:
            return (_PACKED + bits).to_bytes(1 + _BYTES, "big")
    return codec.pack_text(b"#" + job_id.encode())


def stored(job_id: str, job_type: str) -> StoredId:
    """As it lies in that type's queue."""
    return StoredId(codec.bytes_of(packed(job_id, job_type)))


def public(stored_id: bytes, job_type: str) -> JobId:
    """As everybody else knows it. Of what is no id, something to show."""
    if len(stored_id) != _BYTES or stored_id[0] < 0x80:
        return JobId(stored_id.removeprefix(b"#").decode("utf-8", "replace"))
    bits = int.from_bytes(stored_id, "big") ^ _FIRST_BIT
    text = f"{ten(bits >> 100)}{ten(bits >> 50 & _FIFTY)}{ten(bits & _FIFTY)}"
    return JobId(f"{text[:7]}{text[17:20]}{text[7:17]}{text[20:]}{type_code(job_type)}")


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
