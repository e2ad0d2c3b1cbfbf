"""One reader of event streams a process, and any number of listeners on it.

A listener first joins, then looks at the present state: so nothing that happens in between is
missed.

Who listens says to what: the events of one job, or those of one tenant. A tenant's listeners all
hear the very same event: its id holds a place in the stream of each of their job types.

All that one call on the server announces is one entry of the stream. An event's id is the entry's,
its second number times SPAN, plus the event's place in the entry: so ids keep the stream's order,
and one can resume in the middle of an entry.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ..errors import CotizaError, QueueUnavailable
from ..model.ids import JobId, type_code
from ..model.job import Event
from ..telemetry import Telemetry
from . import codec, ids, keys
from .connection import EVENTS_PAGE, Connection

_BACKLOG = 10_000
"""Events that a slow listener may lag behind; then it gets a ``gap`` event and goes on."""
_RETRY_S = 0.5
_LONGEST_RETRY_S = 2.0
SPAN = 4096
"""More than one entry holds (lua/lib/20_event.lua: 1,000)."""
_PLACE_S = 1.0
"""So often a reader sees to what has come alone; so long it waits for events at the most."""
_PAGE = 100


class Listener:
    """Where one listener's events arrive, in order: those of one job or, if none is named, those of
    one tenant in the queues of these types.
    """

    def __init__(
        self, job_types: Iterable[str] = (), *, job_id: str = "", tenant: str = ""
    ) -> None:
        self.job_types = tuple(sorted(job_types))
        self.of = ("job", job_id) if job_id else ("tenant", tenant)
        self._inbox: deque[Event] = deque()
        self._missed: Event | None = None
        """The last of those that it had no room for."""
        self._awake: asyncio.Future[None] | None = None

    def offer(self, event: Event) -> None:
        if self._missed is not None or len(self._inbox) >= _BACKLOG:
            self._missed = event
            return
        self._inbox.append(event)
        if self._awake is not None and not self._awake.done():
            self._awake.set_result(None)

    async def next(self) -> Event:
        """The next event. One caller at a time."""
        while not self._inbox:
            if self._missed is not None:
                # It has caught up with what it had room for: now it is told, also if nothing more
                # comes.
                missed, self._missed = self._missed, None
                return _gap(missed.id, missed.type)
            self._awake = asyncio.get_running_loop().create_future()
            await self._awake
        return self._inbox.popleft()


class EventReader:
    """Reads the event streams of some job types while anyone listens. ``run`` is its only task."""

    def __init__(self, connection: Connection, telemetry: Telemetry) -> None:
        self._connection = connection
        self._telemetry = telemetry
        self._positions: dict[str, str] = {}
        self._listeners: dict[tuple[str, str], dict[Listener, None]] = {}
        """By what they listen to, in the order in which they came."""
        self._wanted = asyncio.Event()
        self._reading: asyncio.Timeout | None = None
        self._place_at = 0.0

    async def join(self, listener: Listener) -> None:
        """Start to listen, from now on. What is read already costs no question to the server."""
        ends: dict[str, str] = {}
        wanted = {keys.events(name): name for name in listener.job_types}
        while unknown := wanted.keys() - self._positions.keys() - ends.keys():
            for key in unknown:
                ends[key] = _entry_of(await self.last_id(wanted[key]))
        if not ends.keys() <= self._positions.keys():
            self._interrupt()
        self._positions = ends | self._positions
        self._listeners.setdefault(listener.of, {})[listener] = None
        self._wanted.set()

    def leave(self, listener: Listener) -> None:
        """Stop to listen, whether it had begun or not."""
        beside = self._listeners.get(listener.of, {})
        beside.pop(listener, None)
        if not beside:
            self._listeners.pop(listener.of, None)
        if not self._listeners:
            self._wanted.clear()
            self._positions.clear()

    async def last_id(self, job_type: str) -> str:
        """An id that no event so far is after, nor one of a job that has come already."""
        await self._connection.place(job_type)
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
            yield _gap(after, job_type)
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
        await self._place(positions)
        left_s = self._place_at - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(None) as self._reading:
                reply = await self._connection.read_events(positions, max(1, int(left_s * 1000)))
        finally:
            self._reading = None
        for key, page in reply.items():
            name = key.decode()
            if len(page) >= EVENTS_PAGE:
                await self._look_for_a_gap(name, positions[name])
            self._deliver(name, page)

    async def _place(self, streams: Iterable[str]) -> None:
        """What has come alone is announced when it gets its place: mostly at once, by a worker.
        Where no worker is idle, we see to it.
        """
        now = asyncio.get_running_loop().time()
        if now < self._place_at:
            return
        self._place_at = now + _PLACE_S
        for key in streams:
            await self._connection.place(keys.type_of(key))

    async def _look_for_a_gap(self, key: str, position: str) -> None:
        """Behind by a page: were the events after our position still kept?"""
        if await self._trimmed_after(key, position):
            gap = _gap(_id(position, 0), keys.type_of(key))
            for what, listeners in self._listeners.items():
                self._tell(gap, what[0], listeners)

    def _interrupt(self) -> None:
        """A blocked read knows nothing of a stream that was added since: start it anew."""
        if self._reading is not None and not self._reading.expired():
            self._reading.reschedule(0)

    def _deliver(self, key: str, page: list[Any]) -> None:
        for entry, fields in page:
            if key in self._positions:
                self._positions[key] = entry.decode()
            for event in _events(keys.type_of(key), entry.decode(), fields):
                for what in (("job", event.job_id), ("tenant", event.tenant)):
                    self._tell(event, what[0], self._listeners.get(what, ()))

    def _tell(self, event: Event, what: str, listeners: Iterable[Listener]) -> None:
        """To a tenant's listeners the event has a place in all their streams; it is made once."""
        told: dict[tuple[str, ...], Event] = {}
        for listener in listeners:
            types = listener.job_types
            if event.type not in types:
                continue
            if types not in told:
                told[types] = self._placed(event, types) if what == "tenant" else event
            listener.offer(told[types])

    def _placed(self, event: Event, job_types: Iterable[str]) -> Event:
        """The event with an id that says how far each stream has been told."""
        places = {
            name: _id(self._positions.get(keys.events(name), "0-0"), SPAN - 1) for name in job_types
        }
        return msgspec.structs.replace(event, id=compound(places | {event.type: event.id}))

    async def _trimmed_after(self, key: str, entry: str) -> bool:
        """True if entries after that one are no longer kept."""
        oldest = await self._connection.command("XRANGE", key, "-", "+", "COUNT", 1)
        if not oldest or order(entry) >= order(oldest[0][0].decode()):
            return False
        info = await self._connection.command("XINFO", "STREAM", key)
        return bool(info[b"entries-added"] > info[b"length"])


def compound(places: Mapping[str, str]) -> str:
    """A place in the stream of each of these job types, as one id: ``4mq1:171-8,w00d:16-4095``."""
    return ",".join(f"{type_code(name)}:{place}" for name, place in places.items())


def places_of(event_id: str) -> dict[str, str]:
    """The places that a compound id holds, by the codes of the types."""
    parts = (part.partition(":") for part in event_id.split(","))
    return {code: place for code, _, place in parts}


def _gap(event_id: str, job_type: str) -> Event:
    """Here events are missing."""
    at_ms = order(places_of(event_id).get(type_code(job_type), event_id))[0]
    return Event(id=event_id, name="gap", job_id="", type=job_type, tenant="", at_ms=at_ms)


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
    for place, (job_id, tenant, name, data) in enumerate(told_in(packed, job_type)):
        yield Event(
            id=_id(entry, place),
            name=name,
            job_id=job_id,
            type=job_type,
            tenant=tenant,
            at_ms=at_ms,
            data=codec.decode_json(data) or {},
        )


def told_in(packed: bytes, job_type: str) -> Iterator[tuple[JobId, str, str, bytes]]:
    """What an entry tells: (job id, tenant, name, data as JSON) per event."""
    for name, data, whom in codec.decode_groups(packed):
        tenant = ""
        for word in ids.words(whom):
            if word.startswith(b"/"):
                tenant = word[1:].decode()
            else:
                yield ids.public(word, job_type), tenant, name, data


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
