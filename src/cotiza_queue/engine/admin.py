"""What operators ask of a queue beside single jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ..errors import FieldError, InvalidInput
from ..model.ids import check_tenant
from ..model.policy import MAX_DELAY_MS, MAX_PRIORITY, MAX_REASON, Limits, lane_of
from ..model.status import Status
from ..store import codec, keys
from ..store.link import Link
from .intake import invalid

MAX_CLEAN = 10_000
_PAGE = 200


class Cut(msgspec.Struct, frozen=True):
    """Which ended jobs to remove: at most ``limit`` of those that ended ``grace_ms`` ago."""

    status: Status
    grace_ms: int
    limit: int
    tenant: str | None


async def clean(link: Link, job_type: str, cut: Cut) -> int:
    """Remove ended jobs, oldest first, a page a call. Raises InvalidInput."""
    if not cut.status.final:
        field = FieldError("status", "completed, failed or cancelled")
        raise InvalidInput("only ended jobs can be cleaned", fields=[field])
    if not 1 <= cut.limit <= MAX_CLEAN or cut.grace_ms < 0:
        fields = [FieldError("limit", f"1 to {MAX_CLEAN}"), FieldError("grace", "≥ 0")]
        raise InvalidInput("out of range", fields=fields)
    removed = kept = 0
    while removed < cut.limit and kept < MAX_CLEAN:
        page = min(_PAGE, cut.limit - removed)
        gone, seen = await link.commands.clean(
            job_type, cut.status, cut.grace_ms, cut.tenant or "", (kept, page)
        )
        removed, kept = removed + gone, kept + seen - gone
        if seen < page:
            break
    return removed


async def limit(
    link: Link, job_type: str, tenant: str | None, limits: Limits | Mapping[str, Any]
) -> None:
    """Set what a tenant, or the queue (None), may do. What is left out is lifted. Raises
    InvalidInput.
    """
    given = msgspec.to_builtins(limits) if isinstance(limits, Limits) else limits
    try:
        limits = msgspec.convert(_texts(given), Limits)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise invalid(error, "limits", "the limits are not valid", Limits) from None
    rate = limits.rate
    fields: dict[str, float | str | bytes] = {
        "concurrency": limits.concurrency or "",
        "depth": limits.depth or "",
        "period": rate.period_ms if rate else "",
        "burst": rate.burst if rate else "",
    }
    if tenant is None:
        fields["shares"] = codec.encode_map(_lanes(limits.shares)) or ""
        fields["max_wait"] = limits.max_wait or ""
        fields["retain_bytes"] = limits.retain_bytes or ""
    else:
        fields["weight"] = limits.weight if limits.weight > 1 else ""
        faults = [FieldError(f"limits.{name}", "of a queue only") for name in _of_queue(limits)]
        if faults:
            raise InvalidInput("a tenant can't have that limit", fields=faults)
    await link.commands.limit(job_type, _owner(tenant), fields)


def _texts(limits: Mapping[str, Any]) -> Mapping[str, Any]:
    """Priorities may be given as numbers."""
    shares = limits.get("shares")
    if not isinstance(shares, Mapping):
        return limits
    return {**limits, "shares": {str(priority): weight for priority, weight in shares.items()}}


def _lanes(shares: Mapping[str, int]) -> dict[int, int]:
    """Lane → weight. Raises InvalidInput for what is no priority, or two of one lane."""
    found: dict[int, int] = {}
    for text, weight in shares.items():
        field = f"limits.shares.{text}"
        if not text.isdecimal() or int(text) > MAX_PRIORITY:
            fault = FieldError(field, f"a priority is a number from 0 to {MAX_PRIORITY:,}")
            raise InvalidInput("the limits are not valid", fields=[fault])
        lane = lane_of(int(text))
        if lane in found:
            fault = FieldError(field, "shares its lane with a priority named before")
            raise InvalidInput("the limits are not valid", fields=[fault])
        found[lane] = weight
    return found


def _of_queue(limits: Limits) -> list[str]:
    asked = {
        "shares": limits.shares,
        "maxWait": limits.max_wait,
        "retainBytes": limits.retain_bytes,
    }
    return [name for name, value in asked.items() if value]


async def pause(
    link: Link, job_type: str, tenant: str | None, for_ms: int | None, reason: str | None
) -> None:
    """Hand out nothing of a queue, or of one of its tenants; with ``for_ms`` only for so long."""
    faults = []
    if for_ms is not None and not 1 <= for_ms <= MAX_DELAY_MS:
        faults.append(FieldError("forMs", f"1 to {MAX_DELAY_MS:,} milliseconds"))
    if reason is not None and not (len(reason) <= MAX_REASON and reason.isprintable()):
        faults.append(FieldError("reason", f"at most {MAX_REASON} printable characters"))
    if faults:
        raise InvalidInput("the pause is not valid", fields=faults)
    await link.commands.pause(job_type, _owner(tenant), True, for_ms, reason or "")


async def resume(link: Link, job_type: str, tenant: str | None) -> None:
    """Let a queue, or one of its tenants, go on."""
    await link.commands.pause(job_type, _owner(tenant), False)


def _owner(tenant: str | None) -> str:
    return "" if tenant is None else check_tenant(tenant)


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
