"""What a test says about jobs that were, or were not, enqueued."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..engine.queue import Queue
from ..model.job import Job, JobType

MAX_LOOKED_AT = 10_000
"""Jobs of a type that an assertion looks at, newest first."""
_PAGE = 500
_SHOWN = 10

_ANY = object()


async def assert_enqueued(
    queue: Queue,
    job_type: JobType[Any] | str,
    payload: Any = _ANY,
    *,
    count: int | None = None,
    tenant: str | None = None,
) -> list[Job]:
    """Jobs of the type that have not ended, oldest first; AssertionError if there are none, or not
    ``count``.

    ``payload``: fields that must be in theirs (a subset, at every depth); a struct, or a plain
    value, must be equal. ``tenant`` None: anyone's.
    """
    found, others = await _look(queue, job_type, payload, tenant)
    if len(found) == count or (count is None and found):
        return found
    wanted = "at least one job" if count is None else f"{count} jobs"
    raise AssertionError(
        f"{wanted} expected, {len(found)} found{_described(job_type, payload)}{_shown(others)}"
    )


async def refute_enqueued(
    queue: Queue,
    job_type: JobType[Any] | str,
    payload: Any = _ANY,
    *,
    tenant: str | None = None,
) -> None:
    """AssertionError if there is a job that ``assert_enqueued`` would find."""
    found, _ = await _look(queue, job_type, payload, tenant)
    if found:
        raise AssertionError(f"no job expected{_described(job_type, payload)}{_shown(found)}")


async def _look(
    queue: Queue, job_type: JobType[Any] | str, payload: Any, tenant: str | None
) -> tuple[list[Job], list[Job]]:
    """Those that fit, and those that do not, oldest first."""
    name = job_type if isinstance(job_type, str) else job_type.name
    wanted = payload if payload is _ANY else msgspec.to_builtins(payload)
    jobs: list[Job] = []
    cursor = None
    while len(jobs) < MAX_LOOKED_AT:
        page = await queue.list(tenant, job_type=name, limit=_PAGE, cursor=cursor)
        jobs += [job for job in page.items if not job.status.final]
        cursor = page.next_cursor
        if cursor is None:
            break
    fitting = [job for job in reversed(jobs) if wanted is _ANY or _fits(job.payload, wanted)]
    ids = {job.id for job in fitting}
    return fitting, [job for job in reversed(jobs) if job.id not in ids]


def _fits(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return all(key in found and _fits(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(_fits, found, wanted))
    return bool(found == wanted)


def _described(job_type: JobType[Any] | str, payload: Any) -> str:
    name = job_type if isinstance(job_type, str) else job_type.name
    return f" of type {name}" + ("" if payload is _ANY else f" with {payload!r}")


def _shown(jobs: list[Job]) -> str:
    if not jobs:
        return "; no others are there"
    lines = [f"\n  {job.status} {job.tenant} {job.payload!r:.200}" for job in jobs[:_SHOWN]]
    more = f"\n  and {len(jobs) - _SHOWN} more" if len(jobs) > _SHOWN else ""
    return "; there are:" + "".join(lines) + more
