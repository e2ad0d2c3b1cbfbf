"""Hints from the server to this process: there is work; that job was cancelled. Losing one is
harmless.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from ..errors import QueueUnavailable
from . import keys
from .connection import BROKEN, Connection
from .replies import ours

SILENCES = 3
"""A subscription that was silent for so many waits in a row, though it was asked, is dead."""


class Hints:
    """A subscription to the hints of some job types. ``async with``; ends with its connection."""

    def __init__(self, connection: Connection, job_types: Iterable[str]) -> None:
        self._channels = [keys.wake(job_type) for job_type in job_types]
        self._subscription: Any = connection.pubsub()
        self._silences = 0

    async def __aenter__(self) -> Self:
        try:
            await self._subscription.subscribe(*self._channels)
        except BROKEN as error:
            await self._subscription.aclose()
            raise ours(error, sent=False) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._subscription.aclose()

    async def next(self, timeout_s: float) -> tuple[str, str] | None:
        """(job type, text) of the next hint, or None after ``timeout_s`` seconds of silence."""
        try:
            message = await self._subscription.get_message(timeout=timeout_s)
            if message is None:
                await self._ask_for_a_sign()
                return None
        except BROKEN as error:
            raise ours(error, sent=False) from error
        self._silences = 0
        if message["type"] != "message":
            return None
        return keys.type_of(message["channel"].decode()), message["data"].decode()

    async def _ask_for_a_sign(self) -> None:
        """A connection that leads nowhere any more looks like one where nothing happens."""
        self._silences += 1
        if self._silences > SILENCES:
            raise QueueUnavailable("the subscription is silent")
        await self._subscription.ping()
