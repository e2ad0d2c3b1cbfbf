"""``cotiza-worker``: runs jobs until it is asked to stop, in this process or in several that it
looks after.
"""

from __future__ import annotations

import asyncio
import gc
import os
import re
import sys
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import click
import msgspec

from .. import jobtypes
from ..clock import SystemClock
from ..engine.units import MAX_UNITS
from ..errors import CotizaError, FieldError, InvalidInput, UnknownJobType
from ..settings import Settings
from ..telemetry import configure_logging
from ..wiring import CONCURRENCY, worker
from .shell import Exit, Shell, with_overrides
from .supervisor import supervise

try:
    import uvloop
except ImportError:
    uvloop = None  # type: ignore[assignment]

MAX_CONCURRENCY = 1000
MAX_PROCESSES = 64

_PAIR = re.compile(r"(?:(?P<type>[a-z0-9-]+)=)?(?P<slots>[0-9]{1,4})")


class Plan(msgspec.Struct, frozen=True):
    """What one worker process runs: job type → jobs at once; its units, and what a job of a type
    takes of them.
    """

    slots: Mapping[str, int]
    units: int | None = None
    weights: Mapping[str, int] = {}

    def __str__(self) -> str:
        return ", ".join(f"{name} ×{count}" for name, count in self.slots.items())


def plan(
    types: Sequence[str],
    concurrency: Sequence[str],
    units: int | None = None,
    weights: Sequence[str] = (),
) -> Plan:
    """Job types and ``TYPE=N`` or ``N`` pairs → how many jobs of which type run at once.

    A pair for a type beats a plain number, and that the default. Raises InvalidInput and
    UnknownJobType.
    """
    known = [each.name for each in jobtypes.ALL]
    chosen = list(dict.fromkeys(types)) or known
    pairs = [_pair(text) for text in concurrency]
    for name in (*chosen, *(name for name, _ in pairs if name)):
        if name not in known:
            raise UnknownJobType(
                f"there is no job type {name!r:.60}", remedy=f"Choose from {', '.join(known)}."
            )
    slots = {name: CONCURRENCY[name] for name in chosen}
    slots.update({name: count for name in chosen for kind, count in pairs if kind is None})
    for kind, count in pairs:
        if kind is not None and kind not in slots:
            raise InvalidInput(f"a concurrency for {kind}, which this worker doesn't run")
        if kind is not None:
            slots[kind] = count
    return Plan(slots, units, dict(_weight(text, slots) for text in weights))


def _pair(text: str) -> tuple[str | None, int]:
    match = _PAIR.fullmatch(text)
    if not match or not 1 <= int(match["slots"]) <= MAX_CONCURRENCY:
        rule = FieldError("--concurrency", f"TYPE=N or N, with N from 1 to {MAX_CONCURRENCY}")
        raise InvalidInput(f"{text!r:.60} is not a concurrency", fields=[rule])
    return match["type"], int(match["slots"])


def _weight(text: str, slots: Mapping[str, int]) -> tuple[str, int]:
    match = _PAIR.fullmatch(text)
    if not match or match["type"] not in slots:
        rule = FieldError("--weight", "TYPE=N, of a type that this worker runs")
        raise InvalidInput(f"{text!r:.60} is not a weight", fields=[rule])
    return match["type"], int(match["slots"])


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("types", metavar="[TYPE]...", nargs=-1)
@click.option(
    "-c",
    "--concurrency",
    multiple=True,
    metavar="TYPE=N|N",
    help="Jobs at once, of one type or of each. Repeatable.",
)
@click.option(
    "--units", type=click.IntRange(1, MAX_UNITS), help="What the jobs of all types share."
)
@click.option(
    "--weight",
    "weights",
    multiple=True,
    metavar="TYPE=N",
    help="Units that a job of a type takes, 1 if not said. Repeatable.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, MAX_PROCESSES),
    default=1,
    show_default=True,
    help="Worker processes to run and to look after.",
)
@click.option("-q", "--redis-url", metavar="URL", help="Redis to use instead of REDIS_URL.")
@click.option("--data-dir", metavar="DIR", help="Instead of COTIZA_DATA_DIR (.cotiza).")
@click.version_option(package_name="cotiza-queue", prog_name="cotiza-worker")
@click.pass_context
def cli(
    context: click.Context,
    *,
    types: tuple[str, ...],
    concurrency: tuple[str, ...],
    units: int | None,
    weights: tuple[str, ...],
    processes: int,
    redis_url: str | None,
    data_dir: str | None,
) -> None:
    """Run jobs of these TYPEs (all, if none is named) until SIGTERM or Ctrl-C.

    Asked to stop, it takes no new jobs, lets running ones finish for COTIZA_DRAIN_MS, and hands
    back the rest. A second signal hands everything back at once.

    \b
    Exit codes: 0 stopped when asked, 1 a worker failed,
    2 wrong usage or setting, 5 Redis is away, 78 Redis does not let us in.
    """
    environ = with_overrides(context.ensure_object(dict), redis_url=redis_url, data_dir=data_dir)
    shell = Shell(environ, as_json=False, clock=SystemClock())
    try:
        chosen = plan(types, concurrency, units, weights)
        announce = f"cotiza-worker: {chosen} · Redis: {shell.where()}"
        if processes == 1:
            click.echo(announce, err=True)
            code = _run(_work(shell.settings, chosen))
        else:
            click.echo(f"{announce} · {processes} processes", err=True)
            code = _run(supervise(_arguments(chosen), environ, processes))
    except CotizaError as error:
        code = shell.fail(error)
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    context.exit(code)


async def _work(settings: Settings, chosen: Plan) -> Exit:
    configure_logging(settings.log_level, pretty=sys.stderr.isatty())
    async with worker(
        settings, chosen.slots, chosen.slots, units=chosen.units, weights=chosen.weights
    ) as running:
        # What was imported stays: to look through it for garbage would stop all jobs for 0.1 s.
        gc.freeze()
        await running.run()
    if len(asyncio.all_tasks()) > 1:
        # Code that cannot be stopped must not keep the process; its jobs have been handed back.
        sys.stderr.flush()
        os._exit(Exit.OK)
    return Exit.OK


def _run(work: Coroutine[Any, Any, Exit]) -> Exit:
    """Run it on uvloop where that is installed (extra "fast"): same behaviour, less time per
    event.
    """
    loop_factory = None if uvloop is None else uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(work)


def _arguments(chosen: Plan) -> list[str]:
    """The command line of one supervised process."""
    pairs = [part for name, count in chosen.slots.items() for part in ("-c", f"{name}={count}")]
    if chosen.units is not None:
        pairs += ["--units", str(chosen.units)]
    for name, weight in chosen.weights.items():
        pairs += ["--weight", f"{name}={weight}"]
    return [*chosen.slots, *pairs]


def main() -> None:
    """The entry point of ``cotiza-worker``: the one place here that reads the environment."""
    cli(obj=dict(os.environ))


if __name__ == "__main__":
    main()
