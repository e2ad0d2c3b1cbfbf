"""The inside of the sandbox: what a child process does between its start and its end.

``engine/sandbox.py`` runs this file as a script, and imports its frame format. It needs the
standard library only: a child is up in some 50 ms, and holds just what its functions import.

On its pipes are frames: kind (1 byte), address space in use (8 bytes), length (8 bytes, big
endian), body. A request's body is the memory cap in ASCII, a line feed, and the pickle of
(function, args). Standard input, output and error belong to the function: there is nothing to
read, and the parent keeps the end of what it prints to explain a crash.
"""

from __future__ import annotations

import ctypes
import errno
import faulthandler
import json
import os
import pickle
import resource
import signal
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import NoReturn

HEADER = struct.Struct(">cQQ")
LARGEST_BODY_BYTES = 64 * 1024 * 1024
"""Arguments as well as results; larger things belong into files."""
NICENESS = 5
PROGRESS_PAUSE_S = 0.02
"""A function that reports in a tight loop is heard 50 times a second."""
LONGEST_STEP, LONGEST_MESSAGE, LONGEST_TRACE = 64, 500, 4000
PR_SET_PDEATHSIG = 1
"""linux/prctl.h."""
M_ARENA_MAX = -8
"""malloc.h of glibc. One arena for all threads, as each would take 64 MiB of address space."""
THREAD_STACK_BYTES = 256 * 1024
THREAD_COUNTS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS")
"""Each child is one CPU's worth of work: numerical libraries start no threads of their own."""

Send = Callable[[bytes, bytes], None]


class Progress:
    """The ``report`` that a function gets: sends a new step at once, thins out a repeated one."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._step = ""
        self._resting = False
        self._pending: bytes | None = None
        threading.Thread(target=self._send_pending, daemon=True).start()

    def __call__(self, percentage: float, step: str, message: str = "") -> None:
        told = [float(percentage), str(step)[:LONGEST_STEP], str(message)[:LONGEST_MESSAGE]]
        body = json.dumps(told).encode()
        with self._lock:
            if self._resting and step == self._step:
                self._pending = body
                return
            self._step, self._resting, self._pending = step, True, None
            self._send(b"p", body)
        self._wake.set()

    def flush(self) -> None:
        """Send what is left: the last value is never lost."""
        with self._lock:
            if self._pending is not None:
                self._send(b"p", self._pending)
            self._step, self._pending = "", None

    def _send_pending(self) -> NoReturn:
        while True:
            self._wake.wait()
            time.sleep(PROGRESS_PAUSE_S)
            with self._lock:
                if self._pending is None:
                    self._resting = False
                    self._wake.clear()
                else:
                    self._send(b"p", self._pending)
                    self._pending = None


def main() -> None:
    """``argv``: the parent's process id, its ``sys.path`` as JSON."""
    parent, sys.path[:] = int(sys.argv[1]), json.loads(sys.argv[2])
    requests, replies = _claim_pipes()
    _become_harmless(parent)
    threading.stack_size(THREAD_STACK_BYTES)
    inbox: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_receive, args=(requests, inbox), daemon=True).start()

    def send(kind: bytes, body: bytes) -> None:
        frame = memoryview(HEADER.pack(kind, _address_space(), len(body)) + body)
        try:
            while frame:
                frame = frame[os.write(replies, frame) :]
        except BrokenPipeError:
            os._exit(0)

    progress = Progress(send)
    threading.stack_size(0)
    try:
        while True:
            request = inbox.get()
            send(b"s", b"")
            kind, body = _perform(request, progress)
            progress.flush()
            send(kind, body)
    except SystemExit as leaving:  # asked to end by SIGTERM, or the function called sys.exit
        os._exit(leaving.code if isinstance(leaving.code, int) else 1)


def _claim_pipes() -> tuple[int, int]:
    """Keep the pipes for ourselves (not inherited), and give the function harmless ones."""
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return requests, replies


def _become_harmless(parent: int) -> None:
    library = ctypes.CDLL(None)
    if sys.platform == "linux":
        library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if hasattr(library, "mallopt"):  # not in musl, which has no arenas
            library.mallopt(M_ARENA_MAX, 1)
    if os.getppid() != parent:
        os._exit(0)  # It ended before it could have been told to us.
    for name in THREAD_COUNTS:
        library.setenv(f"{name}_NUM_THREADS".encode(), b"1", 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)
    faulthandler.enable()


def _leave(number: int, _frame: object) -> NoReturn:
    """The function's ``finally`` blocks run; a native loop is killed by the parent in a moment."""
    sys.exit(128 + number)


def _receive(requests: int, inbox: SimpleQueue[bytes]) -> None:
    """Take requests, and end with the parent: its end of the pipe closes however it dies."""
    with os.fdopen(requests, "rb") as pipe:
        while len(header := pipe.read(HEADER.size)) == HEADER.size:
            inbox.put(pipe.read(HEADER.unpack(header)[2]))
    os._exit(0)


def _perform(request: bytes, progress: Progress) -> tuple[bytes, bytes]:
    """Run one request. The answer: (``r``, pickled result), or ``_failure`` of its error."""
    cap, _, pickled = request.partition(b"\n")
    try:
        with _capped(int(cap)):
            function, args = pickle.loads(pickled)  # noqa: S301 - from our own parent
            return _packed(function(progress, *args))
    except Exception as error:
        return _failure(error)


def _packed(result: object) -> tuple[bytes, bytes]:
    try:
        body = pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        raise
    except Exception as error:
        reason = f"the result ({type(result).__name__}) can't be pickled: {error}"
        return b"u", reason.encode(errors="replace")
    if len(body) > LARGEST_BODY_BYTES:
        return b"u", f"the result has {len(body)} bytes; {LARGEST_BODY_BYTES} is the limit".encode()
    return b"r", body


def _failure(error: Exception) -> tuple[bytes, bytes]:
    """(``m``, text) for lack of memory; else (``e``, pickle), or (``x``, text) if unpicklable."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return b"m", text.encode(errors="replace")
    trace = "".join(traceback.format_exception(error))[-LONGEST_TRACE:]
    error.add_note(f"In the child process:\n{trace}")
    body = b""
    try:
        body = pickle.dumps(error)
        same = type(pickle.loads(body)) is type(error)  # noqa: S301 - our own, a moment ago
    except Exception:
        same = False
    if not same or len(body) > LARGEST_BODY_BYTES:
        return b"x", text.encode(errors="replace")[:LONGEST_TRACE]
    return b"e", body


@contextmanager
def _capped(cap: int) -> Iterator[None]:
    """Address space up to ``cap`` bytes, 0: no cap. macOS knows the limit and does not keep it."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    hard = before[1]
    if cap and (hard == resource.RLIM_INFINITY or cap < hard):
        _limit_address_space((cap, hard))
    try:
        yield
    finally:
        _limit_address_space(before)


def _limit_address_space(limits: tuple[int, int]) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    except (OSError, ValueError):
        if sys.platform == "linux":
            raise


def _address_space() -> int:
    """Bytes in use; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as pages:  # noqa: PTH123 - pathlib isn't imported here
            return int(pages.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


if __name__ == "__main__":
    main()
