"""What the sandbox tests run in a child process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def steps(report: Callable[..., None], count: int) -> int:
    for n in range(count):
        report(100 * n / count, "stepping", f"{n} of {count}")
    return count


def spin(report: Callable[..., None], where: str) -> None:
    Path(where).write_text(str(os.getpid()))
    while True:
        pass


def die(report: Callable[..., None]) -> None:
    os._exit(7)


def segfault(report: Callable[..., None]) -> None:
    import ctypes

    ctypes.string_at(0)


def allocate(report: Callable[..., None], size: int) -> int:
    return len(bytearray(size))


def hold_interpreter(report: Callable[..., None], seconds: float) -> int:
    """Work in C that lets no other thread run, in pieces of some hundred milliseconds."""
    import time

    report(0, "holding")
    end, pieces = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        pow(7, 3_000_000, 10**3000)
        sum(range(3_000_000))
        pieces += 1
    return pieces
