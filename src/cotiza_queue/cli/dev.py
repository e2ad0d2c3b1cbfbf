"""``cotiza-queue dev``: the development world, left running until Ctrl-C."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import click
from rich.text import Text

from ..errors import Conflict
from . import render
from .interrupts import Interrupts
from .shell import Exit, Shell, command
from .world import Place, beside, free_port, make_folder, open_world, unusable

DEFAULT_PORT = 8000
FOLLOW_SECONDS = 0.2
"""How often the logs are looked at for new lines."""
_LEVELS = {"warning": "yellow", "error": "red", "critical": "bold red"}


@click.command(short_help="API, worker and mail sink, left running to try things out.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Of the API; 0 takes any.",
)
@click.option("--quiet", is_flag=True, help="Don't show the logs of API and worker.")
@command
async def dev(shell: Shell, *, port: int, quiet: bool) -> Exit:
    """Start API, worker, mail sink and (unless REDIS_URL is set) Redis; leave them running until
    Ctrl-C.

    Once all is ready, DATA_DIR/dev.json says where everything is and holds tokens to use.
    """
    interrupts = Interrupts()
    with _alone(shell):
        chosen = free_port(port)
        if port not in (0, chosen):
            shell.err.print(render.text(f"Port {port} is taken; using {chosen}.", "yellow"))
        return await _serve(shell, interrupts, chosen, quiet)


async def _serve(shell: Shell, interrupts: Interrupts, port: int, quiet: bool) -> Exit:
    async with open_world("dev", shell.environ, port, shell.clock) as world:
        stopping = asyncio.Event()
        interrupts.first, interrupts.again = stopping.set, world.kill
        with _announced(world.place):
            _greet(shell, world.place)
            await beside(world, _until(stopping, shell, [] if quiet else world.logs))
        shell.err.print(
            render.lines("\nStopping: running jobs may finish; Ctrl-C again ends them at once.")
        )
    shell.err.print(
        render.text(f"All stopped. The data is in {world.place.data_dir}"), soft_wrap=True
    )
    return Exit.OK


@contextmanager
def _alone(shell: Shell) -> Iterator[None]:
    """Remove what a killed world left behind. Raises Conflict if another one runs in this
    directory, which it leaves as it is; ConfigurationError if the directory is unusable.
    """
    data_dir = shell.settings.data_dir.resolve()
    make_folder(data_dir)
    path = data_dir / "dev.lock"
    try:
        lock = path.open("a+b")
    except OSError as error:
        raise unusable(path, error) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise _already_running(data_dir, lock.read(20)) from None
        lock.truncate(0)
        lock.write(b"%d" % os.getpid())
        lock.flush()
        (data_dir / "dev.json").unlink(missing_ok=True)
        yield


def _already_running(data_dir: Path, pid: bytes) -> Conflict:
    try:
        where = json.loads((data_dir / "dev.json").read_bytes())["apiUrl"]
    except (OSError, ValueError, KeyError, TypeError):
        where = "just starting"
    who = pid.decode("ascii", "replace") or "unknown"
    return Conflict(
        f"cotiza-queue dev is already running in {data_dir} (process {who}, {where})",
        code="already_running",
        remedy=f"Use that one, stop it with: kill {who}; or name another folder with --data-dir.",
        details={"pid": who, "apiUrl": where},
    )


@contextmanager
def _announced(place: Place) -> Iterator[None]:
    """dev.json for programs: complete from the first moment, ours alone to read, gone when the
    world is.
    """
    path = Path(place.data_dir) / "dev.json"
    draft = path.with_name(f"dev.json.{os.getpid()}")
    content = render.json_text(place, indent=2).encode()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            if path.read_bytes() == content:  # not that of a second world in the same directory
                path.unlink()


def _greet(shell: Shell, place: Place) -> None:
    if shell.as_json:
        shell.json(place)
        return
    shell.out.print(
        Text("\ncotiza-queue is running.\n", style="bold"),
        render.facts(
            ("API", f"{place.api_url}/api/v1"),
            ("Docs", f"{place.api_url}/docs"),
            ("Redis", shell.where()),
            ("Data", place.data_dir),
            ("Mail", f"{place.mail_dir} (nothing leaves this machine)"),
        ),
        Text(
            "\nAn admin's token of tenant demo, good for a day (others are in dev.json):\n",
            style="dim",
        ),
    )
    shell.out.print(f"TOKEN={place.tokens.admin}", soft_wrap=True)
    shell.out.print(Text("\nTry it:\n", style="dim"))
    shell.out.print(
        f'curl -H "Authorization: Bearer $TOKEN" {place.api_url}/api/v1/jobs/health/check',
        soft_wrap=True,
    )
    shell.out.print(Text("\nCtrl-C stops it.\n", style="dim"))


async def _until(stopping: asyncio.Event, shell: Shell, logs: list[Path]) -> None:
    """Show what API and worker say until it is time to stop."""
    files = [(path.stem.rpartition("-")[2], path.open("rb")) for path in logs]
    try:
        while not stopping.is_set():
            for name, file in files:
                for line in _new_lines(file):
                    shell.err.print(_log_line(name, line), soft_wrap=True)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), FOLLOW_SECONDS)
    finally:
        for _, file in files:
            file.close()


def _new_lines(file: BinaryIO) -> Iterator[str]:
    """The complete lines that have come since the last call."""
    while True:
        start = file.tell()
        line = file.readline()
        if not line.endswith(b"\n"):
            file.seek(start)
            return
        yield line.decode("utf-8", "replace").rstrip("\n")


def _log_line(name: str, line: str) -> Text:
    """A log line for people: JSON events as ``event field=value``, anything else as it is."""
    label = (f"{name:>6} ", "cyan" if name == "api" else "magenta")
    try:
        fields = json.loads(line)
        event, level = str(fields.pop("event")), str(fields.pop("level", ""))
    except (ValueError, KeyError, AttributeError, TypeError):
        return Text.assemble(label, render.visible(line))
    moment = str(fields.pop("timestamp", ""))[11:19]
    trace = str(fields.pop("exception", ""))
    rest = " ".join(f"{key}={value}" for key, value in fields.items() if value not in ("", None))
    return Text.assemble(
        label,
        (f"{render.visible(moment)} ", "dim"),
        (render.visible(event), _LEVELS.get(level, "")),
        (f" {render.visible(rest)}", "dim"),
        render.lines(f"\n{trace}", "dim") if trace else "",
    )
