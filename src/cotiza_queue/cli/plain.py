"""Jobs, dead letters and schedules as ``--json`` shows them: the words and shapes of the HTTP
API.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..clock import iso
from ..model.history import HistoryEntry
from ..model.job import DeadLetter, Job, Pause, Schedule
from ..model.outcome import Failure
from ..model.status import Status


def job(value: Job) -> dict[str, Any]:
    """One job, without its payload and result: what a listing needs."""
    ended = {
        Status.COMPLETED: "completedAt",
        Status.FAILED: "failedAt",
        Status.CANCELLED: "cancelledAt",
    }
    return _given(
        jobId=value.id,
        type=value.type,
        tenantId=value.tenant,
        status=value.status,
        createdAt=iso(value.created_ms),
        scheduledFor=_iso(value.due_ms) if value.status is Status.DELAYED else None,
        startedAt=_iso(value.started_ms),
        **{ended.get(value.status, "endedAt"): _iso(value.finished_ms)},
        progress=msgspec.to_builtins(value.progress),
        attempts=value.attempt,
        maxAttempts=value.max_attempts,
        stalls=value.stalls or None,
        snoozed=value.snoozed or None,
        deadline=_iso(value.deadline_ms),
        priority=value.priority,
        worker=value.worker,
        error=_error(value.failure) if value.status is Status.FAILED else None,
        tags=list(value.tags) or None,
        scheduleId=value.schedule_id,
    )


def job_in_full(value: Job) -> dict[str, Any]:
    """One job with all that is known of it."""
    return job(value) | _given(
        data=value.payload,
        result=value.result,
        timeout=value.timeout_ms,
        backoff=msgspec.structs.asdict(value.backoff),
        failures=[_failure(each) for each in value.failures],
    )


def history_entry(value: HistoryEntry) -> dict[str, Any]:
    """One change of a job's status."""
    return _given(
        at=iso(value.at_ms),
        **{"from": value.origin},
        to=value.status,
        cause=value.cause,
        worker=value.worker,
        token=value.token,
        attempt=value.attempt,
        code=value.code,
        by=value.by,
        missing=value.missing or None,
    )


def dead_letter(value: DeadLetter) -> dict[str, Any]:
    """One dead letter: the job's payload, options and every failed attempt."""
    return {
        "id": value.id,
        "jobId": value.job_id,
        "type": value.type,
        "tenantId": value.tenant,
        "createdAt": iso(value.created_ms),
        "diedAt": iso(value.died_ms),
        "priority": value.priority,
        "data": value.payload,
        "options": dict(value.options),
        "failures": [_failure(each) for each in value.failures],
    }


def schedule(value: Schedule) -> dict[str, Any]:
    """One schedule."""
    return _given(
        scheduleId=value.id,
        key=value.key,
        type=value.type,
        tenantId=value.tenant,
        cron=value.cron,
        timezone=value.timezone,
        paused=value.paused,
        nextRunAt=_iso(value.next_ms),
        lastRunAt=_iso(value.last_ms),
        fired=value.fired,
        data=value.payload,
    )


def pause(value: Pause) -> dict[str, Any]:
    """One pause; without ``tenantId`` it is of the whole queue."""
    return _given(
        type=value.type,
        tenantId=value.tenant,
        since=iso(value.since_ms),
        until=_iso(value.until_ms),
        reason=value.reason,
    )


def _failure(value: Failure) -> dict[str, Any]:
    return {**msgspec.to_builtins(value), "at": iso(value.at)}


def _error(value: Failure | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return _given(
        code=value.code, message=value.message, remedy=value.remedy, details=value.details or None
    )


def _iso(moment_ms: int | None) -> str | None:
    return None if moment_ms is None else iso(moment_ms)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
