"""A test server whose clock stands still until the test moves it: the embedded one's binary, or
Debian's.

Refused: servers that others use. Everything here is flushed at will.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from cotiza_queue.store.embedded import acquire

SERVERS = ("valkey", "redis")
EPOCH_MS = 1_800_000_000_000
"""Where every run begins, 2027-01-15; a plain number, so that runs repeat to the bit."""
_START_S = 10.0


class Missing(Exception):
    """Something that the machine would need is not on it; the message names it."""


class Clock:
    """The server's wall clock. ``now_ms`` may be set to any moment, earlier ones too."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), 8)
        self.now_ms = EPOCH_MS

    @property
    def now_ms(self) -> int:
        return self._now_ms

    @now_ms.setter
    def now_ms(self, moment: int) -> None:
        self._now_ms = moment
        self._page[:] = struct.pack("=q", moment * 1000)


class TimedServer:
    """A running server. ``clock`` is all the time it knows; ``url`` is a unix socket."""

    def __init__(self, url: str, clock: Clock, version: str) -> None:
        self.url = url
        self.clock = clock
        self.version = version


@contextmanager
def timed_server(kind: str) -> Iterator[TimedServer]:
    """Start a server of a kind (SERVERS); it ends with the block. Raises Missing."""
    with tempfile.TemporaryDirectory(prefix="cq-model-") as name:
        folder = Path(name)
        binary = _binary(kind, folder)
        shim = _shim(folder)
        clock = Clock(folder / "clock")
        socket = folder / "s"
        command = [
            binary, "--port", "0", "--unixsocket", str(socket), "--save", "",
            "--appendonly", "no", "--dir", str(folder), "--enable-debug-command", "no",
        ]  # fmt: skip
        environment = {**os.environ, "LD_PRELOAD": str(shim)}
        environment["COTIZA_TEST_CLOCK"] = str(folder / "clock")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _await_socket(socket, process, folder / "log")
            version = subprocess.run([binary, "--version"], capture_output=True, text=True)
            yield TimedServer(f"unix://{socket}", clock, " ".join(version.stdout.split()[:3]))
        finally:
            process.kill()
            process.wait()


def _binary(kind: str, folder: Path) -> str:
    if kind == "redis":
        binary = shutil.which("redis-server")
        if binary is None:
            raise Missing("redis-server is not on PATH")
        return binary

    async def look() -> str:
        server = await acquire(folder / "look")
        await server.release()
        return str(server.binary)

    return asyncio.run(look())


def _shim(folder: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Missing("a C compiler (cc) is needed for the clock of the test server")
    source, library = Path(__file__).with_name("clock.c"), folder / "clock.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-ldl", "-o", str(library), str(source)]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode:
        raise Missing(f"the clock does not compile here: {built.stderr.strip()[:500]}")
    return library


def _await_socket(socket: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    limit = monotonic() + _START_S
    while not socket.exists():
        if process.poll() is not None or monotonic() > limit:
            raise RuntimeError(f"the test server does not start:\n{log.read_text()[-2000:]}")
        sleep(0.005)
