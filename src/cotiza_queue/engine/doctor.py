"""The doctor: is the server fit, and does all that the queues hold agree with itself?

Works on a live queue: each page is judged at one moment by one script, and a finding counts only if
it is still there at a second look. ``fix`` puts right what the second look finds, and looks again.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec

from ..clock import Clock
from ..errors import QueueUnavailable
from ..store.audit import Audit, Page, Row
from ..store.library import library
from ..store.link import Link
from ..store.server import facts
from .checkup import Verdict, refusal, verdicts

SETTLE_S = 0.5
"""Between the two looks at a finding."""
ROUNDS = 4
"""So often a repair looks again: one repair may bring up what another damage had hidden."""
KEPT = 1_000
"""Findings that are told one by one; all are counted."""

TOO_MUCH = frozenset({"?counters", "?unread"})
"""Rows that say that something was not looked at, since it is too much for one look."""

CHECKS: dict[str, tuple[str, str]] = {
    "wrong_type": ("keys are of their type", "removes the foreign value"),
    "inbox": ("what has just come is jobs", "removes what is none"),
    "broken_job": ("jobs are complete", "removes what can't be run or shown"),
    "lost_job": ("open jobs are where a worker finds them", "puts them before their lane"),
    "delayed": ("delayed jobs are in the order of their moments", "enters or removes them"),
    "index": ("jobs are in their listings", "enters or removes them"),
    "tag": ("jobs are in the listings of their tags", "enters them"),
    "retention": ("ended jobs are kept for their time", "enters or removes them"),
    "result": ("only completed jobs have a result", "removes the result"),
    "dangling": ("lists name what is there", "removes the name"),
    "orphan": ("nothing is left of jobs that are gone", "removes it"),
    "unique": ("unique keys are held by jobs that use them", "frees the key"),
    "endless": ("what goes by itself has an end", "gives it a day"),
    "ghost": ("lanes hold only what somebody runs or will", "removes the entry"),
    "dead_letter": ("dead letters and their index agree", "names or removes them"),
    "schedule": ("schedules are listed", "lists them"),
    "unread_lane": ("lanes with jobs are read", "has them read"),
    "stuck_line": ("tenants' lines move on", "has the next turn look at it"),
    "counter": ("counters equal a recount", "sets them"),
    "unknown_key": ("every key is one of ours", "nothing: look who writes it"),
    "unannounced": ("every queue is on the list of types", "puts it there"),
}
"""Code of a finding → what is checked, and what a repair does."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong. ``subject``: a job's id, or a key without its queue's prefix."""

    queue: str
    code: str
    subject: str
    detail: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """``counts``: findings by code, all of them; ``findings``: at most KEPT. ``repaired``: what was
    put right, if that was asked for; ``findings`` are then what is left. ``skipped``: queues of
    which something was too much for one look: counters, or a long lane. ``looked``: False if Redis
    has refused to let the queues be looked at; ``findings`` are then what was found before, and
    ``server`` says why.
    """

    server: list[Verdict]
    findings: list[Finding]
    counts: dict[str, int]
    repaired: list[Finding] = []
    queues: int = 0
    pages: int = 0
    skipped: list[str] = []
    looked: bool = True

    @property
    def clean(self) -> bool:
        """Nothing is wrong: warnings about the server's settings don't count."""
        return not self.counts and all(one.level != "fail" for one in self.server)


async def examine(link: Link, clock: Clock, *, fix: bool = False) -> Report:
    """Look at everything. Raises QueueUnavailable if the server can't be reached, or does not even
    tell the time; AccessRefused.
    """
    about = await facts(link.connection)
    server = verdicts(about, library().name, clock.now_ms())
    repaired: dict[Finding, None] = {}
    visit, looked = _Visit(link), True
    try:
        await visit.look()
        for _ in range(ROUNDS if fix else 0):
            if not (done := await visit.repair()):
                break
            repaired |= dict.fromkeys(done[: KEPT - len(repaired)])
            visit = await _Visit(link).look()
    except QueueUnavailable as error:
        if not error.said:
            raise
        server, looked = [*server, refusal(error)], False
    return Report(
        server=server,
        findings=visit.findings,
        counts=dict(visit.counts),
        repaired=list(repaired),
        queues=len(visit.audit.queues),
        pages=visit.audit.looked,
        skipped=sorted(set(visit.skipped)),
        looked=looked,
    )


class _Visit:
    """One walk over everything, with the second look."""

    def __init__(self, link: Link) -> None:
        self.audit = Audit(link.connection)
        self.findings: list[Finding] = []
        self.counts: Counter[str] = Counter()
        self.skipped: list[str] = []
        self._told: set[Finding] = set()
        self._suspects: dict[Page, set[Row]] = {}

    async def look(self) -> _Visit:
        announced = await self.audit.announced()
        async for page, rows in self.audit.pages():
            self.skipped += [page.job_type for row in rows if row.code in TOO_MUCH]
            if found := {row for row in rows if not row.code.startswith("?")}:
                self._suspects[page] = found
        if self._suspects:
            await asyncio.sleep(SETTLE_S)
        for page, before in self._suspects.items():
            for row in await self.audit.judge(page, fix=False):
                if row in before:
                    self._find(Finding(page.job_type, *row))
        for job_type, names in self.audit.queues.items():
            for name in names.strangers:
                self._find(Finding(job_type, "unknown_key", name, "no part of a queue"))
            if job_type not in announced:
                text = "it has keys, and no listing shows it"
                self._find(Finding(job_type, "unannounced", job_type, text))
        return self

    def _find(self, finding: Finding) -> None:
        if finding in self._told:  # counters of tenants in lanes are on each page of tenants
            return
        self._told.add(finding)
        self.counts[finding.code] += 1
        if len(self.findings) < KEPT:
            self.findings.append(finding)

    async def repair(self) -> list[Finding]:
        """Put right what is still wrong; each script looks again before it writes."""
        done: list[Finding] = []
        for page in self._suspects:
            rows = await self.audit.judge(page, fix=True)
            done += [Finding(page.job_type, *row) for row in rows if not row.code.startswith("?")]
        for finding in self.findings:
            if finding.code == "unannounced":
                await self.audit.announce(finding.queue)
                done.append(finding)
        for job_type in {finding.queue for finding in done}:
            # A job that was moved is counted where it is now.
            for page in self.audit.counters(job_type):
                await self.audit.judge(page, fix=True)
        return done
