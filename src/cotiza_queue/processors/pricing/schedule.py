"""When a quote's parts can be there, in working days, and until when its prices hold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from .catalogue import Process, Terms
from .money import whole_up

_MINUTES_PER_HOUR = 60
_SECONDS_PER_HOUR = 3600


class Production(msgspec.Struct, frozen=True, kw_only=True):
    """A line's need of its machines. ``extra_days``: waiting for material, and for finishes."""

    process_key: str
    process: Process
    hours: Decimal
    extra_days: int


def production_hours(
    process: Process, piece_s: int, batch_s: int, capacity: int, quantity: int
) -> Decimal:
    """Hours until the last batch is off.

    Rounds of the machine park times the time of the fullest batch. Batches run on all machines side
    by side; each takes its set-up, its shared time and that of its pieces.
    """
    rounds = -(-quantity // (capacity * process.machines))
    seconds = batch_s + min(quantity, capacity) * piece_s
    return rounds * (
        process.setup_minutes / _MINUTES_PER_HOUR + Decimal(seconds) / _SECONDS_PER_HOUR
    )


def production_days(process: Process, hours: Decimal) -> int:
    """Working days that so many hours take, at least one."""
    return max(1, whole_up(hours / process.hours_per_day))


def lead_days(lines: Iterable[Production], rush: bool) -> int:
    """Working days until all of these are ready.

    Lines of one process follow each other on its machines. A rush order skips the queue
    (``rush_days`` for ``base_days``); production takes as long as it takes, so a rush is never
    slower than the standard and not always faster.
    """
    hours: dict[str, Decimal] = {}
    extra: dict[str, int] = {}
    processes: dict[str, Process] = {}
    for line in lines:
        key = line.process_key
        processes[key] = line.process
        hours[key] = hours.get(key, Decimal(0)) + line.hours
        extra[key] = max(extra.get(key, 0), line.extra_days)
    return max(
        (process.rush_days if rush else process.base_days)
        + extra[key]
        + production_days(process, hours[key])
        for key, process in processes.items()
    )


def valid_until(created_ms: int, terms: Terms) -> str:
    """The last day of the offer, ISO 8601, in the price list's time zone.

    Counted from when the job was enqueued, so that a retry gives the identical quote.
    """
    created = datetime.fromtimestamp(created_ms // 1000, UTC).astimezone(ZoneInfo(terms.timezone))
    return (created.date() + timedelta(days=terms.validity_days)).isoformat()
