"""``jobs``, ``show``, ``why``, ``retry``, ``cancel``: single jobs, of any tenant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import msgspec
from msgspec import UNSET
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..clock import iso
from ..errors import FieldError, InvalidInput
from ..model.job import Job
from ..model.outcome import Failure
from ..model.status import Status
from . import plain, render
from .shell import Shell, command

ACTOR = "cotiza-queue"
"""Who asks, in a job's history."""
WIDE = 100
"""Columns from which a listing also has the tenant and what the job is doing."""


@click.command(short_help="The newest jobs.")
@click.option("--type", "job_type", metavar="TYPE", help="Only jobs of this type.")
@click.option(
    "--status", type=click.Choice([each.value for each in Status]), help="Only jobs in this status."
)
@click.option("--tenant", metavar="ID", help="Only this tenant's.")
@click.option("--tag", metavar="TAG", help="Only jobs with this tag.")
@click.option(
    "--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many."
)
@click.option("--cursor", metavar="CURSOR", help="Where the last page ended.")
@command
async def jobs(
    shell: Shell,
    *,
    job_type: str | None,
    status: str | None,
    tenant: str | None,
    tag: str | None,
    limit: int,
    cursor: str | None,
) -> None:
    """The newest jobs first, a page at a time."""
    async with shell.queue() as queue:
        page = await queue.list(
            tenant,
            job_type=job_type,
            status=Status(status) if status else None,
            tag=tag,
            limit=limit,
            cursor=cursor,
        )
    if shell.as_json:
        shell.json(
            {"items": [plain.job(each) for each in page.items], "nextCursor": page.next_cursor}
        )
        return
    if not page.items:
        shell.out.print(render.text(shell.nothing("such jobs", page.next_cursor)))
    else:
        shell.out.print(_listing(shell, page.items))
    if page.next_cursor:
        shell.more(page.next_cursor)


@click.command(short_help="All that is known of a job.")
@click.argument("job_id", metavar="ID")
@command
async def show(shell: Shell, job_id: str) -> None:
    """All that is known of job ID: its times, payload, progress, result and failed attempts."""
    async with shell.queue() as queue:
        job = await queue.get(job_id)
    if shell.as_json:
        shell.json(plain.job_in_full(job))
        return
    shell.out.print(_portrait(shell, job))


@click.command(short_help="All that has happened to a job.")
@click.argument("job_id", metavar="ID")
@command
async def history(shell: Shell, job_id: str) -> None:
    """Every change of job ID's status, oldest first: when, by what verb, in whose hands."""
    async with shell.queue() as queue:
        entries = await queue.history(job_id)
    if shell.as_json:
        shell.json({"jobId": job_id, "items": [plain.history_entry(each) for each in entries]})
        return
    table = render.table("at", "cause", "status", "try", "worker", "what", right=("try",))
    for each in entries:
        told = [each.code, f"by {each.by}" if each.by else None]
        told += [f"{each.missing} entries are no longer kept" if each.missing else None]
        table.add_row(
            render.text(iso(each.at_ms)),
            render.text(each.cause),
            render.status(each.status),
            render.text("" if each.attempt is None else str(each.attempt)),
            render.text(each.worker or ""),
            render.text(", ".join(filter(None, told))),
        )
    shell.out.print(table)


@click.command(short_help="Why a job is not running.")
@click.argument("job_id", metavar="ID")
@command
async def why(shell: Shell, job_id: str) -> None:
    """Why job ID is not running now: the first thing that stands in its way."""
    async with shell.queue() as queue:
        found = await queue.why(job_id)
    if shell.as_json:
        answer = {"jobId": found.job_id, "cause": found.cause, "sentence": found.sentence}
        shell.json({**answer, "facts": found.wire_facts()})
        return
    shell.out.print(render.text(found.sentence))


@click.command(short_help="Run a failed or cancelled job again.")
@click.argument("job_id", metavar="ID")
@command
async def retry(shell: Shell, job_id: str) -> None:
    """Run job ID again, if it failed or was cancelled: same id, fresh attempts."""
    async with shell.queue() as queue:
        job = await queue.replay(job_id, by=ACTOR)
    shell.say(f"{job.id} is {job.status} again.", **plain.job(job))


@click.command(short_help="Stop a job, waiting or running.")
@click.argument("job_id", metavar="ID")
@command
async def cancel(shell: Shell, job_id: str) -> None:
    """Stop job ID, be it blocked, delayed, waiting or running."""
    async with shell.queue() as queue:
        job = await queue.cancel(job_id, by=ACTOR)
    if job.status is not Status.CANCELLED:
        shell.say(f"{job.id} is {job.status}; its worker was told to stop.", **plain.job(job))
    else:
        shell.say(f"{job.id} is cancelled.", **plain.job(job))


@click.command(short_help="Change a job that has not started.")
@click.argument("job_id", metavar="ID")
@click.option("--data", metavar="JSON", help="Its payload from now on, as a whole.")
@click.option("--priority", type=int, metavar="N", help="Lower runs first.")
@click.option("--delay", type=int, metavar="MS", help="Due so many milliseconds from now on.")
@command
async def change(
    shell: Shell, job_id: str, *, data: str | None, priority: int | None, delay: int | None
) -> None:
    """Give job ID, if it has not started, another payload, priority or moment."""
    async with shell.queue() as queue:
        job = await queue.change(
            job_id,
            payload=UNSET if data is None else _json(data),
            priority=UNSET if priority is None else priority,
            delay_ms=UNSET if delay is None else delay,
            by=ACTOR,
        )
    shell.say(f"{job.id} is changed; it is {job.status}.", **plain.job(job))


@click.command(short_help="Let a delayed or blocked job go at once.")
@click.argument("job_id", metavar="ID")
@command
async def promote(shell: Shell, job_id: str) -> None:
    """Let job ID wait for a slot at once, be it delayed or blocked."""
    async with shell.queue() as queue:
        job = await queue.promote(job_id, by=ACTOR)
    shell.say(f"{job.id} is {job.status}.", **plain.job(job))


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        field = FieldError("data", "must be JSON")
        raise InvalidInput(f"the payload is not JSON: {error}", fields=[field]) from None


def failures(found: tuple[Failure, ...]) -> RenderableType:
    """Failed attempts, oldest first: what went wrong, when, and what would help."""
    parts: list[RenderableType] = []
    for each in found:
        head = f"  attempt {each.attempt} · {iso(each.at)}"
        parts.append(render.text(head + (f" · {each.worker}" if each.worker else ""), "dim"))
        parts.append(
            Text.assemble(
                "  ", (render.visible(each.code), "red"), ": ", render.lines(each.message)
            )
        )
        if each.remedy:
            parts.append(render.text(f"  {each.remedy}", "italic"))
        if each.details:
            parts.append(render.indented(each.details))
    return Group(*parts)


def _listing(shell: Shell, items: Sequence[Job]) -> Table:
    columns = ["job", "type", "status", "try", "age"]
    rows = [
        [
            render.text(job.id),
            render.text(job.type),
            _status(job),
            render.text(f"{job.attempt}/{job.max_attempts}"),
            render.text(shell.ago(job.created_ms)),
        ]
        for job in items
    ]
    if shell.out.width >= WIDE:
        columns += ["tenant", "now"]
        for row, job in zip(rows, items, strict=True):
            row += [render.text(job.tenant), _now(shell, job)]
        render.fit_last(rows, shell.out.width)
    table = render.table(*columns, right=("try", "age"), fold=("job",))
    for row in rows:
        table.add_row(*row)
    return table


def _status(job: Job) -> Text:
    if job.status is Status.ACTIVE and job.progress.percentage:
        return Text.assemble(render.status(job.status), f" {job.progress.percentage:.0f}%")
    return render.status(job.status)


def _now(shell: Shell, job: Job) -> Text:
    """What a job is doing, or why it isn't, in a few words."""
    match job.status:
        case Status.ACTIVE:
            return render.text(job.progress.message or job.progress.step)
        case Status.DELAYED:
            cause = f" after {job.failure.code}" if job.failure else ""
            return render.text(f"{shell.ago(job.due_ms)}{cause}")
        case Status.FAILED if job.failure:
            return Text.assemble(
                (render.visible(job.failure.code), "red"), " ", render.visible(job.failure.message)
            )
        case Status.COMPLETED if job.started_ms and job.finished_ms:
            return render.text(f"took {render.span(job.finished_ms - job.started_ms)}", "dim")
    return Text("")


def _portrait(shell: Shell, job: Job) -> Group:
    took = job.finished_ms - job.started_ms if job.finished_ms and job.started_ms else None
    progress = f"{job.progress.percentage:.0f} % · {job.progress.step} · {job.progress.message}"
    parts: list[RenderableType] = [
        render.facts(
            ("job", job.id),
            ("type", job.type),
            ("tenant", job.tenant),
            ("status", render.status(job.status)),
            ("priority", job.priority or "normal"),
            ("attempt", f"{job.attempt} of {job.max_attempts}"),
            ("stalls", job.stalls or None),
            ("put off", f"{job.snoozed} times" if job.snoozed else None),
            ("deadline", shell.moment(job.deadline_ms)),
            ("tags", ", ".join(job.tags)),
            ("schedule", job.schedule_id),
            ("worker", job.worker),
            ("created", shell.moment(job.created_ms)),
            ("due", shell.moment(job.due_ms) if job.status is Status.DELAYED else None),
            ("started", shell.moment(job.started_ms)),
            ("ended", shell.moment(job.finished_ms)),
            ("took", None if took is None else render.span(took)),
            ("progress", progress.rstrip("· ") if job.progress.step else None),
        ),
        render.heading("payload"),
        render.indented(job.payload),
    ]
    if job.result is not None:
        parts += [render.heading("result"), render.indented(job.result)]
    if job.failures:
        parts += [render.heading("failed attempts"), failures(job.failures)]
    return Group(*parts)
