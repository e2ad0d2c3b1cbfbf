"""Blocking file work beside the event loop.

``asyncio.to_thread`` abandons its thread when the waiting task is cancelled: the thread then goes
on with a file that the task's clean-up has just closed. ``in_thread`` waits for the thread first,
so that clean-up is safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The function's result, from a thread of the loop's default executor.

    A cancelled wait ends only when the thread has ended; the function should therefore be one short
    piece of work.
    """
    work = asyncio.get_running_loop().run_in_executor(None, lambda: function(*args, **kwargs))
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = cancelled or error
    if cancelled is None:
        return work.result()
    if not work.cancelled():
        work.exception()  # seen, so that asyncio does not report it as lost
    raise cancelled
