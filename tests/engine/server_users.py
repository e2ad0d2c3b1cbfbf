"""Other processes that use an embedded server, and can be killed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

USER = """
import asyncio, sys
from pathlib import Path
sys.path[:] = {path!r}
from cotiza_queue.store.embedded import acquire

async def main():
    server = await acquire(Path(sys.argv[1]))
    print(server.url, flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


class User:
    """Another process that uses a data directory, until it is killed."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url

    @classmethod
    async def start(cls, data_dir: Path) -> User:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", USER.format(path=sys.path), str(data_dir)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        return cls(process, (await process.stdout.readline()).decode().strip())

    async def kill(self) -> None:
        """SIGKILL: it can do nothing about leaving."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
