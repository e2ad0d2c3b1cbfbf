"""What the sandbox's tests run in child processes: real work, and real misbehaviour.

Our package is imported only where it is needed: most children stay small and quick to start.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

Report = Callable[..., None]


def add(report: Report, left: int, right: int) -> int:
    return left + right


def process_id(report: Report) -> int:
    return os.getpid()


def echo(report: Report, value: Any) -> Any:
    return value


def count(report: Report, steps: int) -> str:
    for number in range(1, steps + 1):
        report(100 * number / steps, "counting", f"{number} of {steps}")
    return "done"


def three_steps(report: Report) -> None:
    report(10, "load")
    report(50, "measure", "walls")
    report(90, "store")


def tell_process_id(report: Report) -> int:
    """What the endless ones begin with, so that a test knows whom it has to see dead."""
    report(1, "started", str(os.getpid()))
    return 0


def spin(report: Report) -> NoReturn:
    tell_process_id(report)
    while True:
        pass


def backtrack(report: Report) -> None:
    """A pattern that takes years."""
    tell_process_id(report)
    re.match(r"(a+)+$", "a" * 64 + "b")


def hold_the_interpreter(report: Report) -> None:
    """A loop in C that never gives up the interpreter's lock and lets no signal handler run."""
    sum(itertools.chain(map(tell_process_id, [report]), itertools.repeat(0)))


def ignore_everything(report: Report) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tell_process_id(report)
    while True:
        try:
            time.sleep(3600)
        except BaseException:  # noqa: S112 - that's the point
            continue


def clean_up_when_stopped(report: Report, path: str) -> NoReturn:
    try:
        tell_process_id(report)
        while True:
            time.sleep(3600)
    finally:
        Path(path).write_text("cleaned up")


def allocate(report: Report, size: int) -> int:
    return len(bytearray(size))


HOARD: list[bytearray] = []


def hoard(report: Report, size: int) -> int:
    """A library that keeps what it has got. Returns the process id."""
    HOARD.append(bytearray(size))
    return os.getpid()


def allocate_in_c(report: Report, size: int) -> NoReturn:
    """What a C++ library does that can't allocate."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    if libc.malloc(size) is None:
        os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def crash(report: Report) -> None:
    ctypes.string_at(0)


def leave(report: Report, code: int) -> NoReturn:
    os._exit(code)


def leave_politely(report: Report) -> NoReturn:
    sys.exit(7)


def kill_oneself(report: Report) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def make_noise(report: Report) -> str:
    print("noise " * 100_000)
    os.write(1, b"raw noise")
    sys.stderr.write("more noise")
    return sys.stdin.read()


def refuse_file(report: Report) -> NoReturn:
    from cotiza_queue.errors import InvalidData

    raise InvalidData("not an STL", code="bad_header", remedy="Export it anew.", details={"at": 80})


def ask_for_patience(report: Report) -> NoReturn:
    from cotiza_queue.errors import RetryableError

    raise RetryableError("later", retry_after_ms=1234)


def divide(report: Report) -> float:
    return 1 / 0


class Unreadable(Exception):
    """Can be pickled, but not unpickled: an exception with a signature of its own."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def raise_unreadable(report: Report) -> NoReturn:
    raise Unreadable("can't", "cross")


def return_unpicklable(report: Report) -> Any:
    return lambda: None


def return_bytes(report: Report, size: int) -> bytes:
    return bytes(size)


def threads_of_libraries(report: Report) -> bytes:
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    return bytes(getenv(b"OPENBLAS_NUM_THREADS"))


def start_grandchild(report: Report) -> NoReturn:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    report(1, "started", str(child.pid))
    while True:
        pass


def compute(report: Report, rounds: int) -> int:
    return sum(number * number for number in range(rounds))
