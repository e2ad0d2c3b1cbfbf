"""What the server says unasked to this process: there is work; that job was cancelled; this job is
for you. Losing any of it is harmless.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, NoReturn, Self

from ..errors import QueueUnavailable
from . import ids, keys
from .commands import Delivery
from .connection import Connection
from .replies import ours
from .wire import Wire, pack

SIGN_S = 1.0
"""Between two questions whether the server is still there: a connection that leads nowhere any more
looks like one where nothing happens.
"""
_TOLD = struct.Struct(">QQHH")
_numbers = _TOLD.unpack_from

_SAID = (b"message", b"smessage")

Heard = Mapping[str, Callable[[str], None]]
"""Job type → what to do with a hint's text."""
Handed = Mapping[str, Callable[[Delivery, int], None]]
"""Job type → what to do with a job that was handed to this worker, and the server's time then."""


class Hints:
    """A subscription to the hints of some job types; each is acted on as soon as its bytes are
    there. ``async with``: subscribed; ends with its connection.
    """

    def __init__(self, connection: Connection, worker: str, heard: Heard, handed: Handed) -> None:
        self._connection = connection
        self._heard: dict[bytes, Callable[[bytes], None]] = {}
        self._subscriptions: list[tuple[str, str]] = []
        for job_type, act in heard.items():
            channel = keys.wake(job_type)
            self._heard[channel.encode()] = partial(_hint, act, job_type)
            self._subscriptions.append(("SUBSCRIBE", channel))
        for job_type, start in handed.items():
            channel = keys.handed(job_type, worker)
            self._heard[channel.encode()] = partial(_handed, start, job_type)
            self._subscriptions.append(("SSUBSCRIBE", channel))
        self._wire_or_none: Wire | None = None

    async def __aenter__(self) -> Self:
        self._wire_or_none = wire = await self._connection.own(pushed=self._hear)
        try:
            await _ask(wire, b"".join(map(pack, self._subscriptions)) + pack(("PING",)))
        except BaseException:
            wire.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._wire.close()

    async def last(self) -> NoReturn:
        """Until the connection breaks. Raises QueueUnavailable then, or what a question whether the
        server is there has brought.
        """
        over = self._wire.over
        while not over.is_set():
            try:
                async with asyncio.timeout(SIGN_S):
                    await over.wait()
            except TimeoutError:
                await _ask(self._wire, pack(("PING",)))
        raise QueueUnavailable("the subscription has ended")

    @property
    def _wire(self) -> Wire:
        assert self._wire_or_none is not None  # noqa: S101 - entered
        return self._wire_or_none

    def _hear(self, pushed: Sequence[Any]) -> None:
        if pushed[0] in _SAID and (act := self._heard.get(pushed[1])):
            act(pushed[2])


def _hint(act: Callable[[str], None], job_type: str, said: bytes) -> None:
    act(ids.shown(said, job_type))


def _handed(start: Callable[[Delivery, int], None], job_type: str, said: bytes) -> None:
    if (found := delivery_of(job_type, said)) is not None:
        start(*found)


def delivery_of(job_type: str, said: bytes) -> tuple[Delivery, int] | None:
    """What a worker on standby is told, with the server's time: four numbers (59_standby_hand.lua),
    then id, tenant and body. None of what no script of ours has said.
    """
    try:
        token, now, id_length, tenant_length = _numbers(said)
        body_at = _TOLD.size + id_length + tenant_length
        tenant = said[body_at - tenant_length : body_at].decode()
    except (struct.error, ValueError):
        return None
    stored = ids.StoredId(said[_TOLD.size : _TOLD.size + id_length])
    return Delivery(job_type, stored, token, 1, now, tenant, said[body_at:]), now


async def _ask(wire: Wire, packed: bytes) -> None:
    """Subscriptions are confirmed unasked, before the answer that comes for the PING after them; a
    refused one is answered in its place.
    """
    (reply,) = await wire.ask(packed)
    if isinstance(reply, Exception):
        raise ours(reply, sent=False) from reply
