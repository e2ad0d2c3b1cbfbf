"""What has happened to a job: every change of its status, with moment, cause and actor. Pure.

Redis keeps only what can't be told otherwise (lua/lib/38_history.lua). ``told`` puts the whole
together: the making, each chapter of work, and how it ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from .status import EDGES, Status


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change of status. ``cause``: the verb that made it, such as take, retry or cancel; "gap"
    stands for ``missing`` entries that are no longer kept.

    ``worker``, ``token`` and ``attempt`` are those of the run that began or ended, ``code`` is the
    error's, ``by`` whoever asked for it.
    """

    at_ms: int
    origin: Status | None
    """The status before; None: the job was made."""
    status: Status
    cause: str
    worker: str | None = None
    token: int | None = None
    attempt: int | None = None
    code: str | None = None
    by: str | None = None
    missing: int = 0


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """An entry as Redis keeps it; empty texts and 0 are nothing. ``started`` and what follows: the
    chapter that it closes.
    """

    at: int
    origin: str
    status: str
    cause: str
    code: str
    by: str
    started: int
    worker: str
    token: int
    attempt: int


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """What the job's record says of its present chapter. ``untold``: entries no longer kept."""

    status: Status
    created_ms: int
    started_ms: int | None
    finished_ms: int | None
    worker: str | None
    token: int | None
    attempt: int
    untold: int = 0


_RUNNING = (Status.ACTIVE, Status.COMPLETED)


def told(job: Open, kept: Sequence[Kept]) -> list[HistoryEntry]:
    """All of it, the oldest first; the last one's ``status`` is the job's."""
    first = Status(kept[0].origin) if kept and kept[0].origin else None
    begins = first or job.status
    if begins in _RUNNING:
        begins = Status.WAITING
    told_ = [] if kept and first is None else [_beginning(job, begins)]
    for entry in kept:
        told_ += _chapter(entry)
    if job.status in _RUNNING:
        told_.append(_taken(job.started_ms or 0, job.worker, job.token, job.attempt))
    if job.status is Status.COMPLETED:
        told_.append(
            HistoryEntry(
                at_ms=job.finished_ms or 0,
                origin=Status.ACTIVE,
                status=Status.COMPLETED,
                cause="complete",
                worker=job.worker,
                token=job.token,
                attempt=job.attempt,
            )
        )
    return told_


def replayed(entries: Iterable[HistoryEntry]) -> Status | None:
    """The status in which a history ends. Raises ValueError where it does not hang together."""
    status: Status | None = None
    for entry in entries:
        if entry.origin is not status:
            raise ValueError(f"{entry.cause} leaves {entry.origin}, and the job was {status}")
        if status is not None and (status, entry.status) not in EDGES:
            raise ValueError(f"{entry.cause}: nothing leads from {status} to {entry.status}")
        status = entry.status
    return status


def _beginning(job: Open, begins: Status) -> HistoryEntry:
    cause = "gap" if job.untold else "enqueue"
    return HistoryEntry(
        at_ms=job.created_ms, origin=None, status=begins, cause=cause, missing=job.untold
    )


def _chapter(entry: Kept) -> list[HistoryEntry]:
    token, attempt = entry.token or None, entry.attempt or None
    change = HistoryEntry(
        at_ms=entry.at,
        origin=Status(entry.origin) if entry.origin else None,
        status=Status(entry.status),
        cause=entry.cause,
        worker=entry.worker or None,
        token=token,
        attempt=attempt,
        code=_text(entry.code) or None,
        by=entry.by or None,
    )
    if change.origin is not Status.ACTIVE:
        return [change]
    return [_taken(entry.started, entry.worker or None, token, attempt), change]


def _taken(at_ms: int, worker: str | None, token: int | None, attempt: int | None) -> HistoryEntry:
    return HistoryEntry(
        at_ms=at_ms,
        origin=Status.WAITING,
        status=Status.ACTIVE,
        cause="take",
        worker=worker,
        token=token,
        attempt=attempt,
    )


def _text(escaped: str) -> str:
    """What stands between the quotes of a JSON string."""
    try:
        return msgspec.json.decode(f'"{escaped}"', type=str)
    except msgspec.DecodeError:
        return escaped
