"""Runs functions in warm child processes that can really be killed, and caps their memory.

For CPU-bound work on files that nobody trusts: the event loop stays free, a crash hurts one call
only, and a cancelled call leaves nothing running. It is no jail: a child has the rights, the files
and the network of its parent.

**Functions must not start processes of their own.** A child leads a process group, and a kill takes
the whole group; but what leaves the group runs on, and so does what a child started when its worker
is killed (only the child itself dies with the worker).

Why not pebble's ProcessPool (5.2.3, read and measured): its children share one pipe and its locks.
An exception that can be pickled but not unpickled broke the pool, running neighbours included; two
native loops took 3.1 s to kill, one after the other, since one thread waits for both and its grace
is a constant of the whole process; and a child killed in the middle of a message leaves the half
of it to the others. Here each child has pipes of its own, and the event loop watches them.
concurrent.futures and loky don't kill at all, anyio.to_process reports no progress.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

from cotiza_queue.errors import (
    ConfigurationError,
    MemoryLimitExceeded,
    PermanentError,
    ProcessDied,
    ProcessingError,
    RetryableError,
)

from .sandbox_child import HEADER, LARGEST_BODY_BYTES

CALLS_PER_CHILD = 50
"""Then a fresh one takes over: what libraries leak is bounded."""
GRACE_S = 0.25
"""Between SIGTERM, which lets a function's ``finally`` blocks run, and SIGKILL."""
LONGEST_OUTPUT_BYTES = 4096
"""What is kept of the end of a child's output."""
_OUT_OF_MEMORY = ("bad_alloc", "cannot allocate memory", "out of memory", "memoryerror")
_CHILD = Path(__file__).with_name("sandbox_child.py")

Report = Callable[[float, str, str], None]


class _Reply(NamedTuple):
    kind: bytes
    body: bytes


class _Child(asyncio.SubprocessProtocol):
    """One child process: at most one call at a time. Make one with ``start``."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.calls = 0
        self.started_call = False
        self.address_space = 0
        self._transport: asyncio.SubprocessTransport | None = None
        self._buffer = bytearray()
        self._output = bytearray()
        self._report: Report | None = None
        self._reply: asyncio.Future[_Reply | None] = loop.create_future()
        self._ended = asyncio.Event()
        self._output_ended = asyncio.Event()
        self._gone = asyncio.Event()
        self._deaf = False

    @classmethod
    async def start(cls) -> _Child:
        """A child that boots in its own time."""
        command = (
            sys.executable,
            "-P",
            str(_CHILD),
            str(os.getpid()),
            json.dumps([*map(str, sys.path)]),
        )
        loop = asyncio.get_running_loop()
        _, child = await loop.subprocess_exec(cls, *command, start_new_session=True)
        return child

    async def call(self, request: bytes, report: Report) -> _Reply | None:
        """Send a request and wait for its reply; None if the child died instead.

        Raises what ``report`` raises. A call that is given up leaves the child unusable.
        """
        self._reply = asyncio.get_running_loop().create_future()
        self.calls += 1
        self.started_call = False
        if self._deaf:
            return None
        self._report = report
        self._pipe(0).write(HEADER.pack(b"c", 0, len(request)) + request)
        try:
            return await self._reply
        finally:
            self._report = None

    def usable(self, memory_bytes: int | None) -> bool:
        """Whether it may take a call. One that holds half of the cap already may not."""
        roomy = memory_bytes is None or self.address_space * 2 <= memory_bytes
        return not self._deaf and self.calls < CALLS_PER_CHILD and roomy

    async def stop(self) -> None:
        """End the process and wait for its end; after GRACE_S, or if cancelled, by SIGKILL."""
        loop = asyncio.get_running_loop()
        self._signal(signal.SIGTERM)
        kill = loop.call_later(GRACE_S, self._signal, signal.SIGKILL)
        # A process that the function left behind may hold the output's pipe open for ever.
        give_up = loop.call_later(2 * GRACE_S, self._output_ended.set)
        try:
            await self._ended.wait()
            await self._output_ended.wait()
        finally:
            kill.cancel()
            give_up.cancel()
            self._signal(signal.SIGKILL)
            if self._transport is not None:
                self._transport.close()
        await self._gone.wait()

    def cause_of_death(self, memory_bytes: int | None) -> ProcessingError:
        """What to tell of a stopped child that gave no reply."""
        code = self._transport.get_returncode() if self._transport else None
        output = self._output.decode(errors="replace").strip()
        if memory_bytes is not None and any(word in output.lower() for word in _OUT_OF_MEMORY):
            return MemoryLimitExceeded(_memory_text(memory_bytes), details={"output": output})
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            hint = "; perhaps the machine ran out of memory" if name == "SIGKILL" else ""
            how = f"crashed with {name}{hint}"
        else:
            how = f"ended by itself with exit code {code}"
        return ProcessDied(
            f"the child process {how}", details={"exit_code": code, "output": output}
        )

    def _pipe(self, number: int) -> asyncio.WriteTransport:
        assert self._transport is not None  # noqa: S101 - connection_made came first
        return cast(asyncio.WriteTransport, self._transport.get_pipe_transport(number))

    def _signal(self, number: int) -> None:
        if self._transport is not None and not self._ended.is_set():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._transport.get_pid(), number)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._output += data
            del self._output[:-LONGEST_OUTPUT_BYTES]
            return
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            kind, self.address_space, length = HEADER.unpack_from(self._buffer)
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            self._take(kind, body)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002
        if fd == 1:
            self._deaf = True
            if not self._reply.done():
                self._reply.set_result(None)
        if fd == 2:
            self._output_ended.set()

    def process_exited(self) -> None:
        self._deaf = True
        self._ended.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._gone.set()

    def _take(self, kind: bytes, body: bytes) -> None:
        if self._reply.done():
            return
        if kind == b"s":
            self.started_call = True
        elif kind != b"p":
            self._reply.set_result(_Reply(kind, body))
        elif self._report is not None:
            try:
                self._report(*json.loads(body))
            except Exception as error:
                self._reply.set_exception(error)


class Sandbox:
    """At most ``max_workers`` child processes, started when first needed and kept warm.

    Belongs to one event loop. ``close`` it at the end.
    """

    def __init__(self, max_workers: int) -> None:
        if max_workers < 1:
            raise ConfigurationError("a sandbox needs at least one child process")
        self._free = asyncio.Semaphore(max_workers)
        self._children: set[_Child] = set()
        self._idle: list[_Child] = []
        self._closing = asyncio.Event()

    async def run(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        *,
        report: Report,
        memory_bytes: int | None = None,
    ) -> Any:
        """Run ``function(report_in_child, *args)`` in a child process and return its result.

        ``function``: a module-level function of an importable module. Arguments and result are
        pickled, at most LARGEST_BODY_BYTES each. ``report``: called on this event loop with
        (percentage, step, message) in order; repeats of one step are thinned out, the last is not
        lost. ``memory_bytes``: a cap for the child's whole address space, libraries included
        (RLIMIT_AS; not kept by macOS). Waits for a free child first.

        When the call is cancelled its process is dead before CancelledError goes on.

        Raises what the function raised, with the child's traceback as a note; MemoryLimitExceeded;
        ProcessDied if the child crashed; ProcessingError for an exception that can't be pickled;
        PermanentError for a function, arguments or a result that can't be sent (codes
        ``not_sendable`` and ``result_not_sendable``); RetryableError if the sandbox was closed.
        """
        request = _request(function, args, memory_bytes)
        async with self._free:
            while True:
                child = await self._take(memory_bytes)
                reply = await self._call(child, request, report)
                if reply is not None:
                    return _outcome(reply, memory_bytes)
                if self._closing.is_set():
                    raise _closed()
                if child.started_call or child.calls == 1:
                    raise child.cause_of_death(memory_bytes)
                # It died while it was idle, and never saw the request: another one takes it.

    async def close(self) -> None:
        """End all children, and wait until they have. Calls that still run get RetryableError."""
        self._closing.set()
        async with asyncio.TaskGroup() as group:
            for child in tuple(self._children):
                group.create_task(child.stop())
        self._children.clear()
        self._idle.clear()

    async def _take(self, memory_bytes: int | None) -> _Child:
        while self._idle and not self._closing.is_set():
            child = self._idle.pop()  # the one used last: what it has imported is warm
            if child.usable(memory_bytes):
                return child
            await self._end(child)
        if self._closing.is_set():
            raise _closed()
        try:
            child = await _Child.start()
        except OSError as error:
            raise RetryableError(f"no child process can be started: {error}") from error
        self._children.add(child)
        if self._closing.is_set():
            await self._end(child)
            raise _closed()
        return child

    async def _call(self, child: _Child, request: bytes, report: Report) -> _Reply | None:
        reply: _Reply | None = None
        try:
            reply = await child.call(request, report)
        finally:
            # A child that lacked memory may hold half-made things.
            if reply is not None and reply.kind != b"m" and child.usable(None):
                self._idle.append(child)
            else:
                await self._end(child)
        return reply

    async def _end(self, child: _Child) -> None:
        try:
            await child.stop()
        finally:
            self._children.discard(child)


def _request(
    function: Callable[..., Any], args: tuple[Any, ...], memory_bytes: int | None
) -> bytes:
    name = getattr(function, "__qualname__", repr(function))
    if getattr(function, "__module__", None) == "__main__":
        raise _not_sendable(f"{name} is part of the main script; move it into a module")
    try:
        body = pickle.dumps((function, args), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise _not_sendable(f"{name} or its arguments can't be pickled: {error}") from error
    request = b"%d\n" % (memory_bytes or 0) + body
    if len(request) > LARGEST_BODY_BYTES:
        raise _not_sendable(f"the arguments of {name} exceed {LARGEST_BODY_BYTES} bytes")
    return request


def _not_sendable(reason: str) -> PermanentError:
    return PermanentError(
        f"a child process can't run this: {reason}",
        code="not_sendable",
        remedy="Give it a module-level function and plain, picklable arguments.",
    )


def _outcome(reply: _Reply, memory_bytes: int | None) -> Any:
    text = reply.body.decode(errors="replace") if reply.kind in b"mux" else ""
    match reply.kind:
        case b"m":
            raise MemoryLimitExceeded(_memory_text(memory_bytes), details={"error": text})
        case b"u":
            raise PermanentError(text, code="result_not_sendable")
        case b"x":
            raise ProcessingError(text)
    try:
        value = pickle.loads(reply.body)  # noqa: S301 - from a child of our own
    except Exception as error:
        raise ProcessingError(f"what the child process sent can't be read: {error}") from error
    if reply.kind == b"e":
        raise value
    return value


def _memory_text(memory_bytes: int | None) -> str:
    if memory_bytes is None:
        return "the work needs more memory than there is"
    return f"the work needs more than the {memory_bytes // 1024**2} MiB of memory that it may use"


def _closed() -> RetryableError:
    return RetryableError("the sandbox is closed: this worker is stopping", code="sandbox_closed")
