"""What every command shares: its options, its settings, its event loop, how it fails and with
which exit code.

A command never sees the environment or an exception of ours: it gets a ``Shell`` and raises what
it likes.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Callable, Coroutine, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

import click

from ..clock import Clock, SystemClock, iso
from ..engine.queue import Queue
from ..errors import (
    AccessRefused,
    ConfigurationError,
    Conflict,
    CotizaError,
    InvalidInput,
    NotFound,
    QueueUnavailable,
)
from ..settings import Settings, from_env
from ..wiring import open_queue
from . import render

P = ParamSpec("P")


class Exit(IntEnum):
    """What a command's exit code says. Documented in README.md."""

    OK = 0
    FAILED = 1
    """The thing itself failed: the job, one of several replays, the demo."""
    USAGE = 2
    """A wrong option, argument or setting."""
    NOT_FOUND = 3
    CONFLICT = 4
    """The state of the thing forbids it, such as cancelling what has ended."""
    UNAVAILABLE = 5
    """Redis is away or refuses."""
    REFUSED = 78
    """Redis does not let us in, or forbids a command (EX_CONFIG of sysexits.h)."""
    INTERRUPTED = 130


class Shell:
    """One call of a command: where it runs, and how it speaks.

    ``environ``: the environment as read by ``main``. ``as_json``: the reader is a program.
    """

    def __init__(self, environ: Mapping[str, str], *, as_json: bool, clock: Clock) -> None:
        self.environ = environ
        self.as_json = as_json
        self.clock = clock
        self.out = render.console()
        self.err = render.console(stderr=True)

    @functools.cached_property
    def settings(self) -> Settings:
        """Raises ConfigurationError."""
        return from_env(self.environ)

    def queue(self) -> Queue:
        """All queues, yet to be opened with ``async with``."""
        return open_queue(self.settings)

    def where(self) -> str:
        """Which Redis this is, for people and programs: never with a password."""
        url = self.settings.redis_url
        return redacted(url) if url else f"embedded server in {self.settings.data_dir.resolve()}"

    def ago(self, moment_ms: int | None) -> str:
        """How long ago, or how soon, in a word."""
        return render.ago(moment_ms, self.clock.now_ms())

    def say(self, sentence: str, **fields: object) -> None:
        """The command's answer: a sentence for people, its fields for programs."""
        if self.as_json:
            self.json(fields)
        else:
            self.out.print(render.text(sentence))

    def hint(self, words: str) -> str:
        """The command line that does ``words`` here: in a clone, on another data directory."""
        environment = Path(sys.prefix)
        clone = environment.name == ".venv" and (environment.parent / "run").is_file()
        data_dir = self.settings.data_dir
        elsewhere = "" if data_dir == Path(".cotiza") else f" --data-dir {data_dir}"
        return f"{'./run ' if clone else ''}cotiza-queue {words}{elsewhere}"

    def nothing(self, things: str, cursor: str | None) -> str:
        """What to say of a page without items: only the last one means that there are none."""
        if cursor:
            return f"No {things} among those looked at; there are older ones to look at."
        return f"No {things}."

    def more(self, cursor: str) -> None:
        """Where a listing goes on."""
        self.out.print()
        self.out.print(render.text(f"More: --cursor {cursor}", "dim"), soft_wrap=True)

    def moment(self, at_ms: int | None) -> str | None:
        """A moment, and how far away it is."""
        if at_ms is None:
            return None
        word = self.ago(at_ms)
        return f"{iso(at_ms)}  ({word if word.startswith('in ') else f'{word} ago'})"

    def json(self, value: object) -> None:
        """The command's answer for programs."""
        click.echo(render.json_text(value))

    def fail(self, error: CotizaError) -> Exit:
        """Say on standard error what went wrong and what helps: a line, or one JSON object."""
        if self.as_json:
            fault = {"code": error.code, "message": error.message, "remedy": error.remedy}
            click.echo(render.json_text({"error": fault}), err=True)
            return exit_code(error)
        self.err.print(render.error_line(error))
        if isinstance(error, InvalidInput):
            for field in error.fields:
                self.err.print(render.text(f"  {field.field}: {field.message}"))
        if error.remedy:
            self.err.print(render.text(error.remedy, "dim"))
        return exit_code(error)


def redacted(url: str) -> str:
    """A URL without its user name and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def exit_code(error: CotizaError) -> Exit:
    """What the shell's caller learns of an error."""
    match error:
        case NotFound():
            return Exit.NOT_FOUND
        case Conflict():
            return Exit.CONFLICT
        case QueueUnavailable():
            return Exit.UNAVAILABLE
        case AccessRefused():
            return Exit.REFUSED
        case InvalidInput() | ConfigurationError():
            return Exit.USAGE
    return Exit.FAILED


def command(
    function: Callable[Concatenate[Shell, P], Coroutine[Any, Any, Exit | None]],
) -> Callable[P, None]:
    """Make a coroutine function a command's callback: the shared options in, the exit code out."""

    @click.option("-q", "--redis-url", metavar="URL", help="Redis to use instead of REDIS_URL.")
    @click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Where an embedded server keeps its data, instead of COTIZA_DATA_DIR (.cotiza).",
    )
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
    @click.pass_context
    @functools.wraps(function)
    def run(context: click.Context, /, *args: P.args, **kwargs: P.kwargs) -> None:
        environ = with_overrides(
            context.find_root().ensure_object(dict),
            redis_url=kwargs.pop("redis_url", None),
            data_dir=kwargs.pop("data_dir", None),
        )
        shell = Shell(environ, as_json=bool(kwargs.pop("as_json")), clock=SystemClock())
        try:
            code = asyncio.run(function(shell, *args, **kwargs))
        except CotizaError as error:
            code = shell.fail(error)
        except (KeyboardInterrupt, asyncio.CancelledError):
            code = Exit.INTERRUPTED
        context.exit(code or Exit.OK)

    return run


def with_overrides(
    environ: Mapping[str, str], *, redis_url: object = None, data_dir: object = None
) -> dict[str, str]:
    """The environment with what the options say instead."""
    merged = dict(environ)
    if redis_url:
        merged.pop("REDIS_URL_FILE", None)
        merged["REDIS_URL"] = str(redis_url)
    if data_dir:
        merged.pop("COTIZA_DATA_DIR_FILE", None)
        merged["COTIZA_DATA_DIR"] = str(data_dir)
    return merged
