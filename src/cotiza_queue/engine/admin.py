"""What operators ask of a queue beside single jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import FieldError, InvalidInput
from ..model.status import Status
from ..store import codec, keys
from ..store.link import Link

MAX_CLEAN = 10_000
_PAGE = 200


async def clean(link: Link, job_type: str, status: Status, grace_ms: int, limit: int) -> int:
    """Remove up to ``limit`` ended jobs, a page a call, oldest first. Raises InvalidInput."""
    if not status.final:
        raise InvalidInput(
            "only ended jobs can be cleaned",
            fields=[FieldError("status", "completed, failed or cancelled")],
        )
    if not 1 <= limit <= MAX_CLEAN or grace_ms < 0:
        raise InvalidInput(
            "out of range",
            fields=[FieldError("limit", f"1 to {MAX_CLEAN}"), FieldError("grace", "≥ 0")],
        )
    removed = 0
    while removed < limit:
        page = min(_PAGE, limit - removed)
        count = await link.commands.clean(job_type, status, grace_ms, page)
        removed += count
        if count < page:
            break
    return removed


async def workers(link: Link, job_types: Iterable[str]) -> list[Mapping[str, Any]]:
    """The live workers of some types, each once."""
    found: dict[str, Mapping[str, Any]] = {}
    for job_type in job_types:
        prefix = keys.prefix(job_type)
        for member in await link.connection.command("ZRANGE", f"{prefix}workers", 0, -1):
            info = codec.decode_json(
                await link.connection.command("GET", f"{prefix}worker:{member.decode()}") or b""
            )
            if info:
                found[info["id"]] = info
    return [found[id_] for id_ in sorted(found)]
