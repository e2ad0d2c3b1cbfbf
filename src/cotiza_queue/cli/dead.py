"""``dlq``: the dead letters. Look into them, run them again, or throw them away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import click
import msgspec
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ..engine.queue import Queue
from ..errors import Conflict, CotizaError, NotFound
from ..model.job import DeadLetter
from . import plain, render
from .jobs import ACTOR, failures
from .shell import Exit, Shell, command

PAGE = 200
"""Dead letters read per call while choosing."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which dead letters a command means: the ids, or all that fit the filters."""

    job_ids: Sequence[str] = ()
    everything: bool = False
    job_type: str | None = None
    tenant: str | None = None
    code: str | None = None
    limit: int = 1000
    dry_run: bool = False


@click.group(short_help="Jobs that failed for good.")
def dlq() -> None:
    """Jobs that failed for good: look into them, run them again, or throw them away."""


@dlq.command("list", short_help="The newest dead letters.")
@click.option("--type", "job_type", metavar="TYPE", help="Only jobs of this type.")
@click.option("--tenant", metavar="ID", help="Only this tenant's.")
@click.option(
    "--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many."
)
@click.option("--cursor", metavar="CURSOR", help="Where the last page ended.")
@command
async def list_letters(
    shell: Shell, *, job_type: str | None, tenant: str | None, limit: int, cursor: str | None
) -> None:
    """The newest dead letters first, a page at a time."""
    async with shell.queue() as queue:
        found, following = await queue.dead_letters(
            job_type=job_type, tenant=tenant, limit=limit, cursor=cursor
        )
    if shell.as_json:
        shell.json({"items": [plain.dead_letter(each) for each in found], "nextCursor": following})
        return
    if not found:
        shell.out.print(render.text(shell.nothing("dead letters", following)))
    else:
        shell.out.print(_listing(shell, found))
    if following:
        shell.more(following)


@dlq.command(short_help="One dead letter: payload, options, every failed attempt.")
@click.argument("job_id", metavar="ID")
@command
async def show(shell: Shell, job_id: str) -> None:
    """The dead letter of job ID: its payload, options and every failed attempt."""
    async with shell.queue() as queue:
        letter = await queue.dead_letter(job_id)
    if shell.as_json:
        shell.json(plain.dead_letter(letter))
        return
    shell.out.print(_portrait(shell, letter))


def _choosing(function: Callable[..., None]) -> Callable[..., None]:
    """The arguments by which ``replay`` and ``purge`` are told what they are about."""
    for decorate in (
        click.option("--dry-run", is_flag=True, help="Only say which."),
        click.option(
            "--limit",
            type=click.IntRange(1, 100_000),
            default=1000,
            show_default=True,
            help="With --all: how many.",
        ),
        click.option(
            "--code", metavar="CODE", help="With --all: only those that died of this error."
        ),
        click.option("--tenant", metavar="ID", help="With --all: only this tenant's."),
        click.option(
            "--type", "job_type", metavar="TYPE", help="With --all: only jobs of this type."
        ),
        click.option("--all", "everything", is_flag=True, help="All that fit the filters."),
        click.argument("job_ids", metavar="[ID]...", nargs=-1),
    ):
        function = decorate(function)
    return function


@dlq.command(short_help="Run dead jobs again.")
@_choosing
@command
async def replay(shell: Shell, /, **asked: object) -> Exit:
    """Run the jobs of these dead letters again: same ids, fresh attempts."""
    choice = _choice(asked)
    async with shell.queue() as queue:
        meant = await _meant(queue, choice)
        return await _each(shell, choice, meant, partial(queue.replay, by=ACTOR), verb="replayed")


@dlq.command(short_help="Throw dead letters away.")
@click.option("--yes", is_flag=True, help="With --all: don't ask.")
@_choosing
@command
async def purge(shell: Shell, /, *, yes: bool, **asked: object) -> Exit:
    """Throw these dead letters away, for good."""
    choice = _choice(asked)
    if choice.everything and shell.as_json and not (yes or choice.dry_run):
        raise click.UsageError("a program is not asked: --all with --json needs --yes")
    async with shell.queue() as queue:
        meant = await _meant(queue, choice)
        if choice.everything and meant and not (yes or choice.dry_run):
            letters = "1 dead letter" if len(meant) == 1 else f"{len(meant):,} dead letters"
            click.confirm(f"Throw away {letters}, for good?", abort=True, err=True)
        return await _each(shell, choice, meant, queue.purge_dead_letter, verb="purged")


def _choice(asked: dict[str, object]) -> Choice:
    choice = msgspec.convert(asked, Choice)
    if bool(choice.job_ids) == choice.everything:
        raise click.UsageError("name job ids, or say --all")
    return choice


async def _each(
    shell: Shell,
    choice: Choice,
    meant: Sequence[str],
    act: Callable[[str], Awaitable[object]],
    *,
    verb: str,
) -> Exit:
    """Do one thing to each. One that can't be is reported and does not stop the rest."""
    done: list[str] = []
    faults: list[CotizaError] = []
    for job_id in meant:
        try:
            if not choice.dry_run:
                await act(job_id)
            done.append(job_id)
        except (NotFound, Conflict) as error:
            if len(choice.job_ids) == 1:
                raise
            faults.append(error)
    if shell.as_json:
        failed = [{"code": fault.code, "message": fault.message} for fault in faults]
        shell.json({verb: done, "failed": failed, "dryRun": choice.dry_run})
        return Exit.FAILED if faults else Exit.OK
    for job_id in done:
        shell.out.print(render.text(job_id))
    shell.out.print(render.text(f"{len(done):,} {'would be ' * choice.dry_run}{verb}"))
    for fault in faults:
        shell.err.print(render.error_line(fault))
    return Exit.FAILED if faults else Exit.OK


async def _meant(queue: Queue, choice: Choice) -> list[str]:
    """The job ids, all known before the first is touched, so that a replayed one is not met
    again.
    """
    if not choice.everything:
        return list(choice.job_ids)
    found: list[str] = []
    cursor: str | None = None
    while len(found) < choice.limit:
        letters, cursor = await queue.dead_letters(
            job_type=choice.job_type, tenant=choice.tenant, limit=PAGE, cursor=cursor
        )
        found += [letter.job_id for letter in letters if choice.code in (None, _code(letter))]
        if cursor is None:
            break
    return found[: choice.limit]


def _code(letter: DeadLetter) -> str:
    return letter.failures[-1].code if letter.failures else ""


def _listing(shell: Shell, found: Sequence[DeadLetter]) -> Table:
    table = render.table("job", "type", "died", "cause", right=("died",), fold=("job",))
    for letter in found:
        table.add_row(
            render.text(letter.job_id),
            render.text(letter.type),
            render.text(shell.ago(letter.died_ms)),
            render.text(_code(letter), "red"),
        )
    return table


def _portrait(shell: Shell, letter: DeadLetter) -> Group:
    return Group(
        render.facts(
            ("job", letter.job_id),
            ("type", letter.type),
            ("tenant", letter.tenant),
            ("created", shell.moment(letter.created_ms)),
            ("died", shell.moment(letter.died_ms)),
            ("priority", letter.priority or "normal"),
        ),
        render.heading("payload"),
        render.indented(letter.payload),
        render.heading("options"),
        render.indented(dict(letter.options)),
        render.heading("failed attempts"),
        failures(letter.failures),
        Text(),
        render.text(f"To run it again: {shell.hint(f'dlq replay {letter.job_id}')}", "dim"),
    )
