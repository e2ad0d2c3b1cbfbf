"""``python -P -m cotiza_queue.cli.tether MODULE ARG…``: a module that dies with whoever started it.

The starter holds the other end of standard input and never writes to it. When the starter is
gone, however it went (SIGKILL included), the pipe ends: the module is asked to stop, and after a
moment its process group is killed. It works alike on Linux and macOS, and costs one sleeping
thread. Not for use by hand: it expects to lead its own process group.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

GRACE_SECONDS = 1.5
"""How long an orphan may tidy up. The world promises to be gone two seconds after it was killed."""


def main() -> None:
    """Tie this process to its standard input, then become the module."""
    if len(sys.argv) < 2:
        sys.exit("usage: python -m cotiza_queue.cli.tether MODULE [ARG]...")
    line = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_die_with_starter, args=(line,), daemon=True, name="tether").start()
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _die_with_starter(line: int) -> None:
    while os.read(line, 64):
        pass
    # To the main thread: a signal that another thread receives does not interrupt its system call.
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    threading.Event().wait(GRACE_SECONDS)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
