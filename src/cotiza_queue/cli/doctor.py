"""``doctor``: is the server fit, and is every key of every queue accounted for?"""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec
from rich.table import Table

from ..engine.checkup import Verdict
from ..engine.doctor import CHECKS, Finding, Report
from . import render
from .shell import Exit, Shell, command

SHOWN = 20
"""Findings shown one by one; ``--json`` has up to 1,000."""
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@click.command(short_help="Check the server and every key of every queue; repair with --fix.")
@click.option("--fix", is_flag=True, help="Put right what is found. Safe on running queues.")
@command
async def doctor(shell: Shell, *, fix: bool) -> Exit:
    """Check the server's settings, and that every key of every queue is accounted for.

    Works on running queues; a finding counts only if it is still there at a second look.

    \b
    Exit codes: 0 nothing is wrong, 1 something is;
    2, 5 or 78 it could not look (wrong usage, Redis away, Redis does not let us in).
    """
    async with shell.queue() as queue:
        report = await queue.doctor(fix=fix)
    if shell.as_json:
        shell.json({"clean": report.clean, **msgspec.to_builtins(report)})
        return _exit(report)
    shell.out.print(_server(report.server))
    shell.out.print()
    if report.looked:
        shell.out.print(_queues(report))
    else:
        shell.out.print(render.text("The queues were not looked at: Redis refuses it.", "bold red"))
    for heading, findings in (("Put right", report.repaired), ("Wrong", report.findings)):
        if findings:
            shell.out.print()
            shell.out.print(render.text(f"{heading}:", "bold"))
            shell.out.print(_listed(findings[:SHOWN]))
        if len(findings) > SHOWN:
            shell.out.print(render.text(f"… and {len(findings) - SHOWN:,} more: --json", "dim"))
    if report.counts and not fix:
        shell.out.print()
        shell.out.print(render.text(f"To repair: {shell.hint('doctor --fix')}"))
    return _exit(report)


def _exit(report: Report) -> Exit:
    return Exit.OK if report.clean else Exit.FAILED


def _server(verdicts: Sequence[Verdict]) -> Table:
    table = render.table("server", "", "", "remedy", fold=("remedy",))
    for one in verdicts:
        level = render.text(one.level, _STYLES[one.level])
        table.add_row(render.text(one.check), level, render.text(one.text), one.remedy)
    return table


def _queues(report: Report) -> Table:
    table = render.table("queues", "", "", "a repair", fold=("a repair",))
    for code, (check, repair) in CHECKS.items():
        n = report.counts.get(code, 0)
        level = render.text("fail", _STYLES["fail"]) if n else render.text("ok", _STYLES["ok"])
        found = render.number(n) if n else render.text("")
        table.add_row(render.text(check), level, found, render.text(repair if n else ""))
    for name in report.skipped:
        word = render.text("warn", _STYLES["warn"])
        why = "not all of its counters and lanes were compared: too much for one look"
        table.add_row(render.text(name), word, "", render.text(why))
    return table


def _listed(findings: Sequence[Finding]) -> Table:
    table = render.table("queue", "check", "what", "how", fold=("how",))
    for one in findings:
        table.add_row(*map(render.text, (one.queue, one.code, one.subject, one.detail)))
    return table
