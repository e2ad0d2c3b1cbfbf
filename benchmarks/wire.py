"""The engine's own calls from a client that does nothing else: no loop, no tasks, no timers."""

from __future__ import annotations

import socket
from collections.abc import Coroutine, Generator
from typing import Any, cast

import hiredis

from cotiza_queue.store import keys
from cotiza_queue.store.commands import Commands
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.library import library

from .server import Server

READ_BYTES = 1 << 18

Argument = str | bytes | int
Turning = Coroutine[Any, Any, Any]


class Wire:
    """One connection, in the place of the engine's own: a call is written at once, and its answer
    is read when the call is gone on with.
    """

    def __init__(self, server: Server) -> None:
        port = int(server.url.rpartition(":")[2].partition("/")[0])
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader: Any = hiredis.Reader(protocolError=RuntimeError, replyError=RuntimeError)
        self.commands = Commands(cast(Connection, self))

    async def call(self, verb: str, job_type: str, *arguments: Argument) -> Any:
        """As ``Connection.call``; it stops once, between the request and the answer."""
        head = ("FCALL", library().functions[verb], 1, keys.meta(job_type))
        self._socket.sendall(pack(*head, *arguments))
        await _Written()
        return self._answer()

    def _answer(self) -> Any:
        while (reply := self._reader.gets()) is False:
            self._reader.feed(self._socket.recv(READ_BYTES))
        if isinstance(reply, Exception):
            raise reply
        return reply

    def close(self) -> None:
        self._socket.close()


class _Written:
    def __await__(self) -> Generator[None, None, None]:
        yield


def pack(*arguments: Argument) -> bytes:
    """A command as the protocol writes it."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


def begin(turning: Turning) -> Turning:
    """Write the call, and no more."""
    turning.send(None)
    return turning


def end(turning: Turning) -> Any:
    """Read the answer of a call that was written."""
    try:
        turning.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("a call waits for nothing but its answer")


def call(turning: Turning) -> Any:
    """Write a call and read its answer."""
    return end(begin(turning))


def load(server: Server) -> None:
    """Make our library known to the server."""
    server.client.execute_command("FUNCTION", "LOAD", "REPLACE", library().code)
