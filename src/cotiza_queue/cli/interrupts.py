"""SIGINT, SIGTERM and SIGHUP: the first one asks politely, every later one insists."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Calls ``first`` on the first signal and ``again`` on later ones; both may be changed as the
    work goes on.

    By default the task that makes this is cancelled. Must be made inside a running event loop,
    which runs the calls.
    """

    def __init__(
        self,
        first: Callable[[], object] | None = None,
        again: Callable[[], object] | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        cancel = task.cancel if task else loop.stop
        self.first = first or cancel
        self.again = again or self.first
        self.seen = False
        for number in SIGNALS:
            loop.add_signal_handler(number, self._signalled)

    def _signalled(self) -> None:
        react = self.again if self.seen else self.first
        self.seen = True
        react()
