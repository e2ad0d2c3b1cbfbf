"""Pages over several queues at once, newest first, with a cursor that remembers a place in each."""

from __future__ import annotations

import base64
import heapq
import re
from collections.abc import Sequence

import msgspec

from ..errors import FieldError, InvalidInput
from ..model.job import DeadLetter, Job, Page
from ..store.views import Views, Which

MAX_LIMIT = 500
LOOKS = 14
"""Steps that one page may take, where a step looks at 500 jobs of each queue."""
_PLACE = re.compile(r"[0-9]{1,20}(-[0-9]{1,20})?", re.ASCII)
_Cursor = dict[str, str | None]
"""Job type → where to go on below; None: that queue has no more."""


async def page(
    views: Views, job_types: Sequence[str], which: Which, limit: int, cursor: str | None
) -> Page:
    """The next page. Where two filters meet, at most LOOKS steps are taken, so a page may be short
    and still have a cursor. Raises InvalidInput for a bad limit or cursor.
    """
    places = _start(job_types, cursor, limit)
    items: list[Job] = []
    for _ in range(LOOKS):
        items += await _step(views, places, which, limit - len(items))
        if len(items) == limit or all(below is None for below in places.values()):
            break
    return Page(items=items, next_cursor=_next(places))


async def _step(views: Views, places: _Cursor, which: Which, wanted: int) -> list[Job]:
    """The next jobs of all queues, newest first; moves the places on."""
    found: list[list[tuple[int, Job]]] = []
    ends: _Cursor = {}
    for job_type, below in places.items():
        if below is None:
            continue
        last, rows = await views.jobs(job_type, which, below, wanted)
        ends[job_type] = last or None
        found.append(rows)
    # A merge, not a sort: after a step back of the server's clock a queue's own order still holds.
    merged = list(heapq.merge(*found, key=lambda row: row[1].created_ms, reverse=True))
    shown, left = merged[:wanted], merged[wanted:]
    unfinished = {job.type for _, job in left}
    for job_type in ends:
        if job_type not in unfinished:
            places[job_type] = ends[job_type]
            continue
        own = [seq for seq, job in shown if job.type == job_type]
        if own:
            places[job_type] = str(own[-1])
    return [job for _, job in shown]


async def letters(
    views: Views, job_types: Sequence[str], tenant: str, limit: int, cursor: str | None
) -> tuple[list[DeadLetter], str | None]:
    """The next page of dead letters and the cursor after it."""
    places = _start(job_types, cursor, limit)
    found: list[DeadLetter] = []
    ends: _Cursor = {}
    for job_type, below in places.items():
        if below is not None:
            last, some = await views.dead_letters(job_type, tenant, below, limit)
            ends[job_type] = last or None
            found += some
    found.sort(key=lambda letter: letter.died_ms, reverse=True)
    shown, left = found[:limit], found[limit:]
    unfinished = {letter.type for letter in left}
    for job_type in ends:
        if job_type not in unfinished:
            places[job_type] = ends[job_type]
            continue
        own = [letter.id for letter in shown if letter.type == job_type]
        if own:
            places[job_type] = own[-1]
    return shown, _next(places)


def _start(job_types: Sequence[str], cursor: str | None, limit: int) -> _Cursor:
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(
            "the limit is out of range", fields=[FieldError("limit", f"1 to {MAX_LIMIT}")]
        )
    places: _Cursor = dict.fromkeys(job_types, "")
    if cursor is None:
        return places
    try:
        kept = msgspec.json.decode(base64.urlsafe_b64decode(cursor.encode()), type=_Cursor)
    except (ValueError, msgspec.MsgspecError):
        raise InvalidInput(
            "the cursor is not one of ours",
            fields=[FieldError("cursor", "take it from the last page")],
        ) from None
    for job_type in job_types:
        places[job_type] = kept.get(job_type)
    if any(below and not _PLACE.fullmatch(below) for below in places.values()):
        raise InvalidInput(
            "the cursor is not one of ours",
            fields=[FieldError("cursor", "take it from the last page")],
        )
    return places


def _next(places: _Cursor) -> str | None:
    if all(below is None for below in places.values()):
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode(places)).decode()
