"""``status``, ``pause``, ``resume``, ``pauses``, ``schedules``: the queues as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from ..model.job import QueueMetrics
from . import plain, render
from .shell import Shell, command, redacted
from .spans import Span


@click.command(short_help="How the queues are: waiting, running, failed, and who works.")
@command
async def status(shell: Shell) -> None:
    """How the queues are: what waits, runs and failed, and which workers live."""
    async with shell.queue() as queue:
        url, round_trip = queue.url, await queue.ping()
        metrics = await queue.metrics()
        workers = await queue.workers()
    if shell.as_json:
        embedded = shell.settings.redis_url is None
        redis = {"url": redacted(url), "embedded": embedded, "roundTripMs": round_trip}
        shell.json({"redis": redis, "queues": metrics, "workers": workers})
        return
    shell.out.print(
        render.facts(
            ("Redis", f"{shell.where()} · {round_trip:.1f} ms"),
            ("Workers", _workers(workers)),
        )
    )
    shell.out.print()
    shell.out.print(_queues(metrics))


@click.command(short_help="Stop handing out jobs of a type, or of one tenant.")
@click.argument("job_type", metavar="TYPE")
@click.option("--tenant", metavar="ID", help="Only this tenant's; the others go on.")
@click.option("--for", "for_ms", type=Span(), help="Go on by itself after: 90s, 30m, 2h, 1d.")
@click.option("--reason", metavar="TEXT", help="Why; shown by status and pauses.")
@command
async def pause(
    shell: Shell, *, job_type: str, tenant: str | None, for_ms: int | None, reason: str | None
) -> None:
    """Stop handing out jobs of TYPE. Running ones go on; new ones wait. Survives restarts."""
    async with shell.queue() as queue:
        await queue.pause(job_type, tenant=tenant, for_ms=for_ms, reason=reason)
    until = "until you resume it" if for_ms is None else f"for {render.span(for_ms)}"
    shell.say(
        f"{_whose(job_type, tenant)} is paused: its jobs wait {until}.",
        **_told(job_type, tenant, paused=True),
    )


@click.command(short_help="Hand out jobs of a type, or of one tenant, again.")
@click.argument("job_type", metavar="TYPE")
@click.option("--tenant", metavar="ID", help="Only this tenant's.")
@command
async def resume(shell: Shell, *, job_type: str, tenant: str | None) -> None:
    """Hand out jobs of TYPE again."""
    async with shell.queue() as queue:
        await queue.resume(job_type, tenant=tenant)
    shell.say(f"{_whose(job_type, tenant)} runs again.", **_told(job_type, tenant, paused=False))


@click.command(short_help="Who is paused, since when, until when, and why.")
@command
async def pauses(shell: Shell) -> None:
    """Who is paused, since when, until when, and why."""
    async with shell.queue() as queue:
        found = await queue.pauses()
    if shell.as_json:
        shell.json({"items": [plain.pause(each) for each in found]})
        return
    if not found:
        shell.out.print(render.text("Nothing is paused."))
        return
    table = render.table("queue", "tenant", "since", "until", "reason", fold=("reason",))
    for each in found:
        until = "resumed" if each.until_ms is None else shell.ago(each.until_ms)
        owner = "all" if each.tenant is None else each.tenant
        texts = (each.type, owner, shell.ago(each.since_ms), until, each.reason or "")
        table.add_row(*map(render.text, texts))
    shell.out.print(table)


def _whose(job_type: str, tenant: str | None) -> str:
    return job_type if tenant is None else f"{job_type} of {tenant}"


def _told(job_type: str, tenant: str | None, *, paused: bool) -> dict[str, object]:
    owner = {} if tenant is None else {"tenantId": tenant}
    return {"type": job_type, **owner, "paused": paused}


@click.command(short_help="Which jobs are made again and again, and when next.")
@click.option("--tenant", metavar="ID", help="Only this tenant's.")
@command
async def schedules(shell: Shell, tenant: str | None) -> None:
    """Which jobs are made again and again, and when next."""
    async with shell.queue() as queue:
        found = await queue.schedules(tenant=tenant)
    if shell.as_json:
        shell.json({"items": [plain.schedule(each) for each in found]})
        return
    if not found:
        shell.out.print(render.text("No schedules."))
        return
    several = len({each.tenant for each in found}) > 1
    columns = ["schedule", *(["tenant"] if several else []), "type", "cron", "zone", "next"]
    table = render.table(*columns, "fired", right=("fired",), fold=("schedule",))
    for each in found:
        upcoming = "paused" if each.paused else shell.ago(each.next_ms)
        owner = [each.tenant] if several else []
        texts = (each.key or each.id, *owner, each.type, each.cron, each.timezone, upcoming)
        table.add_row(*map(render.text, texts), render.number(each.fired))
    shell.out.print(table)


def _workers(workers: Sequence[Mapping[str, Any]]) -> Text:
    if not workers:
        return render.text("none: nothing runs until you start cotiza-worker", "yellow")
    busy = sum(int(worker.get("running", 0)) for worker in workers)
    words = f"{len(workers)}, running {busy} job{'' if busy == 1 else 's'}"
    stuck = sum(not worker.get("ready", True) for worker in workers)
    if not stuck:
        return render.text(words)
    return render.text(
        f"{words}; {stuck} not ready: its queue can't be served, see its log", "yellow"
    )


def _queues(metrics: Sequence[QueueMetrics]) -> Table:
    numbers = ("waiting", "delayed", "active", "done", "failed", "dead", "p95")
    table = render.table("queue", *numbers, right=numbers)
    for each in metrics:
        name = Text.assemble(render.visible(each.name), (" ⏸" if each.paused else "", "yellow"))
        table.add_row(
            name,
            render.number(each.waiting),
            render.number(each.delayed),
            render.number(each.active),
            render.number(each.completed),
            render.number(each.failed),
            _alarming(each.dead_letters),
            render.span(each.p95) if each.completed else Text("–", style="dim"),
        )
    return table


def _alarming(count: int) -> Text:
    return Text(f"{count:,}", style="bold red" if count else "dim")
