"""The development world: API, worker, mail sink and Redis, all in one data directory, all gone
when we are.

``dev`` leaves it running and ``demo`` sends one part through it. It refuses nothing: whatever the
environment names (Redis, mail server, bucket, database) is used, and what it doesn't name is
brought along.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import msgspec

from ..chance import SystemChance
from ..clock import Clock
from ..engine.queue import Queue
from ..errors import ConfigurationError, CotizaError
from ..settings import Settings, from_env
from ..wiring import open_queue
from .child import Child, running
from .sink import open_sink
from .tokens import Tokens, make_tokens, secret_file

T = TypeVar("T")

HOST = "127.0.0.1"
START_SECONDS = 60
"""How long API and worker may take to be ready: the first start compiles every module."""
DRAIN_MS = 5000
"""How long running jobs may go on after Ctrl-C, unless COTIZA_DRAIN_MS says otherwise."""
_POLL_SECONDS = 0.05
_PORTS_TRIED = 20
_OTHER_KEYS = ("JWT_PUBLIC_KEY", "JWKS_URL")
_MAIL_ACCOUNT = ("SMTP_USER", "SMTP_PASS")


class Place(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where everything is. This is what dev.json holds."""

    api_url: str
    redis_url: str
    data_dir: str
    mail_dir: str
    tokens: Tokens


class World:
    """The running world."""

    def __init__(
        self, place: Place, settings: Settings, queue: Queue, children: tuple[Child, ...]
    ) -> None:
        self.place = place
        self.settings = settings
        self.queue = queue
        self.children = children

    @property
    def own_mail_server(self) -> bool:
        """True if mails land in ``mail_dir``; False if the environment names a server that takes
        them.
        """
        return self.settings.smtp_host == HOST

    @property
    def logs(self) -> list[Path]:
        """What the processes write to."""
        return [child.log for child in self.children]

    def kill(self) -> None:
        """End every process at once."""
        for child in self.children:
            child.kill()

    async def watch(self) -> None:
        """Raises ChildDied as soon as a process of the world ends by itself."""
        async with asyncio.TaskGroup() as group:
            for child in self.children:
                group.create_task(child.watch())


def free_port(wanted: int) -> int:
    """``wanted``, or the next free one above it; any free one for 0. Raises ConfigurationError if
    all are taken.
    """
    for port in range(wanted, wanted + _PORTS_TRIED) if wanted else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConfigurationError(
        f"ports {wanted} to {wanted + _PORTS_TRIED - 1} are all taken",
        remedy="Name another: --port 0 takes any.",
    )


def make_folder(folder: Path) -> None:
    """A folder to write in, which may be there already. Raises ConfigurationError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise unusable(folder, error) from None


def unusable(path: Path, error: OSError) -> ConfigurationError:
    """The error for a data directory, or a file in it, that can't be written."""
    no_folder = isinstance(error, FileExistsError | NotADirectoryError)
    reason = "not a folder" if no_folder else error.strerror
    return ConfigurationError(
        f"the data directory can't be used: {path}: {reason}",
        remedy="Name a folder that you may write to, with --data-dir or COTIZA_DATA_DIR.",
    )


@asynccontextmanager
async def open_world(
    name: str, environ: Mapping[str, str], port: int, clock: Clock
) -> AsyncIterator[World]:
    """A world called ``name``, with its API on ``port``, yielded once all of it is ready; stopped
    and drained when the block ends.

    Raises ConfigurationError, QueueUnavailable, ChildDied, or CotizaError ``not_ready`` after
    START_SECONDS.
    """
    async with AsyncExitStack() as stack:
        data_dir = from_env(environ).data_dir.resolve()
        mail_dir, logs = data_dir / "mail", data_dir / "logs"
        make_folder(data_dir)
        make_folder(logs)
        api_url = f"http://{HOST}:{port}"
        inside = _environment(environ, data_dir, api_url)
        if not inside.get("SMTP_HOST"):
            sink = await stack.enter_async_context(open_sink(mail_dir, clock))
            inside |= {"SMTP_HOST": HOST, "SMTP_PORT": str(sink.port), "SMTP_TLS": "none"}
        settings = from_env(inside)
        queue = await stack.enter_async_context(open_queue(settings))
        place = Place(
            api_url=api_url,
            redis_url=queue.url,
            data_dir=str(data_dir),
            mail_dir=str(mail_dir),
            tokens=make_tokens(settings, clock),
        )
        drain_seconds = settings.drain_ms / 1000 + 3
        commands = {
            "worker": ["cotiza_queue.cli.worker"],
            "api": ["cotiza_api", "--host", HOST, "--port", str(port)],
        }
        children = [
            await stack.enter_async_context(
                running(
                    role,
                    command,
                    environ=inside,
                    log=logs / f"{name}-{role}.log",
                    drain_seconds=drain_seconds,
                )
            )
            for role, command in commands.items()
        ]
        world = World(place, settings, queue, tuple(children))
        await beside(world, _ready(world))
        yield world


async def beside(world: World, work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` returns; ChildDied instead if a process of the world ends meanwhile."""
    try:
        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(world.watch())
            task = group.create_task(work)
            task.add_done_callback(lambda _: watcher.cancel())
    except BaseExceptionGroup as failed:
        raise _first(failed) from None
    return task.result()


async def _ready(world: World) -> None:
    """Returns once the API answers /readyz and the worker has reported to the queue."""
    worker = world.children[0].pid
    try:
        async with asyncio.timeout(START_SECONDS), httpx2.AsyncClient(trust_env=False) as client:
            # Neither process can tell us anything but by answering, so we ask until they do.
            while not await _answers(client, f"{world.place.api_url}/readyz"):  # noqa: ASYNC110
                await asyncio.sleep(_POLL_SECONDS)
            while worker not in [each["pid"] for each in await world.queue.workers()]:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        logs = Path(world.place.data_dir) / "logs"
        raise CotizaError(
            f"API and worker were not ready after {START_SECONDS} s",
            code="not_ready",
            remedy=f"Their logs are in {logs}.",
        ) from None


async def _answers(client: httpx2.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx2.TransportError:
        return False


def _environment(environ: Mapping[str, str], data_dir: Path, api_url: str) -> dict[str, str]:
    """What API and worker are told: the caller's environment, and what makes them one world."""
    inside = {name: value for name, value in environ.items() if name not in _OTHER_KEYS}
    inside |= {
        "COTIZA_DATA_DIR": str(data_dir),
        "COTIZA_PUBLIC_URL": api_url,
        "PYTHONUNBUFFERED": "1",
    }
    inside.setdefault("COTIZA_DRAIN_MS", str(DRAIN_MS))
    if not (inside.get("JWT_SECRET") or inside.get("JWT_SECRET_FILE")):
        inside["JWT_SECRET_FILE"] = str(secret_file(data_dir, SystemChance()))
    if not inside.get("SMTP_HOST"):
        for name in _MAIL_ACCOUNT:
            inside.pop(name, None)
    return inside


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
