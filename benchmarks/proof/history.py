"""The checker: what all actors wrote down, merged by time, against what Redis holds at the end.

Each job's history is short, and tokens order its deliveries; so plain counting is exact.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec

from .common import Line


class Final(NamedTuple):
    """What Redis keeps of a job. ``result``: the token of the delivery that completed it;
    ``token``: that of the last delivery, or of a cancel or a reclaim after it.
    """

    status: str
    result: int | None
    token: int


class Verdict(msgspec.Struct, kw_only=True):
    """The counts of one history. Restart delays in seconds."""

    accepted: int
    completed: int
    dead: int
    cancelled: int
    left: int
    lost: int
    phantom: int
    early: int
    duplicate_executions: int
    duplicate_finals: int
    stale_accepted: int
    taken_after_cancel: int
    restarts_s: list[float]


def judge(lines: Iterable[Line], finals: Mapping[str, Final]) -> Verdict:
    """Ops: invoked, enqueued (``token`` of a delayed one: due in ms of ``t``'s clock), start, end,
    killed (``how``: the pid), cancelled, final (``how``: the event's name).
    """
    by_op: dict[str, list[Line]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: line.t):
        by_op[line.op].append(line)
    accepted = {line.job for line in by_op["enqueued"]}
    starts: dict[str, list[Line]] = defaultdict(list)
    for line in by_op["start"]:
        starts[line.job].append(line)
    statuses = Counter(final.status for final in finals.values())
    ends = Counter(line.job for line in by_op["final"])
    return Verdict(
        accepted=len(accepted),
        completed=statuses["completed"],
        dead=statuses["failed"],
        cancelled=statuses["cancelled"],
        left=statuses["waiting"] + statuses["active"] + statuses["delayed"],
        lost=len(accepted - set(finals)),
        phantom=len((set(starts) | set(finals)) - accepted),
        early=_early(by_op["enqueued"], starts),
        duplicate_executions=sum(_repeated(runs) for runs in starts.values()),
        duplicate_finals=sum(times - 1 for times in ends.values()),
        stale_accepted=sum(_stale(starts[job], final) for job, final in finals.items()),
        taken_after_cancel=_after(by_op["cancelled"], starts, finals),
        restarts_s=restarts(starts, by_op["end"], by_op["killed"]),
    )


def _repeated(runs: Sequence[Line]) -> int:
    """Runs beyond one for each attempt: a crash does not count as an attempt, but runs again."""
    return len(runs) - len({run.attempt for run in runs})


def _stale(runs: Sequence[Line], final: Final) -> bool:
    """A newer delivery had started, and yet an older one's result is kept."""
    return final.result is not None and any(run.token > final.result for run in runs)


def _early(enqueued: Iterable[Line], starts: Mapping[str, Sequence[Line]]) -> int:
    """Jobs that started before they were due, counted from before they were asked for."""
    return sum(
        bool(starts.get(line.job)) and starts[line.job][0].t < line.token / 1000
        for line in enqueued
        if line.token
    )


def _after(
    cancelled: Iterable[Line], starts: Mapping[str, Sequence[Line]], finals: Mapping[str, Final]
) -> int:
    """Runs of a delivery that was made after the job was cancelled. One that was on its way to the
    worker just then is not meant: it may begin, but the cancel has given the job a newer token.
    """
    return sum(
        run.t > line.t and line.job in finals and run.token >= finals[line.job].token
        for line in cancelled
        for run in starts.get(line.job, ())
    )


def restarts(
    starts: Mapping[str, Sequence[Line]], ends: Iterable[Line], kills: Iterable[Line]
) -> list[float]:
    """From a worker's death to the next start of each job that it had not settled. A job that had
    failed by itself is left out: that one waits for its backoff.
    """
    died = {int(line.how): line.t for line in kills}
    failed = {line.token for line in ends if line.how == "raised"}
    delays = []
    for runs in starts.values():
        for run, following in pairwise(runs):
            death = died.get(run.pid)
            if death is not None and run.token not in failed and following.t > death:
                delays.append(following.t - death)
    return sorted(delays)


def overlap(lines: Iterable[Line], kills: Iterable[Line]) -> dict[str, int]:
    """The most runs at one moment, of each tenant and ("") of all. A run ends with its end, or with
    its process.
    """
    died = {int(line.how): line.t for line in kills}
    kept = sorted((line for line in lines if line.op in ("start", "end")), key=lambda line: line.t)
    ended = {line.token: line.t for line in kept if line.op == "end"}
    moments: list[tuple[float, int, str]] = []
    for run in kept:
        if run.op == "start":
            end = ended.get(run.token, died.get(run.pid, float("inf")))
            moments += [(run.t, 1, run.tenant), (end, -1, run.tenant)]
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for _, change, tenant in sorted(moments):
        for name in ("", tenant):
            now[name] += change
            most[name] = max(most[name], now[name])
    return dict(most)
