"""Several worker processes and the one that looks after them: starts, restarts with growing
pauses, passes signals on.

It holds no Redis connection and runs no job: all it can do wrong is little. A child whose
settings or command line are wrong (exit code 2), or that Redis does not let in (78), is not started
again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress

import click

from ..clock import Clock, SystemClock
from .interrupts import Interrupts
from .shell import Exit

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A child that lived so long starts again without the pauses of earlier crashes."""


class Supervisor:
    """Keeps ``count`` worker processes alive until it is told to stop."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], clock: Clock) -> None:
        self._arguments = arguments
        self._environ = environ
        self._clock = clock
        self._children: set[Process] = set()
        self._stopping = asyncio.Event()
        self._code = Exit.OK

    async def run(self, count: int) -> Exit:
        """Returns when all children have ended after a signal, or when one says that it can't be
        started.
        """
        Interrupts(self._stop, self._kill)
        async with asyncio.TaskGroup() as group:
            for place in range(1, count + 1):
                group.create_task(self._keep_alive(place), name=f"worker {place}")
        return self._code

    def _stop(self) -> None:
        self._stopping.set()
        for child in self._children:
            child.terminate()

    def _kill(self) -> None:
        self._code = Exit.FAILED
        for child in self._children:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

    async def _keep_alive(self, place: int) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            born = self._clock.monotonic()
            code = await self._one_life()
            if self._stopping.is_set():
                return
            if code in (Exit.OK, Exit.USAGE, Exit.REFUSED):
                self._code = Exit(code)
                self._stop()
                return
            if self._clock.monotonic() - born >= STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            click.echo(f"worker process {place} ended with {how}; again in {pause:g} s", err=True)
            await self._pause(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _one_life(self) -> int:
        """Start a child and wait for its end. Returns its exit code, negative for a signal."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "cotiza_queue.cli.tether", "cotiza_queue.cli.worker"),
            *self._arguments,
            stdin=PIPE,
            env=dict(self._environ),
            start_new_session=True,
        )
        self._children.add(child)
        if self._stopping.is_set():  # the signal came while it was being started
            child.terminate()
        try:
            return await child.wait()
        finally:
            self._children.discard(child)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


async def supervise(arguments: Sequence[str], environ: Mapping[str, str], count: int) -> Exit:
    """Run ``count`` worker processes with these command-line arguments until SIGTERM or SIGINT."""
    return await Supervisor(arguments, environ, SystemClock()).run(count)
