"""Facts about other processes, for the tests that start and kill them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

LINUX = sys.platform == "linux"


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent's notice does not."""
    try:
        os.kill(pid, 0)
        return not LINUX or ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


async def until(fact: Callable[[], bool]) -> None:
    """Wait for a fact, whenever it comes."""
    async with asyncio.timeout(60):
        while not fact():
            await asyncio.sleep(0.01)
