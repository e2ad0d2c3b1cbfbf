"""What a caller asks of a job, as the scripts take it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ..model.ids import JobId, Parts, spelt
from ..model.policy import KeepFor
from . import codec
from .ids import StoredId, public

INBOX_BYTES = 4096
"""The largest body that goes into the inbox: of a larger one, a second copy costs more than is
saved.
"""
HEAVY_TAGS = 4
"""So many tags, if all are new, take the server as long as one more job at the least."""


class Intake(msgspec.Struct, frozen=True, kw_only=True):
    """One job on its way in. Times in milliseconds; ``unique`` empty: none; ``deadline_ms`` 0:
    none.
    """

    type: str
    stored: StoredId
    """Its id as it lies in Redis, which is all that a call needs: ``id`` makes the other one."""
    parts: Parts | None = None
    """The same in numbers, if the id was made for it."""
    tenant: str
    priority: int
    lane: int
    attempts: int
    keep_completed: KeepFor
    keep_failed: KeepFor
    unique: str
    hold: str = ""
    """The statuses that keep ``unique``, where they are not the usual ones."""
    span_ms: int = 0
    """How long ``unique`` is held instead; 0: as the statuses say."""
    duplicate: str = ""
    """replace | next: what becomes of the call if another job holds ``unique``; "": nothing."""
    deadline_ms: int
    delay_ms: int
    body: bytes
    tags: tuple[str, ...] = ()
    cost: int = 1
    version: int = 1
    blob: str = ""
    """The name of the stored content that ``body`` refers to."""
    once: str = ""
    """Hash of an idempotency key, and in ``fingerprint`` of what it was used for."""
    fingerprint: str = ""
    plain: bool = False
    """Nothing need be known of other jobs to take it in: its id was made for it, and it asks for no
    more than to wait.
    """

    @property
    def id(self) -> JobId:
        if self.parts is None:
            return public(self.stored, self.type)
        return spelt(self.parts, self.type)

    @property
    def weight(self) -> int:
        """What it costs the server to take it in, in plain jobs, so that calls take much the same
        time whatever they bring.
        """
        return 1 + (self.delay_ms > 0) + (self.once != "") + len(self.tags) // HEAVY_TAGS

    def arguments(self) -> list[bytes]:
        """As ops/enqueue.lua takes them: what the job is, packed, and its body. What is empty in
        options and call is left out, and most jobs have neither.
        """
        asked = codec.encode(
            (
                self.tenant,
                self.priority or None,
                self.lane,
                self.attempts,
                _kept(self.keep_completed, self.keep_failed),
                self.delay_ms,
                self.kept_options(),
                self._call(),
            )
        )
        # The id, which is no text, then the list without its head, which is one byte.
        return [codec.pack_text(self.stored) + asked[1:], self.body]

    def kept_options(self) -> dict[str, Any] | None:
        """What is kept with the job beside the usual."""
        plain = self.cost == 1 and self.version == 1
        if plain and not (self.unique or self.tags or self.blob):
            return None
        return _there(
            unique=self.unique,
            hold=self.hold,
            span=self.span_ms,
            tags=self.tags,
            cost=self.cost if self.cost > 1 else 0,
            version=self.version if self.version > 1 else 0,
            blob=self.blob,
        )

    def _call(self) -> dict[str, Any] | None:
        if not (self.deadline_ms or self.once or self.duplicate):
            return None
        return _there(
            deadline=self.deadline_ms,
            once=self.once,
            fingerprint=self.fingerprint,
            duplicate=self.duplicate,
        )


def by_inbox(jobs: Sequence[Intake]) -> bool:
    """True of a plain job alone."""
    return len(jobs) == 1 and jobs[0].plain and len(jobs[0].body) <= INBOX_BYTES


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What of a job is to be another; None: as it is. ``delay``: milliseconds, or "now"."""

    read: bytes | None = None
    """The body as it was read, and in ``body`` as it shall be."""
    body: bytes = b""
    priority: int | None = None
    lane: int | None = None
    delay: int | str | None = None
    fresh: bool = False
    """The payload is another: what attempts have saved for later ones is dropped."""
    by: str = ""
    """Who asks for it."""

    def arguments(self) -> list[str | bytes | int]:
        sha = (
            "" if self.read is None else hashlib.sha1(self.read, usedforsecurity=False).hexdigest()
        )
        optional = [self.priority, self.lane, self.delay]
        told = ["" if value is None else value for value in optional]
        return [sha, self.body, *told, int(self.fresh), self.by]


def _there(**fields: Any) -> dict[str, Any] | None:
    """Those that are not empty; None if all are."""
    return {name: value for name, value in fields.items() if value} or None


@lru_cache(256)
def _kept(completed: KeepFor, failed: KeepFor) -> str:
    return f"{_keep(completed)}:{_keep(failed)}"


def _keep(keep: KeepFor) -> str:
    return f"{0 if keep.age is None else keep.age}:{'' if keep.count is None else keep.count}"
