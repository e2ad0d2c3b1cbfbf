"""A process of the development world: started on a tether, so that it can't outlive us; its log
is a file.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import CotizaError

LOG_TAIL_LINES = 12
KILL_SECONDS = 3.0
"""How long a killed process group may take to be gone."""


class ChildDied(CotizaError):
    """A process of the world ended by itself. The message carries the end of its log."""

    code = "child_died"


class Child:
    """A running process, the leader of a process group of its own."""

    def __init__(self, name: str, process: Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def watch(self) -> None:
        """Never returns while the process lives; raises ChildDied when it ends."""
        code = await self._process.wait()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise ChildDied(
            f"the {self.name} ended with {how}:\n{_tail(self.log)}",
            remedy=f"Its whole log is in {self.log}.",
        )

    async def stop(self, seconds: float) -> None:
        """Ask it to end, wait so long, then kill it and its children."""
        if self._process.returncode is None:
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            self.kill()
            await asyncio.wait_for(self._process.wait(), KILL_SECONDS)

    def kill(self) -> None:
        """End it and its children at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


@asynccontextmanager
async def running(
    name: str,
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    log: Path,
    drain_seconds: float,
) -> AsyncIterator[Child]:
    """A Python module as a process of its own, stopped when the block ends. It imports nothing from
    the current directory, which may be anybody's.

    ``command``: the module and its arguments. It may take ``drain_seconds`` to end once asked to.
    """
    with _fresh(log) as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "cotiza_queue.cli.tether", *command),
            stdin=PIPE,
            stdout=output,
            stderr=STDOUT,
            env=dict(environ),
            start_new_session=True,
        )
    child = Child(name, process, log)
    try:
        yield child
    finally:
        await child.stop(drain_seconds)


def _fresh(log: Path) -> BinaryIO:
    """A new file, not an emptied one: whoever still writes to the old one doesn't meet us."""
    log.unlink(missing_ok=True)
    return log.open("ab")


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-LOG_TAIL_LINES:]) or "  (it said nothing)"
