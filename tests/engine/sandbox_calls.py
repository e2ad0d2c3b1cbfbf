"""How the sandbox's tests call it, and what they hear."""

from __future__ import annotations

import asyncio
from typing import Any

from cotiza_queue.engine.sandbox import Sandbox

from . import sandbox_functions as functions


class Told(list[tuple[float, str, str]]):
    """A ``report`` that remembers, and wakes whoever waits for the first report."""

    def __init__(self) -> None:
        self.something = asyncio.Event()

    def __call__(self, percentage: float, step: str, message: str) -> None:
        self.append((percentage, step, message))
        self.something.set()


def deaf(*_: Any) -> None:
    """A ``report`` for those who don't care."""


async def started(sandbox: Sandbox, what: str, *args: Any) -> tuple[asyncio.Task[Any], int]:
    """A running call that has told its process id, and that id."""
    told = Told()
    call = asyncio.create_task(sandbox.run(getattr(functions, what), args, report=told))
    await told.something.wait()
    return call, int(told[0][2])
