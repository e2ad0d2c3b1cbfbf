"""Names of Redis keys. All keys of a queue share one hash tag, so that a script touches one cluster
slot.
"""

from __future__ import annotations

from functools import lru_cache

TYPES = "cq:types"
"""The set of job types ever enqueued; written beside the path, idempotently."""
FORM = "cq:form"
"""In which form all of this lies on the server: see form.py."""


def prefix(job_type: str) -> str:
    """``{cq:<job type>}:``, what every key of that queue begins with."""
    return f"{{cq:{job_type}}}:"


@lru_cache(1024)
def meta(job_type: str) -> str:
    """The key that routes a script to its queue's slot."""
    return prefix(job_type) + "meta"


def events(job_type: str) -> str:
    """The queue's event stream."""
    return prefix(job_type) + "events"


def wake(job_type: str) -> str:
    """The channel of hints to idle workers; losing one costs at most a poll period."""
    return prefix(job_type) + "wake"


def handed(job_type: str, worker: str) -> str:
    """The sharded channel on which a worker on standby is handed jobs."""
    return f"{wake(job_type)}:{worker}"


def type_of(key: str) -> str:
    """The job type that a key or channel belongs to."""
    return key[len("{cq:") : key.index("}")]
