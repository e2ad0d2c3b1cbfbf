"""One reader of event streams a process, and any number of listeners on it.

A listener first joins, then looks at the present state: so nothing that happens in between is
missed.

All that one call on the server announces is one entry of the stream. An event's id is the entry's,
its second number times SPAN, plus the event's place in the entry: so ids keep the stream's order,
and one can resume in the middle of an entry.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from ..errors import CotizaError, QueueUnavailable
from ..model.job import Event
from ..telemetry import Telemetry
from . import codec, keys
from .connection import EVENTS_PAGE, Connection

_BACKLOG = 10_000
"""Events that a slow listener may lag behind; then it gets a ``gap`` event and goes on."""
_RETRY_S = 0.5
_LONGEST_RETRY_S = 2.0
SPAN = 4096
"""More than one entry holds (lua/lib/20_event.lua: 1,000)."""
_BLOCK_MS = 1000
_PAGE = 100


class Listener:
    """Where one listener's events arrive, in order."""

    def __init__(self) -> None:
        self._inbox: asyncio.Queue[Event] = asyncio.Queue(_BACKLOG)
        self._missed: Event | None = None
        """The last of those that it had no room for."""

    def offer(self, event: Event) -> None:
        if self._missed is not None or self._inbox.full():
            self._missed = event
            return
        self._inbox.put_nowait(event)

    async def next(self) -> Event:
        missed = self._missed
        if missed is None or not self._inbox.empty():
            return await self._inbox.get()
        # It has caught up with what it had room for: now it is told, also if nothing more comes.
        self._missed = None
        return Event(
            id=missed.id, name="gap", job_id="", type=missed.type, tenant="", at_ms=missed.at_ms
        )


class EventReader:
    """Reads the event streams of some job types while anyone listens. ``run`` is its only task."""

    def __init__(self, connection: Connection, telemetry: Telemetry) -> None:
        self._connection = connection
        self._telemetry = telemetry
        self._positions: dict[str, str] = {}
        self._listeners: set[Listener] = set()
        self._wanted = asyncio.Event()
        self._reading: asyncio.Timeout | None = None

    async def join(self, job_types: Iterable[str]) -> Listener:
        """Start to listen to the events of these types, from now on."""
        now = {keys.events(name): await self.last_id(name) for name in job_types}
        listener = Listener()
        if any(key not in self._positions for key in now):
            self._interrupt()
        for key, last in now.items():
            self._positions.setdefault(key, _entry_of(last))
        self._listeners.add(listener)
        self._wanted.set()
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        if not self._listeners:
            self._wanted.clear()
            self._positions.clear()

    async def last_id(self, job_type: str) -> str:
        """An id that no event so far is after."""
        newest = await self._connection.command(
            "XREVRANGE", keys.events(job_type), "+", "-", "COUNT", 1
        )
        return _id(newest[0][0].decode(), SPAN - 1) if newest else "0-0"

    async def history(self, job_type: str, after: str) -> AsyncIterator[Event]:
        """The kept events after an id, oldest first; a ``gap`` first if some of them are no longer
        kept.
        """
        key, last = keys.events(job_type), _entry_of(after)
        if await self._trimmed_after(key, last):
            yield Event(
                id=after, name="gap", job_id="", type=job_type, tenant="", at_ms=order(after)[0]
            )
        while page := await self._connection.command("XRANGE", key, last, "+", "COUNT", _PAGE):
            for event in _page_after(job_type, page, after):
                yield event
            last = f"({page[-1][0].decode()}"

    async def run(self) -> None:
        """Read for as long as the process lives. Whatever goes wrong is waited out."""
        pause = _RETRY_S
        while True:
            await self._wanted.wait()
            try:
                await self._read()
                pause = _RETRY_S
            except TimeoutError:
                continue
            except Exception as error:
                if not isinstance(error, QueueUnavailable):
                    unexpected = None if isinstance(error, CotizaError) else error
                    self._telemetry.warn("events.failed", error=str(error), exc_info=unexpected)
                await asyncio.sleep(pause)
                pause = min(_LONGEST_RETRY_S, pause * 2)

    async def _read(self) -> None:
        if not self._positions:
            await asyncio.sleep(_RETRY_S)
            return
        positions = dict(self._positions)
        try:
            async with asyncio.timeout(None) as self._reading:
                reply = await self._connection.read_events(positions, _BLOCK_MS)
        finally:
            self._reading = None
        for key, page in reply.items():
            name = key.decode()
            if len(page) >= EVENTS_PAGE:
                await self._look_for_a_gap(name, positions[name])
            self._deliver(name, page)

    async def _look_for_a_gap(self, key: str, position: str) -> None:
        """Behind by a page: were the events after our position still kept?"""
        if await self._trimmed_after(key, position):
            kind = keys.type_of(key)
            at = order(position)[0]
            gap = Event(id=_id(position, 0), name="gap", job_id="", type=kind, tenant="", at_ms=at)
            for listener in self._listeners:
                listener.offer(gap)

    def _interrupt(self) -> None:
        """A blocked read knows nothing of a stream that was added since: start it anew."""
        if self._reading is not None and not self._reading.expired():
            self._reading.reschedule(0)

    def _deliver(self, key: str, page: list[Any]) -> None:
        for entry, fields in page:
            if key in self._positions:
                self._positions[key] = entry.decode()
            for event in _events(keys.type_of(key), entry.decode(), fields):
                for listener in self._listeners:
                    listener.offer(event)

    async def _trimmed_after(self, key: str, entry: str) -> bool:
        """True if entries after that one are no longer kept."""
        oldest = await self._connection.command("XRANGE", key, "-", "+", "COUNT", 1)
        if not oldest or order(entry) >= order(oldest[0][0].decode()):
            return False
        info = await self._connection.command("XINFO", "STREAM", key)
        return bool(info[b"entries-added"] > info[b"length"])


def _page_after(job_type: str, page: list[Any], after: str) -> Iterator[Event]:
    """The events of some entries, but for those up to an id."""
    for entry, fields in page:
        for event in _events(job_type, entry.decode(), fields):
            if order(event.id) > order(after):
                yield event


def _events(job_type: str, entry: str, fields: Any) -> Iterator[Event]:
    """The events of one entry, in order."""
    packed = fields[b"e"] if isinstance(fields, dict) else fields[1]
    at_ms = order(entry)[0]
    for place, (job_id, tenant, name, data) in enumerate(codec.decode_events(packed)):
        yield Event(
            id=_id(entry, place),
            name=name,
            job_id=job_id,
            type=job_type,
            tenant=tenant,
            at_ms=at_ms,
            data=codec.decode_json(data.encode()) or {},
        )


def _id(entry: str, place: int) -> str:
    moment, sequence = order(entry)
    return f"{moment}-{sequence * SPAN + place}"


def _entry_of(event_id: str) -> str:
    """The entry that an event is in."""
    moment, sequence = order(event_id)
    return f"{moment}-{sequence // SPAN}"


def order(event_id: str) -> tuple[int, int]:
    """Stream ids compare as pairs of numbers. Raises ValueError for anything else."""
    moment, _, sequence = event_id.partition("-")
    return int(moment), int(sequence or 0)
