"""What we want to reach, and whether a run has: ``./run bench --targets``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .report import OWN, compare
from .results import Results

NODE = ("bullmq", "bull")
WITH_BULK = ("streaq", *NODE)


class Goal(NamedTuple):
    """``measure``: the figure, None if the run has not got it; ``least``: it must not be below,
    else not above.
    """

    text: str
    unit: str
    limit: float
    least: bool
    measure: Callable[[Results], float | None]


def show(results: Results) -> list[list[str]]:
    """A head and a row a goal: what is wanted, what was measured, whether that is met."""
    rows = [["", "wanted", "measured", ""]]
    for goal in GOALS:
        found = goal.measure(results)
        sign = "≥" if goal.least else "≤"
        wanted = f"{sign} {goal.limit:g} {goal.unit}".rstrip()
        if found is None:
            rows.append([goal.text, wanted, "–", ""])
            continue
        met = found >= goal.limit if goal.least else found <= goal.limit
        shown = f"{found:,.2f} {goal.unit}".rstrip()
        rows.append([goal.text, wanted, shown, "met" if met else "MISSED"])
    return rows


def times(scenario: str, rivals: Sequence[str], limit: float, text: str) -> Goal:
    """So many times better than the best of some rivals."""

    def measure(results: Results) -> float | None:
        there = [rival for rival in rivals if rival in results.entrants]
        found = [compare(results, results.scenario(scenario), rival) for rival in there]
        known = [factor for factor in found if factor is not None]
        return min(known, default=None)

    return Goal(text, "×", limit, True, measure)


def share(scenario: str, column: str, rival: str, limit: float, text: str) -> Goal:
    """Our figure as a part of a rival's."""

    def measure(results: Results) -> float | None:
        ours = results.spread(scenario, OWN, column)
        theirs = results.spread(scenario, rival, column)
        return ours.median / theirs.median if ours and theirs else None

    return Goal(text, "×", limit, False, measure)


def own(scenario: str, column: str, limit: float, text: str, unit: str = "") -> Goal:
    """Our own figure, not to be above."""

    def measure(results: Results) -> float | None:
        found = results.spread(scenario, OWN, column)
        return found.median if found else None

    return Goal(text, unit, limit, False, measure)


GOALS = (
    times("drain", ("streaq",), 30, "drain: times streaq"),
    times("drain", ("saq",), 15, "drain: times saq"),
    times("drain", ("dramatiq",), 10, "drain: times dramatiq"),
    times("drain", NODE, 2, "drain: times the best on Node"),
    times("drain-2", ("streaq",), 30, "drain, two workers: times streaq with two"),
    own("drain", "worker_us", 20, "worker CPU of a no-op job", "µs"),
    own("drain", "server_us", 16, "server CPU of a no-op job", "µs"),
    own("drain", "reads", 0.2, "round trips of a no-op job"),
    times("enqueue-50", ("streaq",), 7, "enqueue, 50 callers: times streaq"),
    times("enqueue-50", ("saq",), 4, "enqueue, 50 callers: times saq"),
    times("enqueue-50", NODE, 1.3, "enqueue, 50 callers: times the best on Node"),
    times("enqueue-1", ("streaq",), 2, "enqueue, one caller: times streaq"),
    times("bulk", WITH_BULK, 2, "enqueue, 500 a call: times the best"),
    share("idle", "p50", "streaq", 0.5, "idle latency: part of streaq's"),
    own("delayed", "p50", 5, "delayed jobs: late by, median", "ms"),
    own("delayed", "p99", 15, "delayed jobs: late by, 99 %", "ms"),
    own("delayed", "early", 0, "delayed jobs: too early", "jobs"),
    share("memory", "waiting", "streaq", 1, "memory of a waiting job: part of streaq's"),
    share("memory", "kept_empty", "streaq", 1, "memory of an ended job: part of streaq's"),
    own("drain", "rss_mib", 45, "worker memory", "MiB"),
)
