"""``status``, ``pause``, ``resume``, ``schedules``: the queues as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from ..model.job import QueueMetrics
from . import plain, render
from .shell import Shell, command, redacted


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


@click.command(short_help="Stop handing out jobs of a type.")
@click.argument("job_type", metavar="TYPE")
@command
async def pause(shell: Shell, job_type: str) -> None:
    """Stop handing out jobs of TYPE. Running ones go on; new ones wait. Survives restarts."""
    async with shell.queue() as queue:
        await queue.pause(job_type)
    shell.say(
        f"{job_type} is paused: its jobs wait until you resume it.", type=job_type, paused=True
    )


@click.command(short_help="Hand out jobs of a type again.")
@click.argument("job_type", metavar="TYPE")
@command
async def resume(shell: Shell, job_type: str) -> None:
    """Hand out jobs of TYPE again."""
    async with shell.queue() as queue:
        await queue.resume(job_type)
    shell.say(f"{job_type} runs again.", type=job_type, paused=False)


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
    return render.text(f"{len(workers)}, running {busy} job{'' if busy == 1 else 's'}")


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
