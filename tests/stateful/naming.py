"""Ids of the game's jobs: most are such as we make ourselves, some are of a caller's choice."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from cotiza_queue.store.commands import Settlement
from cotiza_queue.store.ids import StoredId, public, stored

JOB_TYPE = "model"
_LENGTH = 34
_BLANKS = bytes(b" -"[byte % 2] if byte >= 200 else byte for byte in range(256))
"""So that what parts ids in places is in most of them."""
_RUNS = bytes(byte % 5 for byte in range(256))
"""So that the records of many lie in one hash."""


@lru_cache(4096)
def named(name: str) -> str:
    """The id of the job that a rule calls so; an id stays as it is."""
    if len(name) == _LENGTH or sum(name.encode()) % 5 == 0:
        return name
    own = hashlib.sha256(name.encode()).digest()
    run = hashlib.sha256(own[:1].translate(_RUNS)).digest()
    return public(b"\x80" + (run[:9] + own[:8]).translate(_BLANKS), JOB_TYPE)


def lying(job_id: str) -> StoredId:
    """The id as the server knows it."""
    return stored(job_id, JOB_TYPE)


def whose(outcome: Settlement) -> str:
    return public(outcome.stored, JOB_TYPE)
