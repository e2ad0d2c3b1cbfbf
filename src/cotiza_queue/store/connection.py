"""The one place where redis-py is set up, and where its errors become ours.

redis-py connects, and knows what some replies look like; its own way of calling repeats a command
whose reply was lost, which runs it twice, and costs more than many of our calls take on the server.
So calls go over wires of ours (``wire.py``). Nothing is sent twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig

from ..errors import ConfigurationError, CotizaError, QueueUnavailable
from . import form, keys
from .library import Library, library
from .replies import ANEW, FunctionMissing, ours, word_of
from .turnstile import Turnstile
from .wire import Pushed, Replies, Wire, pack
from .wires import FIRST, SECOND, Wires

CONNECT_TIMEOUT_S = 3.0
REPLY_TIMEOUT_S = 4.0
"""A server that says nothing for so long is taken for gone; whether it did the call is unknown."""
TURN_TIMEOUT_S = 10.0
"""How long a call waits for its turn to be sent."""
BLOCK_MS = 5_000
EVENTS_PAGE = 50
"""Entries of event streams that one read brings; each may hold a thousand events."""
LOADS = 5
"""How often a call loads the Lua library anew, should somebody flush it each time."""
CALLS = 64
"""Under way at once."""
APART = frozenset({"turn"})
"""Large calls: two of them on one wire would wait for each other's replies."""
READS = frozenset({"get", "list", "past", "why", "metrics"})
"""Write nothing, so that an account without the right to write may call them. What has come into
the inbox gets its place before them, if the server lets us.
"""
OTHERWISE = APART | READS
HANDS_OVER = "post"
"""May bring a job to a worker that waits for it. The worker hears of it before we are answered."""
BROKEN = (RedisError, OSError)

Argument = str | bytes | int


class Connection:
    """Calls to one Redis. Opens lazily; ``close`` ends all its sockets. ``functions``: the Lua
    library to call, by default this installation's.
    """

    def __init__(self, url: str, functions: Library | None = None) -> None:
        self._library = functions or library()
        self._redis = _client(url)
        self._wires = Wires(self._redis.connection_pool, REPLY_TIMEOUT_S, CONNECT_TIMEOUT_S)
        self._turnstile = Turnstile(CALLS)
        self._reading: Wire | None = None
        self._form_known = False

    async def call(self, verb: str, job_type: str, *args: Argument) -> Any:
        """Run one of our functions on a queue. Raises QueueUnavailable, ConfigurationError or
        CotizaError.
        """
        wire = self._wires.opened(FIRST)
        if wire is None or verb in OTHERWISE or not (self._form_known and self._turnstile.passed()):
            return await self._call(verb, job_type, args)
        # As nearly all go: from here to the socket there is no other coroutine, and nothing to wait
        # for. After a rest each would take its time.
        try:
            packed = pack(("FCALL", self._library.functions[verb], 1, keys.meta(job_type), *args))
            replies = await wire.ask(packed, answered_last=verb == HANDS_OVER)
        except (TypeError, *BROKEN) as error:
            raise self._unsent(error) from error
        finally:
            self._turnstile.leave()
        reply = replies[-1]
        if not isinstance(reply, Exception):
            return reply
        *_, failed = self._heard(wire, replies)
        if isinstance(failed, FunctionMissing):
            return await self._call(verb, job_type, args)
        raise failed

    async def _call(self, verb: str, job_type: str, args: Sequence[Argument]) -> Any:
        """The same, whatever must be done before."""
        if not self._form_known:
            await self._check_form()
        asked = [self._function(verb, job_type, args)]
        if verb in READS:
            asked.insert(0, self._function("place", job_type, ()))
        for _ in range(LOADS):
            place = self._wires.idlest() if verb in APART else FIRST
            *_, reply = await self._ask(asked, place)
            if not isinstance(reply, Exception):
                return reply
            if not isinstance(reply, FunctionMissing):
                raise reply
            await self._introduce()
        raise QueueUnavailable(f"the Lua library was removed {LOADS} times in a row")

    def _function(self, verb: str, job_type: str, args: Sequence[Argument]) -> tuple[Argument, ...]:
        return ("FCALL", self._library.functions[verb], 1, keys.meta(job_type), *args)

    async def place(self, job_type: str) -> None:
        """Give what is in the inbox its place, if the server is there and lets us."""
        with suppress(CotizaError):
            await self.call("place", job_type)

    async def call_each(
        self, verb: str, calls: Sequence[tuple[str, Sequence[str | bytes | int]]]
    ) -> list[Any]:
        """Run one of our functions once for each (job type, arguments), all sent in one go, on a
        connection that keeps the order of such calls.

        The reply to each, or its CotizaError: after a broken connection, those without a reply may
        have been done (``indeterminate``).
        """
        if not self._form_known:
            try:
                await self._check_form()
            except CotizaError as error:
                return [error] * len(calls)
        name = self._library.functions[verb]
        asked = [("FCALL", name, 1, keys.meta(job_type), *args) for job_type, args in calls]
        replies = await self._ask(asked, SECOND)
        for _ in range(LOADS):
            missing = [n for n, reply in enumerate(replies) if isinstance(reply, FunctionMissing)]
            if not missing:
                return replies
            again = await self._again([asked[n] for n in missing])
            for n, reply in zip(missing, again, strict=True):
                replies[n] = reply
        gone = QueueUnavailable(f"the Lua library was removed {LOADS} times in a row")
        return [gone if isinstance(reply, FunctionMissing) else reply for reply in replies]

    async def _again(self, asked: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """Those that the server did not know how to do."""
        try:
            await self._introduce()
        except CotizaError as error:
            return [error] * len(asked)
        return await self._ask(asked, SECOND)

    async def _introduce(self) -> None:
        """The server does not know us: it has forgotten, or is another one, with another's data."""
        await self._check_form()
        await self.load()

    async def announce(self, job_type: str) -> None:
        """Put a job type on the list of those that exist. Raises as ``call``."""
        await self._check_form()
        await form.announce(self.command, job_type)

    async def _check_form(self) -> None:
        await form.check(self.command)
        self._form_known = True

    async def load(self) -> None:
        """Make our function library known to the server; nothing happens if it already is."""
        try:
            await self.command("FUNCTION", "LOAD", self._library.code)
        except CotizaError as error:
            if "already exists" in error.message:
                return
            if error.code != "redis":
                raise
            raise CotizaError(
                f"the Lua library was refused: {error.message}", code="library"
            ) from error

    async def command(self, *args: Argument) -> Any:
        """Run a plain command. Its reply is in the shape that redis-py gives it."""
        (reply,) = await self._ask([args])
        if isinstance(reply, Exception):
            raise reply
        return self._shaped(args[0], reply)

    async def read_events(
        self, after: dict[str, str], block_ms: int = BLOCK_MS
    ) -> dict[bytes, Any]:
        """XREAD over event streams, blocking up to ``block_ms`` on a connection apart."""
        command = ("XREAD", "COUNT", EVENTS_PAGE, "BLOCK", block_ms, "STREAMS")
        wire, self._reading = self._reading, None
        try:
            if wire is None or not wire.open:
                wire = await self.own(block_ms / 1000 + CONNECT_TIMEOUT_S)
            (reply,) = await wire.ask(pack((*command, *after, *after.values())))
            if isinstance(reply, Exception):
                raise ours(reply, sent=True) from reply
        except BaseException:
            # Whoever breaks a blocked read off leaves it behind on the server.
            if wire is not None:
                wire.close()
            raise
        self._reading = wire
        return self._shaped("XREAD", reply) or {}

    async def own(self, silence_s: float = REPLY_TIMEOUT_S, pushed: Pushed | None = None) -> Wire:
        """A wire for one user, who ends it. Raises as ``call``."""
        try:
            return await self._wires.own(silence_s, pushed)
        except BROKEN as error:
            raise ours(error, sent=False) from error

    @property
    def begun(self) -> int:
        """How often calls have begun on a server: after each time, it may be another one, or have
        forgotten its last moments.
        """
        return self._wires.begun

    async def close(self) -> None:
        self._wires.close()

    async def _ask(self, asked: Sequence[tuple[Argument, ...]], place: int = FIRST) -> list[Any]:
        """Several commands in one go, each sent once: the replies, or errors of ours instead. What
        fails before they are on the wire did not happen.
        """
        try:
            packed = pack(asked[0]) if len(asked) == 1 else b"".join(map(pack, asked))
        except TypeError as error:
            return [self._unsent(error)] * len(asked)
        try:
            if not self._turnstile.passed():
                await self._turn()
            try:
                wire = self._wires.opened(place) or await self._wires.at(place)
                return self._heard(wire, await wire.ask(packed, len(asked)))
            finally:
                self._turnstile.leave()
        except BROKEN as error:
            return [self._unsent(error)] * len(asked)
        except QueueUnavailable as error:
            return [error] * len(asked)

    def _unsent(self, error: Exception) -> Exception:
        if isinstance(error, BROKEN):
            self._wires.renounce()
        return ours(error, sent=False)

    def _heard(self, wire: Wire, replies: Replies) -> Replies:
        """The replies, with errors of ours among them. After an error that says that the server is
        another one now, or is silent, nothing that is open to it is used again.
        """
        for n, reply in enumerate(replies):
            if isinstance(reply, Exception):
                replies[n] = ours(reply, sent=True)
                if not isinstance(reply, ResponseError) or word_of(reply) in ANEW:
                    wire.retire()
                    self._wires.renounce()
        return replies

    async def _turn(self) -> None:
        try:
            await self._turnstile.turn(TURN_TIMEOUT_S)
        except TimeoutError:
            raise QueueUnavailable("too many calls wait for an answer of Redis") from None

    def _shaped(self, command: Argument, reply: Any) -> Any:
        shape = self._redis.response_callbacks.get(command)
        return reply if shape is None else shape(reply)


def _client(url: str) -> Any:
    """For what it knows: how to connect to that URL, and the shape of replies."""
    try:
        return Redis.from_url(
            url,
            protocol=3,
            legacy_responses=False,
            decode_responses=False,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=None,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
    except ValueError as error:
        raise ConfigurationError(
            f"REDIS_URL is not usable: {error}", remedy="Use redis://, rediss:// or unix://."
        ) from None
