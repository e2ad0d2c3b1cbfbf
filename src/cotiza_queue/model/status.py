"""The places a job can be in, and the moves between them. The docs' diagram is drawn from
``EDGES``.
"""

from __future__ import annotations

from enum import StrEnum

from ..errors import FieldError, InvalidInput


class Status(StrEnum):
    """Where a job is. ``stalled``, ``retrying`` and ``paused`` are not places."""

    BLOCKED = "blocked"
    DELAYED = "delayed"
    WAITING = "waiting"
    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """True if the job has ended; only an explicit replay leaves a final status."""
        return self in FINAL


def status_of(word: Status | str) -> Status:
    """The status of that name. Raises InvalidInput."""
    try:
        return Status(word)
    except ValueError:
        known = FieldError("status", "one of " + ", ".join(Status))
        raise InvalidInput(f"{word!r:.80} is not a status", fields=[known]) from None


UNIQUE_WHILE = (Status.BLOCKED, Status.DELAYED, Status.WAITING, Status.ACTIVE)
"""In which statuses a job holds its unique key, unless its caller says otherwise."""
FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})

EDGES: dict[tuple[Status, Status], str] = {
    (Status.BLOCKED, Status.WAITING): "release",
    (Status.BLOCKED, Status.DELAYED): "release",
    (Status.BLOCKED, Status.CANCELLED): "cancel",
    (Status.DELAYED, Status.WAITING): "promote",
    (Status.DELAYED, Status.CANCELLED): "cancel",
    (Status.WAITING, Status.ACTIVE): "take",
    (Status.WAITING, Status.DELAYED): "change",
    (Status.WAITING, Status.FAILED): "take",
    (Status.WAITING, Status.CANCELLED): "cancel",
    (Status.ACTIVE, Status.COMPLETED): "settle",
    (Status.ACTIVE, Status.FAILED): "settle",
    (Status.ACTIVE, Status.DELAYED): "settle",
    (Status.ACTIVE, Status.WAITING): "reclaim",
    (Status.ACTIVE, Status.CANCELLED): "cancel",
    (Status.FAILED, Status.WAITING): "replay",
    (Status.CANCELLED, Status.WAITING): "replay",
}
"""(from, to) → the verb that takes the edge."""
