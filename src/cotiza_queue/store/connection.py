"""The one place where redis-py is set up, and where its errors become ours.

redis-py's defaults repeat a command whose reply was lost, which runs it twice, and cut blocking
reads short; so nothing is retried here, and blocking reads have a connection and a time limit of
their own.
"""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    DataError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from ..errors import ConfigurationError, CotizaError, QueueUnavailable
from . import keys
from .library import Library, library

CONNECT_TIMEOUT_S = 3.0
REPLY_TIMEOUT_S = 10.0
BLOCK_MS = 5_000
EVENTS_PAGE = 50
"""Entries of event streams that one read brings; each may hold a thousand events."""
_CONNECTIONS = 64
_AWAY = (
    "NOREPLICAS",
    "UNBLOCKED",
    "MISCONF",
    "BUSY",
    "LOADING",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "READONLY",
    "OOM",
    "TRYAGAIN",
)


class Connection:
    """Calls to one Redis. Opens lazily; ``close`` ends all its sockets. ``functions``: the Lua
    library to call, by default this installation's.
    """

    def __init__(self, url: str, functions: Library | None = None) -> None:
        self._library = functions or library()
        self._redis = _client(url, _CONNECTIONS)
        self._turnstile = asyncio.Semaphore(_CONNECTIONS)
        self._blocking = _client(url, None)

    async def call(self, verb: str, job_type: str, *args: str | bytes | int) -> Any:
        """Run one of our functions on a queue. Raises QueueUnavailable, ConfigurationError or
        CotizaError.
        """
        name = self._library.functions[verb]
        try:
            return await self._execute("FCALL", name, 1, keys.meta(job_type), *args)
        except _FunctionMissing:
            await self.load()
        try:
            return await self._execute("FCALL", name, 1, keys.meta(job_type), *args)
        except _FunctionMissing:
            raise QueueUnavailable("the Lua library was removed twice in a row") from None

    async def load(self) -> None:
        """Make our function library known to the server; nothing happens if it already is."""
        try:
            await self._redis.execute_command("FUNCTION", "LOAD", self._library.code)
        except ResponseError as error:
            if "already exists" not in str(error):
                raise CotizaError(
                    f"the Lua library was refused: {error}", code="library"
                ) from error
        except (RedisError, OSError) as error:
            raise _ours(error) from error

    async def command(self, *args: str | bytes | int) -> Any:
        """Run a plain command."""
        return await self._execute(*args)

    async def read_events(
        self, after: dict[str, str], block_ms: int = BLOCK_MS
    ) -> dict[bytes, Any]:
        """XREAD over event streams, blocking up to ``block_ms`` on a connection apart."""
        command = ("XREAD", "COUNT", EVENTS_PAGE, "BLOCK", block_ms, "STREAMS")
        try:
            async with asyncio.timeout(block_ms / 1000 + CONNECT_TIMEOUT_S):
                reply = await self._blocking.execute_command(*command, *after, *after.values())
        except (RedisError, OSError, TypeError) as error:
            raise _ours(error) from error
        return reply or {}

    def pubsub(self) -> Any:
        """A subscription on a connection apart."""
        return self._blocking.pubsub(ignore_subscribe_messages=True)

    async def close(self) -> None:
        await self._redis.aclose()
        await self._blocking.aclose()

    async def _execute(self, *args: str | bytes | int) -> Any:
        try:
            async with self._turnstile, asyncio.timeout(REPLY_TIMEOUT_S):
                return await self._redis.execute_command(*args)
        except (RedisError, OSError, TypeError) as error:
            raise _ours(error) from error


class _FunctionMissing(Exception):
    """The server does not know our library (yet, or since a FUNCTION FLUSH)."""


def _client(url: str, connections: int | None) -> Any:
    try:
        return Redis.from_url(
            url,
            protocol=3,
            legacy_responses=False,
            decode_responses=False,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=None,
            max_connections=connections,
        )
    except ValueError as error:
        raise ConfigurationError(
            f"REDIS_URL is not usable: {error}", remedy="Use redis://, rediss:// or unix://."
        ) from None


def _ours(error: Exception) -> Exception:
    text = str(error) or type(error).__name__
    if isinstance(error, DataError) or (isinstance(error, TypeError) and "NoneType" not in text):
        return CotizaError(f"not sent to Redis: {text}", code="redis")
    if isinstance(error, AuthenticationError | NoPermissionError):
        return ConfigurationError(
            f"Redis refuses us: {text}", remedy="Check user and password in REDIS_URL."
        )
    if isinstance(error, ResponseError) and "Function not found" in text:
        return _FunctionMissing()
    if isinstance(error, OutOfMemoryError | ReadOnlyError) or text.startswith(_AWAY):
        return QueueUnavailable(f"Redis can't serve us now: {text}")
    if isinstance(error, ResponseError):
        return CotizaError(f"Redis answered: {text}", code="redis")
    never_sent = isinstance(error, ConnectionError) and "connecting to" in text
    return QueueUnavailable(f"Redis can't be reached: {text}", indeterminate=not never_sent)


def unavailable(error: BaseException) -> bool:
    """True for what a loop should survive by waiting and trying again."""
    return isinstance(
        error, QueueUnavailable | RedisError | OSError | TypeError | asyncio.TimeoutError
    )
