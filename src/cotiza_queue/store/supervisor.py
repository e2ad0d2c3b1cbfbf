"""The process that owns the embedded server: starts it, restarts it, stops it when nobody is left.

``store/embedded.py`` runs this file as a script in an isolated interpreter (``python -I -S``), in a
session of its own, so that it outlives the process that started it. It imports the standard
library only, and nobody imports it. All that it knows comes from the kernel: a lock that a process
holds is free the moment that process ends, however it ends. (Files in the server's folder.)

- ``users.lock``: every user holds it shared. Whoever gets it exclusively knows that nobody is left.
- ``supervisor.lock``: held by the supervisor, which inherits it locked from the process that
  started it: there is never a moment with two supervisors, or with one that has not locked yet.
- ``server.lock``: inherited by the server, and so held exactly while a server lives. A supervisor
  that follows a killed one waits for it, and by that adopts the server that still runs.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

RESTARTS = 20
"""A server that is killed so often (out of memory, say) isn't started again."""
RESTART_PAUSE_S = 0.1
STOP_ATTEMPTS = 200
STOP_PAUSE_S = 0.05
"""10 s to write its last data; then a server that we started is killed."""


class Supervisor:
    """``folder``: the server's. ``command`` starts it. ``lock``: supervisor.lock's descriptor."""

    def __init__(self, folder: str, socket_path: str, command: list[str], lock: int) -> None:
        self._folder = folder
        self._socket = Path(socket_path)
        self._command = command
        self._lock = lock
        self._deciding = threading.Lock()
        self._nobody_is_left = False
        self._server: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Keep a server alive until nobody is left, or until it gives up by itself."""
        os.chdir(self._folder)
        threading.Thread(target=self._stop_when_nobody_is_left, daemon=True).start()
        with suppress(FileNotFoundError):  # the folder is gone: nobody can ask for it any more
            self._keep_alive()
        self._socket.unlink(missing_ok=True)
        with suppress(OSError):  # not empty: another one's socket
            self._socket.parent.rmdir()
        # In this order: whoever becomes a user after us must not take us for a living supervisor.
        os.close(self._lock)
        os._exit(0)

    def _keep_alive(self) -> None:
        for _ in range(RESTARTS):
            if not self._start_after_the_last_one():
                break
            if self._server is not None and self._server.wait() > 0:
                break  # It ended by its own decision, and its log says why.
            time.sleep(RESTART_PAUSE_S)

    def _start_after_the_last_one(self) -> bool:
        """Wait until no server lives, then start one. False if nobody is left to need it."""
        with Path("server.lock").open("ab") as lock, Path("server.log").open("ab") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with self._deciding:
                if self._nobody_is_left:
                    return False
                self._server = subprocess.Popen(  # noqa: S603 - the command that we were started with
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[lock.fileno()],
                )
        return True

    def _stop_when_nobody_is_left(self) -> None:
        """Users wait while this holds the lock, and then find no server and no supervisor."""
        users = Path("users.lock").open("ab")  # noqa: SIM115 - held to the end of the process
        fcntl.flock(users, fcntl.LOCK_EX)
        with self._deciding:
            self._nobody_is_left = True
        for _ in range(STOP_ATTEMPTS):
            self._ask_to_shut_down()
            time.sleep(STOP_PAUSE_S)
        if self._server is None:
            os._exit(1)  # An adopted server that hangs: the next user adopts it again.
        self._server.kill()
        signal.pause()

    def _ask_to_shut_down(self) -> None:
        """NOSAVE spares a snapshot, which we don't keep; the append-only file is flushed anyway."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(self._socket))
            connection.sendall(b"SHUTDOWN NOSAVE\r\n")
            connection.recv(1)


def main() -> None:
    """Leave the process that started us, which must not have to wait for our end, and begin."""
    if os.fork():
        os._exit(0)
    Supervisor(**json.loads(sys.argv[1])).run()


if __name__ == "__main__":
    main()
