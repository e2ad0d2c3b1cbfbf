"""Hints from the server to this process: there is work; that job was cancelled. Losing one is
harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, NoReturn, Self

from ..errors import QueueUnavailable
from . import ids, keys
from .connection import Connection
from .replies import ours
from .wire import Wire, pack

SIGN_S = 1.0
"""Between two questions whether the server is still there: a connection that leads nowhere any more
looks like one where nothing happens.
"""

Heard = Mapping[str, Callable[[str], None]]
"""Job type → what to do with a hint's text."""


class Hints:
    """A subscription to the hints of some job types; each is acted on as soon as its bytes are
    there. ``async with``: subscribed; ends with its connection.
    """

    def __init__(self, connection: Connection, heard: Heard) -> None:
        self._connection = connection
        self._heard = {keys.wake(name).encode(): (name, act) for name, act in heard.items()}
        self._wire_or_none: Wire | None = None

    async def __aenter__(self) -> Self:
        self._wire_or_none = wire = await self._connection.own(pushed=self._hear)
        try:
            await _ask(wire, pack(("SUBSCRIBE", *self._heard)) + pack(("PING",)))
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
        if pushed[0] == b"message" and (found := self._heard.get(pushed[1])):
            job_type, act = found
            act(ids.shown(pushed[2], job_type))


async def _ask(wire: Wire, packed: bytes) -> None:
    """Subscriptions are confirmed unasked, before the answer that comes for the PING after them; a
    refused one is answered in its place.
    """
    (reply,) = await wire.ask(packed)
    if isinstance(reply, Exception):
        raise ours(reply, sent=False) from reply
