"""The one place where redis-py is set up, and where its errors become ours.

redis-py's defaults repeat a command whose reply was lost, which runs it twice, and cut blocking
reads short; so nothing is retried here, and blocking reads have a connection and a time limit of
their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from ..errors import ConfigurationError, CotizaError, QueueUnavailable
from . import keys
from .library import Library, library
from .replies import ELSEWHERE, FunctionMissing, ours, word_of

CONNECT_TIMEOUT_S = 3.0
REPLY_TIMEOUT_S = 4.0
"""A server that says nothing for so long is taken for gone; whether it did the call is unknown."""
TURN_TIMEOUT_S = 10.0
"""How long a call waits for one of our connections to be free."""
BLOCK_MS = 5_000
EVENTS_PAGE = 50
"""Entries of event streams that one read brings; each may hold a thousand events."""
LOADS = 5
"""How often a call loads the Lua library anew, should somebody flush it each time."""
MANY, FEW = 64, 2
"""Calls under way at once: of a program that serves many callers, and of a worker, whose calls are
few and large. What blocks or listens has a connection apart.
"""
BROKEN = (RedisError, OSError, TypeError)
"""TypeError: what asyncio's transport raises when it was closed under redis-py (its issue 3546)."""


class Connection:
    """Calls to one Redis. Opens lazily; ``close`` ends all its sockets. ``functions``: the Lua
    library to call, by default this installation's. ``connections``: for calls, at the most.
    """

    def __init__(self, url: str, functions: Library | None = None, connections: int = MANY) -> None:
        self._library = functions or library()
        self._redis = _client(url, connections)
        self._turnstile = asyncio.Semaphore(connections)
        self._blocking = _client(url, None)

    async def call(self, verb: str, job_type: str, *args: str | bytes | int) -> Any:
        """Run one of our functions on a queue. Raises QueueUnavailable, ConfigurationError or
        CotizaError.
        """
        name = self._library.functions[verb]
        for _ in range(LOADS):
            try:
                return await self._execute("FCALL", name, 1, keys.meta(job_type), *args)
            except FunctionMissing:
                await self.load()
        raise QueueUnavailable(f"the Lua library was removed {LOADS} times in a row")

    async def call_each(
        self, verb: str, calls: Sequence[tuple[str, Sequence[str | bytes | int]]]
    ) -> list[Any]:
        """Run one of our functions once for each (job type, arguments), all sent in one go.

        The reply to each, or its CotizaError: after a broken connection, those without a reply may
        have been done (``indeterminate``).
        """
        name = self._library.functions[verb]
        asked = [("FCALL", name, 1, keys.meta(job_type), *args) for job_type, args in calls]
        replies = await self._execute_each(asked)
        for _ in range(LOADS):
            missing = [n for n, reply in enumerate(replies) if isinstance(reply, FunctionMissing)]
            if not missing:
                return replies
            again = await self._again([asked[n] for n in missing])
            for n, reply in zip(missing, again, strict=True):
                replies[n] = reply
        gone = QueueUnavailable(f"the Lua library was removed {LOADS} times in a row")
        return [gone if isinstance(reply, FunctionMissing) else reply for reply in replies]

    async def _again(self, asked: Sequence[tuple[str | bytes | int, ...]]) -> list[Any]:
        """Those that the server did not know how to do."""
        try:
            await self.load()
        except CotizaError as error:
            return [error] * len(asked)
        return await self._execute_each(asked)

    async def load(self) -> None:
        """Make our function library known to the server; nothing happens if it already is."""
        try:
            await self._execute("FUNCTION", "LOAD", self._library.code)
        except CotizaError as error:
            if "already exists" in error.message:
                return
            if error.code != "redis":
                raise
            raise CotizaError(
                f"the Lua library was refused: {error.message}", code="library"
            ) from error

    async def command(self, *args: str | bytes | int) -> Any:
        """Run a plain command."""
        return await self._execute(*args)

    async def read_events(
        self, after: dict[str, str], block_ms: int = BLOCK_MS
    ) -> dict[bytes, Any]:
        """XREAD over event streams, blocking up to ``block_ms`` on a connection apart."""
        command = ("XREAD", "COUNT", EVENTS_PAGE, "BLOCK", block_ms, "STREAMS")
        reply = await self._ask(
            self._blocking, block_ms / 1000 + CONNECT_TIMEOUT_S, *command, *after, *after.values()
        )
        return reply or {}

    def pubsub(self) -> Any:
        """A subscription on a connection apart."""
        return self._blocking.pubsub(ignore_subscribe_messages=True)

    async def close(self) -> None:
        await self._redis.aclose()
        await self._blocking.aclose()

    async def _execute(self, *args: str | bytes | int) -> Any:
        async with self._turn():
            return await self._ask(self._redis, REPLY_TIMEOUT_S, *args)

    async def _execute_each(self, asked: Sequence[tuple[str | bytes | int, ...]]) -> list[Any]:
        try:
            async with self._turn():
                return await self._ask_each(self._redis, asked)
        except QueueUnavailable as error:
            return [error] * len(asked)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(TURN_TIMEOUT_S):
                await self._turnstile.acquire()
        except TimeoutError:
            raise QueueUnavailable("too many calls wait for an answer of Redis") from None
        try:
            yield
        finally:
            self._turnstile.release()

    async def _ask(self, redis: Any, timeout_s: float, *args: str | bytes | int) -> Any:
        """One command, sent once. What fails before it is on the wire did not happen."""
        pool, link, sent = redis.connection_pool, None, False
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                link = await pool.get_connection()
            async with asyncio.timeout(timeout_s):
                sent = True
                await link.send_command(*args)
                return await redis.parse_response(link, args[0])
        except BROKEN as error:
            await self._let_go(redis, link, error)
            raise ours(error, sent=sent) from error
        finally:
            if link is not None:
                await pool.release(link)

    async def _ask_each(
        self, redis: Any, asked: Sequence[tuple[str | bytes | int, ...]]
    ) -> list[Any]:
        """Several commands in one go, each sent once: the replies, or errors of ours instead."""
        pool, link, sent = redis.connection_pool, None, False
        replies: list[Any] = []
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                link = await pool.get_connection()
            async with asyncio.timeout(REPLY_TIMEOUT_S):
                sent = True
                await link.send_packed_command(link.pack_commands(asked))
            refused = await self._read_each(redis, link, asked, replies)
            if refused is not None:
                await self._let_go(redis, link, refused)
        except BROKEN as error:
            await self._let_go(redis, link, error)
            replies += [ours(error, sent=sent)] * (len(asked) - len(replies))
        finally:
            if link is not None:
                await pool.release(link)
        return replies

    async def _read_each(
        self, redis: Any, link: Any, asked: Sequence[Any], replies: list[Any]
    ) -> ResponseError | None:
        """Adds the reply to each command; the last error that says to go elsewhere, if any does."""
        refused = None
        for command in asked:
            async with asyncio.timeout(REPLY_TIMEOUT_S):
                try:
                    replies.append(await redis.parse_response(link, command[0]))
                except ResponseError as error:
                    replies.append(ours(error, sent=True))
                    refused = error if word_of(error) in ELSEWHERE else refused
        return refused

    async def _let_go(self, redis: Any, link: Any, error: Exception) -> None:
        """After an error that says that the server is another one now, or is silent, nothing that
        is open to it is used again.
        """
        if isinstance(error, ResponseError) and word_of(error) not in ELSEWHERE:
            return
        if link is not None:
            await link.disconnect(nowait=True)
        await redis.connection_pool.disconnect(inuse_connections=False)


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
