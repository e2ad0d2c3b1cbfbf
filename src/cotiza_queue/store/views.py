"""Reading: what Redis holds of jobs, dead letters, schedules and queues, as the nouns that callers
know.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from ..errors import QueueDamaged
from ..model.history import HistoryEntry, Open, told
from ..model.job import DeadLetter, Job, Pause, Progress, QueueMetrics, Schedule
from ..model.policy import JobOptions
from ..model.status import Status
from ..model.why import Seen
from . import codec, record
from .connection import Connection
from .ids import public, stored

_decode_progress = msgspec.json.Decoder(Progress).decode


class ScheduleSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a schedule. ``payload``: JSON bytes."""

    cron: str
    timezone: str
    payload: bytes
    options: JobOptions
    key: str | None = None
    paused: bool = False
    version: int = 1


class Which(msgspec.Struct, frozen=True):
    """Which jobs. Empty texts mean any."""

    tenant: str = ""
    status: str = ""
    tag: str = ""


_encode_spec = msgspec.msgpack.Encoder().encode
_decode_spec = msgspec.msgpack.Decoder(ScheduleSpec).decode


def encode_spec(spec: ScheduleSpec) -> bytes:
    return _encode_spec(spec)


def spec_of(schedule: Schedule) -> ScheduleSpec:
    """What is stored of a schedule."""
    return ScheduleSpec(
        cron=schedule.cron,
        timezone=schedule.timezone,
        payload=codec.encode_payload(schedule.payload),
        options=schedule.options,
        key=schedule.key,
        paused=schedule.paused,
        version=schedule.version,
    )


class Views:
    """Read-only calls over one Connection. A tenant of "" means any."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def job(self, job_type: str, job_id: str, tenant: str) -> Job | None:
        """A job with payload, result and every failure; None if it is not there for that tenant."""
        reply = await self._get(job_type, job_id, tenant)
        if reply is None:
            return None
        packed, body, apart, failures, progress = reply
        job, found = _job(job_type, job_id, [packed, body, failures, progress])
        inside = found.result.encode() if isinstance(found.result, str) else apart
        value, blob = codec.decode_result(inside)
        return msgspec.structs.replace(job, result=value, result_blob=blob)

    async def body(self, job_type: str, job_id: str) -> bytes | None:
        """Payload and rules of a job as they are stored."""
        reply = await self._get(job_type, job_id, "")
        return None if reply is None else bytes(reply[1])

    async def _get(self, job_type: str, job_id: str, tenant: str) -> list[Any] | None:
        id_ = stored(job_id, job_type)
        reply: list[Any] | None = await self._connection.call("get", job_type, id_, tenant)
        return reply

    async def jobs(
        self, job_type: str, which: Which, below: str, limit: int
    ) -> tuple[str, list[tuple[int, Job]]]:
        """A page of (sequence number, job), newest first, and where to go on ("" at the end)."""
        last, rows = await self._connection.call(
            "list", job_type, which.tenant, below, limit, which.status, which.tag
        )
        found = []
        for id_, *row in rows:
            job, kept = _job(job_type, public(id_, job_type), row)
            found.append((kept.seq, job))
        return last.decode(), found

    async def history(self, job_type: str, job_id: str, tenant: str) -> list[HistoryEntry] | None:
        """What has happened to a job, oldest first; None if it is not there for that tenant."""
        reply = await self._connection.call("past", job_type, stored(job_id, job_type), tenant)
        if reply is None:
            return None
        packed, entries = reply
        found, rare = record.decode(packed)
        job = Open(
            status=Status(found.status),
            created_ms=found.created,
            started_ms=found.started or None,
            finished_ms=found.finished or None,
            worker=found.worker or None,
            token=found.token or None,
            attempt=found.attempt,
            untold=rare.untold,
        )
        return told(job, codec.decode_history(entries))

    async def why(self, job_type: str, job_id: str, tenant: str) -> Seen | None:
        """What a take would see of a job; None if it is not there for that tenant."""
        reply = await self._connection.call("why", job_type, stored(job_id, job_type), tenant)
        if reply is None:
            return None
        facts, failure, infos = reply
        failures = codec.decode_failures([failure]) if failure else (None,)
        workers = [codec.decode_json(info).get("queues", {}).get(job_type, {}) for info in infos]
        said = codec.pairs(facts)
        if behind := said.get("behind"):
            said["behind"] = public(behind.encode("utf-8", "surrogateescape"), job_type)
        named = {"job_id": job_id, "type": job_type, "workers": workers, **said}
        seen = msgspec.convert(named, Seen, strict=False)
        return msgspec.structs.replace(seen, failure=failures[0])

    async def dead_letters(
        self, job_type: str, tenant: str, below: str, limit: int, job_id: str = ""
    ) -> tuple[str, list[DeadLetter]]:
        """A page of dead letters, newest first, and where to go on ("" at the end)."""
        id_ = stored(job_id, job_type) if job_id else ""
        last, rows = await self._connection.call("letters", job_type, tenant, below, limit, id_)
        return last.decode(), [_letter(job_type, entry.decode(), fields) for entry, fields in rows]

    async def schedules(
        self, job_type: str, which: str, limit: int
    ) -> tuple[int, int | None, list[Schedule]]:
        """(server time, when the next one is due, schedules). ``which``: an id, "due", or "" for
        all.
        """
        now, due, rows = await self._connection.call("schedules", job_type, which, limit)
        found = [_schedule(job_type, id_.decode(), score, hash_) for id_, score, hash_ in rows]
        return int(now), int(float(due)) if due else None, found

    async def pauses(self, job_type: str) -> list[Pause]:
        """The pauses in a queue that last, its own first."""
        now, whole, flat = await self._connection.call("paused", job_type)
        found = [_pause(job_type, None, *whole)] if whole[0] else []
        for tenant, text in sorted(codec.pairs(flat).items()):
            since, until, reason = text.split(" ", 2)
            found.append(_pause(job_type, tenant, since, until, reason))
        return [one for one in found if one.until_ms is None or one.until_ms > int(now)]

    async def metrics(self, job_type: str) -> QueueMetrics:
        now, flat, pause, minutes, oldest, dead, workers = await self._connection.call(
            "metrics", job_type
        )
        counts = {name: int(value) for name, value in codec.pairs(flat).items()}
        completed, failed = counts.get("completed", 0), counts.get("failed", 0)
        ended, runs = completed + failed, counts.get("total_completed", 0)
        run_times = {int(name[4:]): n for name, n in counts.items() if name.startswith("run:")}
        this_minute, last_minute = (int(n) for n in minutes)
        elapsed = (int(now) % 60_000) / 60_000
        paused = _pause(job_type, None, *pause) if pause[0] else None
        if paused is not None and paused.until_ms is not None and paused.until_ms <= int(now):
            paused = None
        return QueueMetrics(
            name=job_type,
            blocked=counts.get("blocked", 0),
            kept_bytes=counts.get("kept_bytes", 0),
            waiting=counts.get("waiting", 0),
            active=counts.get("active", 0),
            completed=completed,
            failed=failed,
            delayed=counts.get("delayed", 0),
            cancelled=counts.get("cancelled", 0),
            paused=paused is not None,
            paused_reason=paused.reason if paused else None,
            paused_until_ms=paused.until_ms if paused else None,
            completed_rate=round(100 * completed / ended, 2) if ended else 0.0,
            failed_rate=round(100 * failed / ended, 2) if ended else 0.0,
            avg_processing_time=round(counts.get("total_run_ms", 0) / runs, 1) if runs else 0.0,
            p50=_percentile(run_times, 0.50),
            p95=_percentile(run_times, 0.95),
            p99=_percentile(run_times, 0.99),
            oldest_waiting_ms=max(0, int(now) - int(oldest)) if oldest else 0,
            throughput_per_minute=round(this_minute + last_minute * (1 - elapsed)),
            dead_letters=int(dead),
            workers=int(workers),
        )


def _job(job_type: str, job_id: str, row: list[Any]) -> tuple[Job, record.Record]:
    """A job from [record, body, failures, progress] as the scripts return it. Raises QueueDamaged
    for what they have not written.
    """
    packed, body, failures, progress = row
    try:
        found, rare = record.decode(packed)
        content = codec.decode_body(body)
    except msgspec.MsgspecError as error:
        raise QueueDamaged(f"the record or the payload of job {job_id} is damaged") from error
    job = Job(
        id=job_id,
        type=job_type,
        tenant=found.tenant,
        status=Status(found.status),
        created_ms=found.created,
        due_ms=rare.due,
        started_ms=found.started or None,
        finished_ms=found.finished or None,
        attempt=found.attempt,
        max_attempts=found.attempts,
        stalls=rare.stalls,
        snoozed=rare.snoozed,
        deadline_ms=rare.deadline,
        priority=content.priority,
        token=found.token,
        worker=found.worker or None,
        progress=_decode_progress(progress) if progress else Progress(),
        payload=codec.decode_json(content.payload),
        failures=codec.decode_failures(failures),
        tags=content.rules.tags,
        timeout_ms=content.rules.timeout,
        backoff=content.rules.backoff,
        schedule_id=content.schedule_id,
        payload_blob=content.blob,
    )
    return job, found


def _letter(job_type: str, entry: str, flat: Any) -> DeadLetter:
    raw = flat if isinstance(flat, dict) else {flat[i]: flat[i + 1] for i in range(0, len(flat), 2)}
    content = codec.decode_body(raw[b"body"])
    rules = content.rules
    return DeadLetter(
        id=entry,
        job_id=public(raw[b"job"], job_type),
        type=job_type,
        tenant=raw[b"tenant"].decode(),
        died_ms=int(entry.split("-")[0]),
        created_ms=int(raw[b"created"]),
        priority=content.priority,
        payload=codec.decode_json(content.payload),
        options={
            "priority": content.priority,
            "attempts": rules.attempts,
            "backoff": msgspec.structs.asdict(rules.backoff),
            "timeout": rules.timeout,
            "tags": list(rules.tags),
        },
        failures=codec.decode_failure_array(raw[b"failures"]),
    )


def _schedule(job_type: str, schedule_id: str, score: bytes, flat: Any) -> Schedule:
    raw = flat if isinstance(flat, dict) else {flat[i]: flat[i + 1] for i in range(0, len(flat), 2)}
    spec = _decode_spec(raw[b"spec"])
    return Schedule(
        id=schedule_id,
        type=job_type,
        tenant=raw[b"tenant"].decode(),
        cron=spec.cron,
        timezone=spec.timezone,
        payload=codec.decode_json(spec.payload),
        options=spec.options,
        key=spec.key,
        paused=spec.paused,
        version=spec.version,
        next_ms=int(float(score)) if score else None,
        last_ms=int(raw[b"last"]) if b"last" in raw else None,
        fired=int(raw.get(b"fired", 0)),
    )


def _pause(
    job_type: str,
    tenant: str | None,
    since: bytes | str,
    until: bytes | str | None,
    reason: bytes | str | None,
) -> Pause:
    text = reason.decode() if isinstance(reason, bytes) else reason
    return Pause(
        type=job_type,
        tenant=tenant,
        since_ms=int(since),
        until_ms=int(until) if until else None,
        reason=text or None,
    )


def _percentile(run_times: dict[int, int], share: float) -> float:
    """Upper bound of the bucket that holds the percentile: buckets are quarter octaves, so within
    19 %.
    """
    total = sum(run_times.values())
    rank = math.ceil(total * share)
    for bucket in sorted(run_times):
        rank -= run_times[bucket]
        if rank <= 0:
            return round(2 ** ((bucket + 1) / 4) - 1, 1)
    return 0.0
