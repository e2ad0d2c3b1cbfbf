"""Events as they happen, over a response that stays open (server-sent events, WHATWG HTML §9.2).

Each event carries its id, so that a client that was cut off resumes with ``Last-Event-ID`` without
gap or duplicate. A comment every 15 seconds keeps proxies from closing a quiet stream. The stream
ends after the job's final event, when the client leaves, when the server stops, and when Redis goes
away: in the last two cases the client comes back.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cotiza_queue.clock import iso
from cotiza_queue.errors import CotizaError, FieldError, InvalidInput
from cotiza_queue.model.job import Event

from .respond import public_urls

HEARTBEAT_S = 15.0
KEPT_BYTES = 1024 * 1024
"""Of encoded events; enough for a burst of some 5,000."""
RETRY_MS = 2000
"""How long a client that was cut off waits before it comes back."""
_PLACE = r"[0-9]{1,18}(-[0-9]{1,18})?"
_EVENT_ID = re.compile(_PLACE)
_TENANT_EVENT_ID = re.compile(rf"[0-9a-z]{{4}}:{_PLACE}(,[0-9a-z]{{4}}:{_PLACE}){{0,63}}")
"""A place in the events of each job type."""
_HEADERS = {
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # nginx would hold events back
}
_log = structlog.get_logger("cotiza_api")


def last_event_id(request: Request, *, of_tenant: bool = False) -> str | None:
    """Where the client was, in a job's events or in a tenant's. Raises InvalidInput for what can't
    be the id of such an event.
    """
    text = request.headers.get("last-event-id")
    pattern = _TENANT_EVENT_ID if of_tenant else _EVENT_ID
    if text and not pattern.fullmatch(text):
        raise InvalidInput(
            "that is not an event id of this stream",
            fields=[FieldError("Last-Event-ID", "must be the id of an event of this stream")],
        )
    return text or None


class Encoder:
    """Events as they go over the wire. All who follow a tenant hear the same event: it is encoded
    for the first of them, and kept for the others as long as there is room.
    """

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        self._kept: dict[int, tuple[Event, bytes]] = {}
        """By the event's identity, which is its own while it is kept; the oldest first."""
        self._kept_bytes = 0

    def encode(self, event: Event) -> bytes:
        """An event's data, and which job it is about."""
        event_kept = self._kept.get(id(event))
        if event_kept is not None:
            return event_kept[1]
        encoded = self._encode(event)
        self._kept[id(event)] = event, encoded
        self._kept_bytes += len(encoded)
        while self._kept_bytes > KEPT_BYTES:
            _, oldest = self._kept.pop(next(iter(self._kept)))
            self._kept_bytes -= len(oldest)
        return encoded

    def _encode(self, event: Event) -> bytes:
        data: dict[str, Any] = {
            "jobId": event.job_id,
            "type": event.type,
            "at": iso(event.at_ms),
            **public_urls(event.data, self._public_url),
        }
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (
            event.id.encode(),
            event.name.encode(),
            msgspec.json.encode(data),
        )


class EventStream(Response):
    """Sends events until they end, the client leaves or ``stopping`` is set."""

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncIterator[Event],
        encode: Callable[[Event], bytes],
        *,
        stopping: asyncio.Event,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self.status_code = 200
        self.init_headers(_HEADERS)
        self._events = events
        self._encode = encode
        self._stopping = stopping
        self._heartbeat_s = heartbeat_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            await send(_part(b"retry: %d\n\n" % RETRY_MS))
            async with asyncio.TaskGroup() as group:
                endings = [
                    group.create_task(self._send_events(send)),
                    group.create_task(_left(receive)),
                    group.create_task(self._stopping.wait()),
                ]
                heart = group.create_task(_beat(send, self._heartbeat_s))
                await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
                for task in (*endings, heart):
                    task.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_events(self, send: Send) -> None:
        try:
            async with aclosing(self._events) as events:  # type: ignore[type-var]
                async for event in events:
                    await send(_part(self._encode(event)))
        except CotizaError as error:
            _log.warning("stream.cut", error=error.message)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _beat(send: Send, pause_s: float) -> None:
    while True:
        await asyncio.sleep(pause_s)
        await send(_part(b": still here\n\n"))


def _part(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}
