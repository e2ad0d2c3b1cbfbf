"""``cotiza-queue demo``: the development world for as long as one part takes to become a quote."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import click
from rich.console import RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from ..clock import iso
from ..errors import Conflict, CotizaError, NotFound
from ..jobtypes.file_analysis import Unit
from ..model.job import DeadLetter
from ..model.status import Status
from . import render, summary
from .calls import Calls
from .interrupts import Interrupts
from .shell import Exit, Shell, command
from .sink import find_mail
from .story import STEPS, Order, Report, StepFailed, Story, tell
from .tokens import TENANT
from .world import World, beside, free_port, open_world

SAMPLE = Path(__file__).parent / "sample" / "rear_case.stl"
MATERIALS = {
    "mjf": "pa12",
    "sls": "pa12",
    "sla": "resin-standard",
    "fff": "pla",
    "cnc": "aluminium-6061",
}
"""Process → what it is usually done in. The first takes the finest walls, and so the most parts."""


@click.command(short_help="One CAD file, all the way to a mailed quote.")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=SAMPLE
)
@click.option("--process", type=click.Choice(list(MATERIALS)), default="mjf", show_default=True)
@click.option("--material", help="One that the process takes; a usual one, if none is named.")
@click.option("--unit", type=click.Choice(get_args(Unit)), help="Of an STL or OBJ, if not mm.")
@click.option("--quantity", type=click.IntRange(1, 1_000_000), default=10, show_default=True)
@click.option("--language", type=click.Choice(["en", "es"]), default="en", show_default=True)
@command
async def demo(
    shell: Shell,
    *,
    file: Path,
    process: str,
    material: str | None,
    unit: str | None,
    quantity: int,
    language: str,
) -> Exit:
    """Send FILE (STL, OBJ, 3MF or STEP; a sample part, if none is named) through all four jobs.

    Starts API, worker, mail sink and (unless REDIS_URL is set) Redis, submits file-analysis,
    quote-calculation, report-generation and email-notification over HTTP, and stops all again.
    What came of it stays in the data directory.
    """
    interrupts = Interrupts()
    order = Order(
        file=file,
        process=process,
        material=material or MATERIALS[process],
        unit=unit,
        quantity=quantity,
        language=language,
        quote_id=_quote_id(iso(shell.clock.now_ms())),
        folder=shell.settings.data_dir.resolve() / "demo",
    )
    story = Story()
    if not shell.as_json:
        size = order.file.stat().st_size
        shell.err.print(render.text(f"{order.file.name}, {size / 1024:,.0f} KiB", "bold"))
    with shell.err.status("Starting Redis, API, worker and mail sink …") as waiting:
        async with open_world("demo", shell.environ, free_port(0), shell.clock) as world:
            interrupts.again = world.kill
            waiting.stop()
            try:
                async with Calls.client(world.place.api_url, world.place.tokens.manager) as client:
                    with _bars(shell) as report:
                        await _refuse_paused(shell, world)
                        await beside(world, tell(order, Calls(client), report, story))
            except asyncio.CancelledError:
                shell.err.print(render.text("Interrupted; stopping …"))
                raise
            except CotizaError as error:
                code = await _failed(shell, world, story, error)
            else:
                code = _done(shell, world, order, story)
            waiting.update("Stopping …")
            waiting.start()
    return code


async def _refuse_paused(shell: Shell, world: World) -> None:
    """A demo in a data directory whose queues someone paused would wait for ever."""
    for queue in await world.queue.metrics():
        if queue.paused and queue.name in STEPS:
            raise Conflict(
                f"{queue.name} is paused in this data directory",
                code="queue_paused",
                remedy=f"Run: {shell.hint(f'resume {queue.name}')}",
            )


class _Mark(SpinnerColumn):
    """Turns while a step is under way, then says how it ended."""

    def render(self, task: Task) -> RenderableType:
        match task.fields["status"]:
            case None:
                return super().render(task)
            case Status.COMPLETED:
                return Text("✓", "green")
        return Text("✗", "bold red")


@contextmanager
def _bars(shell: Shell) -> Iterator[Report]:
    """A progress bar for each step; without a terminal, a line for each that has ended."""
    progress = Progress(
        _Mark(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=18),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[message]}", style="dim", markup=False),
        console=shell.err,
    )
    tasks: dict[str, TaskID] = {}

    def report(step: str, told: dict[str, Any]) -> None:
        status = told.get("status")
        if shell.err.is_terminal:
            if step not in tasks:
                tasks[step] = progress.add_task(f"{step:<18}", message="", status=None)
            done = 100 if status == Status.COMPLETED else told.get("percentage")
            message = render.visible(_message(told))
            progress.update(tasks[step], completed=done, message=message, status=status)
        elif status:
            shell.err.print(render.text(f"{step}: {_message(told)}"))

    if shell.as_json:
        yield lambda _step, _told: None
    elif not shell.err.is_terminal:
        yield report
    else:
        with progress:
            yield report


def _message(told: dict[str, Any]) -> str:
    """What a step is doing, or how long it took."""
    if "status" in told:
        return f"{told['status']} in {render.span(told.get('duration') or 0)}"
    return str(told.get("message") or told.get("step") or "")


def _done(shell: Shell, world: World, order: Order, story: Story) -> Exit:
    """Say what came of it, and where it lies."""
    message_id = story.email["messageId"]
    mail = find_mail(Path(world.place.mail_dir), message_id) if world.own_mail_server else None
    if shell.as_json:
        shell.json(summary.as_json(order, story, mail))
    else:
        shell.out.print(summary.as_table(order, story, mail))
    return Exit.OK


async def _failed(shell: Shell, world: World, story: Story, error: CotizaError) -> Exit:
    """Say which step failed and why, and where its dead letter lies."""
    letter = await _dead_letter(world, error)
    if letter and letter.failures:
        error.remedy = letter.failures[-1].remedy
    if shell.as_json:
        fault = {"code": error.code, "message": error.message, "remedy": error.remedy}
        fault |= error.details | {"deadLetter": letter is not None}
        shell.json({"ok": False, "jobs": story.jobs, "error": fault})
        return Exit.FAILED
    shell.fail(error)
    if letter:
        attempts = len(letter.failures)
        often = "at once, for trying again can't help" if attempts == 1 else f"{attempts} attempts"
        shell.err.print()
        shell.err.print(render.text(f"{letter.type} failed for good ({often})."))
        dead = f"It is in the dead letters: {shell.hint(f'dlq show {letter.job_id}')}"
        shell.err.print(render.text(dead), soft_wrap=True)
    return Exit.FAILED


async def _dead_letter(world: World, error: CotizaError) -> DeadLetter | None:
    if not isinstance(error, StepFailed):
        return None
    try:
        return await world.queue.dead_letter(error.details["jobId"], tenant=TENANT)
    except NotFound:
        return None


def _quote_id(moment: str) -> str:
    """``Q-20261123-140506-789`` of an ISO moment."""
    digits = "".join(character for character in moment if character.isdigit())
    return f"Q-{digits[:8]}-{digits[8:14]}-{digits[14:17]}"
