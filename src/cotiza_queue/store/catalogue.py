"""Every key that a queue may have: its name after the queue's prefix, its Redis type, and whose it
is. The doctor, the docs and a test of the Lua files go by this list; a new key needs a line here.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from . import ids

RedisType = Literal["hash", "zset", "string", "list", "stream", "set"]
Owner = Literal["queue", "job", "tenant", "schedule", "worker", "clock"]
"""``queue``: one of its own; ``clock``: goes by itself after a while."""
_STATUS = "(completed|failed|cancelled)"
_CLASS = "(open|delayed|blocked|completed|failed|cancelled)"


class Kind(NamedTuple):
    """``head``: what the name begins with, all of it if ``rest`` is empty. ``rest``: a pattern.
    Where the owner is a job, it is the job's id as in ids.py.
    """

    head: str
    type: RedisType
    owner: Owner = "queue"
    rest: str = ""


RECORDS = Kind("", "hash", "job", ids.RUN.decode("latin-1"))
"""The records of jobs whose ids were made one after the other, or of one job."""
CATALOGUE = (
    RECORDS,
    Kind("meta", "hash"),
    Kind("counts", "hash"),
    Kind("lanes", "hash"),
    Kind("ready", "zset"),
    Kind("delayed", "zset"),
    Kind("put_off", "zset"),
    Kind("pauses", "hash"),
    Kind("passes", "hash"),
    Kind("tenants", "hash"),
    Kind("newer", "zset"),
    Kind("index", "zset"),
    Kind("inbox", "list"),
    Kind("events", "stream"),
    Kind("events:marks", "list"),
    Kind("dead", "stream"),
    Kind("dead:index", "hash"),
    Kind("litter", "zset"),
    Kind("schedules", "zset"),
    Kind("schedules:all", "zset"),
    Kind("workers", "zset"),
    Kind("lane:", "stream", "queue", r"\d+"),
    Kind("bodies:", "list", "queue", r"\d+"),
    Kind("ended:", "zset", "queue", _STATUS),
    Kind("newest:", "zset", "tenant", rf"{_STATUS}:.+"),
    Kind("index:", "zset", "tenant", ".+"),
    Kind("class:", "zset", "queue", _CLASS),
    Kind("tag:", "zset", "tenant", r"[^/]+/.+"),
    Kind("backlog:", "list", "tenant", r"\d+:.+"),
    Kind("schedule:", "hash", "schedule", ".+"),
    Kind("worker:", "string", "worker", ".+"),
    Kind("metrics:", "hash", "clock", r"\d+"),
    Kind("once:", "string", "clock", ".+"),
    Kind("unique:", "string", "job", ".+"),
    Kind("body:", "string", "job", ".+"),
    Kind("result:", "string", "job", ".+"),
    Kind("failures:", "list", "job", ".+"),
    Kind("progress:", "string", "job", ".+"),
    Kind("history:", "list", "job", ".+"),
    Kind("checkpoints:", "hash", "job", ".+"),
)
CHANNELS = frozenset({"wake", "wake:"})
"""Names that are published to and never stored."""
IDLE = frozenset(
    {"meta", "counts", "lanes", "events", "events:marks", "dead", "lane:", "metrics:", "worker:"}
) | {"workers", "pauses", "passes", "tenants"}
"""Heads of what a queue keeps when every job, dead letter and schedule is gone; in ``tenants``, the
records of those with limits. It does not grow with what has gone through.
"""
FIXED = tuple(kind for kind in CATALOGUE if not kind.rest)
_PATTERNS = [
    (re.compile((re.escape(kind.head) + kind.rest).encode("latin-1"), re.DOTALL), kind)
    for kind in CATALOGUE
]


def kind_of(name: bytes) -> Kind | None:
    """What a key is by its name without the queue's prefix; None for a stranger."""
    for pattern, kind in _PATTERNS:
        if pattern.fullmatch(name):
            return kind
    return None
