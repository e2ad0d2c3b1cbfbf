"""Hints from the server to this process: there is work; that job was cancelled. Losing one is
harmless.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from redis.exceptions import RedisError

from ..errors import QueueUnavailable
from . import keys
from .connection import Connection


class Hints:
    """A subscription to the hints of some job types. ``async with``; ends with its connection."""

    def __init__(self, connection: Connection, job_types: Iterable[str]) -> None:
        self._channels = [keys.wake(job_type) for job_type in job_types]
        self._subscription: Any = connection.pubsub()

    async def __aenter__(self) -> Self:
        try:
            await self._subscription.subscribe(*self._channels)
        except (RedisError, OSError) as error:
            raise QueueUnavailable(f"no subscription: {error}") from error
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
        except (RedisError, OSError, TypeError) as error:
            raise QueueUnavailable(f"the subscription broke: {error}") from error
        if message is None or message["type"] != "message":
            return None
        return keys.type_of(message["channel"].decode()), message["data"].decode()
