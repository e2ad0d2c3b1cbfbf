"""Uvicorn, with what it leaves open closed: slow heads, endless bodies, streams that outlive a
shutdown.

A connection whose request head takes longer than HEAD_TIMEOUT_S or more than MAX_HEAD_BYTES is cut;
so is one that goes on sending LINGER_S after it was answered. On SIGTERM and SIGINT, streams end,
requests finish, exit code 0.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
from asyncio import BaseTransport, TimerHandle, Transport
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .bodies import ARRIVED
from .gathered import Gathered

HEAD_TIMEOUT_S = 10.0
MAX_HEAD_BYTES = 32 * 1024
LINGER_S = 5.0
"""How long a client may go on sending after its answer (such as 413), so that it gets to read it.
"""
GRACE_S = 10
"""How long requests may go on after a signal to stop."""
KEEP_ALIVE_S = 15
FILES = 65_536
"""Files that may be open, connections among them, where the system allows so many."""
YOUNG = 10_000
"""Objects that are made before the collector looks for garbage among the young ones."""


class Protocol(HttpToolsProtocol):
    """One connection, with an eye on its clock."""

    head_timeout_s = HEAD_TIMEOUT_S
    linger_s = LINGER_S
    _patience: TimerHandle | None = None
    _head_bytes = 0
    _in_head = True

    def connection_made(self, transport: BaseTransport) -> None:
        gathered = Gathered(cast(Transport, transport), self.loop)
        super().connection_made(cast(Transport, gathered))
        self._expect(self.head_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._relax()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("The request's head is too large.")
        elif self._patience is None:
            self._expect(self.head_timeout_s)

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._relax()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._patience is None and self.cycle.response_complete:
            self._expect(self.linger_s)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._relax()
        self.scope["extensions"] = {ARRIVED: {}}
        super().on_message_complete()

    def _expect(self, seconds: float) -> None:
        self._patience = self.loop.call_later(seconds, self._cut)

    def _relax(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _cut(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """Serves one application. ``on_listening`` is called once requests are answered."""

    def __init__(
        self,
        app: Starlette,
        on_listening: Callable[[], None],
        *,
        protocol: type[Protocol] = Protocol,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._app = app
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Raises what the application raised when it could not open what it needs."""
        log = logging.getLogger("uvicorn.error")
        log.disabled = True  # it would tell the same in forty lines
        try:
            await super().startup(sockets)
        except SystemExit:
            raise self._app.state.failure from None
        finally:
            log.disabled = False
        self._on_listening()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._app.state.stopping.set()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end the server, and nothing more: the exit code is the program's."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def settle_down() -> None:
    """For a program that does nothing but serve. What is there once all is loaded stays: the
    garbage collector need not look through it again and again, for tens of milliseconds each time,
    while requests wait. And as many files may be open as the system allows: a connection is one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(most, FILES)
    if resource.RLIM_INFINITY != few < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def loop_factory() -> Any:
    """uvloop's event loops where it exists, asyncio's elsewhere."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
