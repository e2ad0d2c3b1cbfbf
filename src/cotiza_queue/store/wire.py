"""One connection to Redis that carries many calls at once: commands go out as they come, and the
replies come back in the same order.

redis-py makes the connection, with all that belongs to it (TLS, HELLO, AUTH, SELECT). From then on
the socket is ours, and nothing stands between a reply and who waits for it: no task, no lock, no
timer of its own. Nothing is ever sent again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import hiredis
import msgspec
from redis.exceptions import ConnectionError, ResponseError

from ..errors import ConfigurationError

Reply = Any
"""What Redis answered: a value, or the ResponseError instead."""
Replies = list[Reply]
"""To the commands of one call. The last ones may be a ConnectionError: they were not answered."""
Pushed = Callable[[Sequence[Any]], None]
"""Told of what the server says unasked: [b"message" or b"smessage", channel, text]."""

REST_S = 0.001
"""Where nothing has come in for so long, those whom a call wakes are likely to sleep."""
_GREETING = b"*1\r\n$4\r\nPING\r\n"

_INCOMPLETE = object()
pack = cast("Callable[[tuple[str | bytes | int, ...]], bytes]", hiredis.pack_command)
"""A command as bytes. Raises TypeError for what is neither text, bytes nor number."""


class _Call(msgspec.Struct):
    """Commands that were sent together, and the replies so far."""

    answer: asyncio.Future[Replies]
    commands: int
    replies: Replies = []


class Wire(asyncio.Protocol):
    """``open`` until it breaks, is retired, or is ended; then ``over`` is set as soon as nobody
    waits for it any more.

    A server that owes an answer and says nothing for ``silence_s`` seconds is taken for gone.
    """

    def __init__(
        self, writer: asyncio.StreamWriter, silence_s: float, pushed: Pushed | None = None
    ) -> None:
        self.open = True
        self.over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        # asyncio closes the socket of a writer that nobody holds.
        self._writer = writer
        self._transport = writer.transport
        self._silence_s = silence_s
        self._pushed = pushed
        self._reader = hiredis.Reader(replyError=ResponseError, notEnoughData=_INCOMPLETE)
        self._calls: deque[_Call] = deque()
        self._heard_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._transport.set_protocol(self)

    @property
    def load(self) -> int:
        """Calls that wait for replies."""
        return len(self._calls)

    def ask(
        self, packed: bytes, commands: int = 1, *, answered_last: bool = False
    ) -> asyncio.Future[Replies]:
        """Send so many commands in one go. The answer never is an exception; who no longer waits
        for it cancels it, which changes nothing for others.

        ``answered_last``: after a rest, those who are told of what we ask for hear of it before we
        are answered. Redis writes last to whom it had something to say first, so we greet it: its
        reply comes before the others.
        """
        if not self._calls:
            now = self._loop.time()
            if answered_last and now - self._heard_at > REST_S:
                packed, commands = _GREETING + packed, commands + 1
            self._heard_at = now
            if self._watch is None:
                self._watch = self._loop.call_later(self._silence_s, self._look)
        answer: asyncio.Future[Replies] = self._loop.create_future()
        self._calls.append(_Call(answer, commands))
        self._transport.write(packed)
        return answer

    def retire(self) -> None:
        """Nothing new goes this way; what is under way is still answered."""
        self.open = False
        if not self._calls:
            self.close()

    def end(self, error: Exception) -> None:
        """Close the socket; who still waits for replies gets the error in their place."""
        self.open = False
        self.over.set()
        self._transport.abort()
        if self._watch is not None:
            self._watch.cancel()
        while self._calls:
            call = self._calls.popleft()
            call.replies += [error] * (call.commands - len(call.replies))
            if not call.answer.done():
                call.answer.set_result(call.replies)

    def close(self) -> None:
        self.end(ConnectionError("the connection was closed"))

    # what the event loop tells

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        reader = self._reader
        reader.feed(data)
        try:
            while (reply := reader.gets()) is not _INCOMPLETE:
                if type(reply) is hiredis.PushNotification:
                    if self._pushed is not None:
                        self._pushed(reply)
                elif self._calls:
                    self._take(reply)
                else:
                    self.end(ConnectionError(f"said without being asked: {reply!r:.80}"))
                    return
        except hiredis.ProtocolError as error:
            self.end(ConnectionError(f"not the protocol of Redis: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(ConnectionError(f"connection lost: {exc or 'closed by the server'}"))

    def _take(self, reply: Reply) -> None:
        call = self._calls[0]
        call.replies.append(reply)
        if len(call.replies) == call.commands:
            self._calls.popleft()
            if not call.answer.done():
                call.answer.set_result(call.replies)
            if not self.open and not self._calls:
                self.retire()

    def _look(self) -> None:
        """Whether the server has been silent for too long. Not asked again while nobody waits."""
        self._watch = None
        if not self._calls:
            return
        left = self._heard_at + self._silence_s - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
        else:
            self.end(ConnectionError(f"no answer for {self._silence_s:g} s"))


async def connect(link: Any, silence_s: float, pushed: Pushed | None = None) -> Wire:
    """A wire over a connection of redis-py's that is not open yet. Raises what ``link.connect``
    raises, ConfigurationError if this redis-py keeps its socket elsewhere.
    """
    try:
        await link.connect()
    except BaseException:
        await link.disconnect(nowait=True)
        raise
    writer = getattr(link, "_writer", None)
    if not isinstance(writer, asyncio.StreamWriter):
        raise ConfigurationError(
            "this version of redis-py does not show its socket", remedy="Install redis>=8.1,<9."
        )
    wire = Wire(writer, silence_s, pushed)
    link._reader = link._writer = None  # it is ours now: redis-py must neither read nor close it
    return wire
