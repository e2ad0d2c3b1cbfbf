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
