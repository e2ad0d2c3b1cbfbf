"""A real server of one test, which may be killed, started again, and put into a bad state."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

from cotiza_queue.errors import QueueUnavailable
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.embedded import acquire

_AOF = ("--appendonly", "yes", "--appendfsync", "always")
KINDS = ("valkey", *(["redis"] if shutil.which("redis-server") else []))
"""The embedded one's binary, and that of the machine if it has one."""


async def binary_of(kind: str, folder: Path) -> str:
    """Where the binary of a kind lies."""
    if kind == "redis":
        return str(shutil.which("redis-server"))
    embedded = await acquire(folder)
    await embedded.release()
    return str(embedded.binary)


class Server:
    """A real server of one test that may be killed and started again on the same data."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary = binary
        self.folder = folder
        self.socket = f"/tmp/cq-{os.getpid()}-{folder.name[-8:]}.sock"
        self.url = f"unix://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        options = ["--port", "0", "--unixsocket", self.socket, "--dir", str(self.folder)]
        self.process = subprocess.Popen(
            [self._binary, *options, "--save", "", *_AOF],
            stdout=subprocess.DEVNULL,
        )
        while True:
            connection = Connection(self.url)
            try:
                await connection.command("PING")
                return
            except QueueUnavailable:
                await asyncio.sleep(0.02)
            finally:
                await connection.close()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        Path(self.socket).unlink(missing_ok=True)
