"""The verbs of the queue, one call each to the function of the same name. No decision about a job
is made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from ..errors import CotizaError, InvalidInput, QueueFull
from ..model.ids import JobId
from ..model.job import Enqueued
from ..model.status import Status
from . import codec, keys
from .asked import Changed, Intake, by_inbox
from .connection import Connection
from .ids import StoredId, public, stored

DELIVERED = 7
"""Fields of a job that a turn brings."""
_OTHER_REQUEST = 2
_FULL = 3

Answered = Enqueued | InvalidInput | QueueFull
"""What became of one job of an enqueueing call."""

Answer = Literal["ok", "again", "lost", "deadline_exceeded"]
"""What became of an outcome: settled now, settled before, refused because the job is no longer the
worker's, or the job failed instead with that code.
"""


Kind = Literal["complete", "retry", "snooze", "fail", "discard", "release", "hold"]


class Delivery(msgspec.Struct, frozen=True):
    """One handing of a job to this worker. ``stored``: its id as it lies in Redis, which is all
    that most deliveries need: ``id`` makes the other one each time.
    """

    job_type: str
    stored: StoredId
    token: int
    attempt: int
    created_ms: int
    tenant: str
    body: bytes
    stalls: int = 0
    deadline_ms: int | None = None
    """By the server's clock: the job must not start, nor run on, after it."""
    snoozed: int = 0
    """How often an attempt has put the job off."""
    saved: bool = False
    """Whether earlier attempts have saved something."""

    @property
    def id(self) -> JobId:
        return public(self.stored, self.job_type)


class Settlement(msgspec.Struct, frozen=True):
    """One outcome on its way in. ``stored``: as in the delivery. ``extra``: run time of a
    completion, delay of a retry or a snooze, span of a hold, in milliseconds. A hold goes before
    the outcome that it comes with.
    """

    kind: Kind
    stored: StoredId
    token: int
    value: bytes = b""
    extra: int = 0
    notice: str = ""
    tenant: str = ""
    """This and the next are not sent; hooks are told them."""
    attempt: int = 0


class Stand(NamedTuple):
    """What a turn says of a worker's standby. ``heard``: the token of the last job that it was
    handed; ``idle``: if the turn brings nothing, it is on standby from then on.
    """

    heard: int
    idle: bool


class Turn(msgspec.Struct, frozen=True):
    """What a turn brought. ``next_due_ms``: when the next delayed job is due; both moments by the
    server's clock.
    """

    now_ms: int
    next_due_ms: int | None
    answers: list[Answer]
    deliveries: list[Delivery]


class Commands:
    """The verbs, over one Connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def begun(self) -> int:
        """How often calls have begun on a server."""
        return self._connection.begun

    async def enqueue(self, job_type: str, jobs: Sequence[Intake]) -> list[Answered]:
        """Take jobs in, all of the call or none."""
        if by_inbox(jobs):
            reply = await self._connection.call("post", job_type, *jobs[0].arguments())
        else:
            arguments = [argument for job in jobs for argument in job.arguments()]
            reply = await self._connection.call("enqueue", job_type, *arguments)
        return _answers(reply, job_type, jobs)

    async def enqueue_each(
        self, chunks: Sequence[tuple[str, Sequence[Intake]]]
    ) -> list[Sequence[Enqueued | CotizaError]]:
        """Take chunks (job type, jobs) in, in one round trip; each is taken whole or not at all.
        The error of one that was not is the answer to each of its jobs.
        """
        calls = [
            (job_type, [argument for job in jobs for argument in job.arguments()])
            for job_type, jobs in chunks
        ]
        replies = await self._connection.call_each("enqueue", calls)
        return [
            [reply] * len(jobs)
            if isinstance(reply, CotizaError)
            else _answers(reply, job_type, jobs)
            for (job_type, jobs), reply in zip(chunks, replies, strict=True)
        ]

    async def announce_type(self, job_type: str) -> None:
        """Put a job type on the list of those that exist."""
        await self._connection.announce(job_type)

    async def types(self) -> set[str]:
        """Every job type ever enqueued."""
        members: Iterable[bytes] = await self._connection.command("SMEMBERS", keys.TYPES)
        return {member.decode() for member in members}

    async def turn(
        self,
        job_type: str,
        worker: str,
        want: int,
        outcomes: Sequence[Settlement],
        *,
        version: int = 1,
        stand: Stand | None = None,
    ) -> Turn:
        """Settle outcomes and take up to ``want`` jobs, none of a newer ``version`` than that.
        ``stand``: None of a worker that can't be on standby.
        """
        heard, idle = ("", "") if stand is None else (stand.heard, "1" if stand.idle else "")
        told = [
            value
            for o in outcomes
            for value in (
                o.kind,
                codec.text_of(o.stored),
                o.token,
                codec.text_of(o.value),
                o.extra,
                o.notice,
            )
        ]
        now, due, others, taken = await self._connection.call(
            "turn",
            job_type,
            worker,
            want,
            version,
            heard,
            idle,
            codec.encode(told) if told else b"",
        )
        answers: list[Answer] = ["ok"] * len(outcomes)
        for place, answer in zip(others[::2], others[1::2], strict=True):
            answers[place - 1] = answer.decode()
        fields = [iter(taken)] * DELIVERED
        deliveries = [
            _completed(
                Delivery(job_type, id_, token, attempt, created, tenant.decode(), body),
                rare,
            )
            for id_, token, attempt, created, tenant, body, rare in zip(*fields, strict=True)
        ]
        return Turn(now, _ms(due), answers, deliveries)

    async def renew(
        self,
        job_type: str,
        worker: str,
        info: bytes,
        ttl_ms: int,
        running: Sequence[tuple[StoredId, int]],
    ) -> list[StoredId]:
        """Say that the worker lives and renew its leases; those it has lost."""
        flat = [item for pair in running for item in pair]
        lost: list[StoredId] = await self._connection.call(
            "renew", job_type, worker, info, ttl_ms, *flat
        )
        return lost

    async def leave(self, job_type: str, worker: str) -> int:
        """Say goodbye; the number of jobs still pending on the worker."""
        return int(await self._connection.call("leave", job_type, worker))

    async def stale(self, job_type: str, idle_ms: int) -> list[tuple[int, str]]:
        """(lane, entry) of a page of entries that were silent for so long."""
        rows = await self._connection.call("stale", job_type, idle_ms)
        return [(lane, entry.decode()) for lane, entry, _ in rows]

    async def reclaim(
        self,
        job_type: str,
        worker: str,
        lease_ms: int,
        max_stalls: int,
        entries: Sequence[tuple[int, str]],
    ) -> list[tuple[str, str]]:
        """Recover those of the entries whose lease ran out: (job id, new status)."""
        flat = [part for entry in entries for part in entry]
        rows = await self._connection.call("reclaim", job_type, worker, lease_ms, max_stalls, *flat)
        return [(public(id_, job_type), status.decode()) for id_, status in rows]

    async def sweep(self, job_type: str, worker: str, running: Iterable[StoredId]) -> list[JobId]:
        """Hand back what was delivered to the worker without its knowing."""
        rows: list[bytes] = await self._connection.call("sweep", job_type, worker, *running)
        return [public(id_, job_type) for id_ in rows]

    async def cancel(self, job_type: str, job_id: str, tenant: str, by: str = "") -> str:
        id_ = stored(job_id, job_type)
        return _text(await self._connection.call("cancel", job_type, id_, tenant, by))

    async def change(
        self, job_type: str, job_id: str, tenant: str, asked: Changed
    ) -> tuple[str, ...]:
        """("ok", status before, status now) of a job that has not started, or what forbids it."""
        id_, arguments = stored(job_id, job_type), asked.arguments()
        reply = await self._connection.call("change", job_type, id_, tenant, *arguments)
        return tuple(_text(word) for word in reply)

    async def replay(self, job_type: str, job_id: str, tenant: str, by: str = "") -> str:
        id_ = stored(job_id, job_type)
        return _text(await self._connection.call("replay", job_type, id_, tenant, by))

    async def progress(self, job_type: str, job_id: str, token: int, progress: bytes) -> bool:
        """False if the job is no longer the token's."""
        id_ = stored(job_id, job_type)
        return bool(await self._connection.call("progress", job_type, id_, token, progress))

    async def save(self, job_type: str, delivery: Delivery, name: str, value: bytes) -> str:
        """Save a value for later attempts: ok, lost, or full."""
        call = self._connection.call("save", job_type, delivery.stored, delivery.token, name, value)
        return _text(await call)

    async def saved(self, job_type: str, delivery: Delivery) -> dict[str, bytes]:
        """What earlier attempts have saved."""
        flat = await self._connection.call("saved", job_type, delivery.stored)
        rows = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
        return {name.decode(): value for name, value in rows}

    async def discarded(self, job_type: str, limit: int, deleted: Sequence[str]) -> list[str]:
        """Strike off what was deleted; names of stored content that is to be deleted next."""
        rows: list[bytes] = await self._connection.call("discarded", job_type, limit, *deleted)
        return [row.decode() for row in rows]

    async def prune(self, job_type: str, limit: int, dead_age_ms: int, consumer_age_ms: int) -> int:
        return int(
            await self._connection.call("prune", job_type, limit, dead_age_ms, consumer_age_ms)
        )

    async def clean(
        self, job_type: str, status: str, grace_ms: int, tenant: str, window: tuple[int, int]
    ) -> tuple[int, int]:
        """Look at ``window`` = (skip, limit) of the oldest ended jobs: (removed, looked at)."""
        skip, limit = window
        removed, seen = await self._connection.call(
            "clean", job_type, status, grace_ms, limit, tenant, skip
        )
        return int(removed), int(seen)

    async def pause(
        self, job_type: str, tenant: str, paused: bool, for_ms: int | None = None, reason: str = ""
    ) -> bool:
        """Pause or resume a tenant, or the queue (""). False if that changes nothing."""
        span = "" if for_ms is None else for_ms
        return bool(
            await self._connection.call("pause", job_type, tenant, int(paused), span, reason)
        )

    async def limit(
        self, job_type: str, tenant: str, fields: Mapping[str, float | str | bytes]
    ) -> None:
        """Set what a tenant, or the queue (""), may do; an empty text removes a field."""
        flat: list[str | bytes | int] = [tenant]
        for name, value in fields.items():
            flat += [name, value if isinstance(value, str | bytes) else repr(value)]
        await self._connection.call("limit", job_type, *flat)

    async def bury(self, job_type: str, job_id: str, tenant: str) -> bool:
        id_ = stored(job_id, job_type)
        return bool(await self._connection.call("bury", job_type, id_, tenant))

    async def put_schedule(
        self, job_type: str, schedule_id: str, tenant: str, spec: bytes, next_ms: int | None
    ) -> bool:
        """Write a schedule; an empty spec removes it. False if there was nothing to remove."""
        due = "" if next_ms is None else next_ms
        return bool(
            await self._connection.call("schedule", job_type, schedule_id, tenant, spec, due)
        )

    async def fire(
        self, job_type: str, schedule_id: str, occurrence_ms: int, next_ms: int, job: Intake
    ) -> bool:
        """Turn one occurrence into a job. False if another worker was first."""
        arguments = job.arguments()
        return bool(
            await self._connection.call(
                "fire", job_type, schedule_id, occurrence_ms, next_ms, *arguments
            )
        )


def _answers(reply: list[Any] | int, job_type: str, jobs: Sequence[Intake]) -> list[Answered]:
    if isinstance(reply, int):
        return [_waiting(job, reply) for job in jobs]
    now, *rows = reply
    return [
        _waiting(job, now) if row == 1 else _answer(row, job_type)
        for row, job in zip(rows, jobs, strict=True)
    ]


def _waiting(job: Intake, now_ms: int) -> Enqueued:
    return Enqueued(job_id=job.id, type=job.type, status=Status.WAITING, created_ms=now_ms)


def _answer(row: list[Any], job_type: str) -> Answered:
    id_, created, status, created_ms, due = row
    if created == _OTHER_REQUEST:
        return InvalidInput(
            "the idempotency key was used for another request",
            code="idempotency_key_reused",
            remedy="Use a new key for a new request.",
        )
    if created == _FULL:
        return _full(job_type, status.decode(), int(due))
    return Enqueued(
        job_id=public(id_, job_type),
        type=job_type,
        status=Status(status.decode()),
        created_ms=int(created_ms),
        due_ms=_ms(due),
        created=bool(created),
    )


def _full(job_type: str, whose: str, retry_after_ms: int) -> QueueFull:
    if whose == "tenant":
        message = f"the tenant has as many jobs waiting in {job_type} as it may"
        return QueueFull(message, retry_after_ms=retry_after_ms, code="tenant_queue_full")
    message = f"{job_type} has as many jobs waiting as it may"
    return QueueFull(message, retry_after_ms=retry_after_ms)


def _completed(delivery: Delivery, rare: bytes) -> Delivery:
    """With what few deliveries have."""
    if not rare:
        return delivery
    stalls, deadline, snoozed, saved = codec.decode_numbers(rare)
    return msgspec.structs.replace(
        delivery,
        stalls=stalls,
        deadline_ms=deadline or None,
        snoozed=snoozed,
        saved=bool(saved),
    )


def _ms(reply: bytes | int) -> int | None:
    return int(reply) if reply not in (b"", None) else None


def _text(reply: bytes) -> str:
    return reply.decode()
