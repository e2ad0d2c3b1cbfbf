"""What we want to reach, and whether a run has: ``./run bench --targets``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .report import OWN, compare
from .results import LONGEST, Results
from .targets import NODE, WAITING, WITH_BULK

HEAD = ["", "wanted", "measured", ""]


class Reached(NamedTuple):
    """``where``: which rival or workload the figure is of, where that is not said yet."""

    value: float
    where: str = ""


Measure = Callable[[Results], Reached | None]
"""None if the run has not got it."""


class Goal(NamedTuple):
    """``least``: the figure must not be below ``limit``, else not above."""

    text: str
    unit: str
    limit: float
    least: bool
    measure: Measure


def show(results: Results) -> list[list[str]]:
    """A head and a row a goal: what is wanted, what was measured, whether that is met."""
    return [HEAD, *(_row(goal, goal.measure(results)) for goal in GOALS)]


def _row(goal: Goal, found: Reached | None) -> list[str]:
    sign = "≥" if goal.least else "≤"
    wanted = f"{sign} {goal.limit:,g} {goal.unit}".rstrip()
    if found is None:
        return [goal.text, wanted, "–", ""]
    met = found.value >= goal.limit if goal.least else found.value <= goal.limit
    shown = f"{found.value:,.{_digits(goal)}f} {goal.unit}".rstrip()
    where = f" ({found.where})" if found.where else ""
    return [goal.text, wanted, shown + where, "met" if met else "MISSED"]


def _digits(goal: Goal) -> int:
    return 0 if goal.limit >= 1000 else 2 if goal.limit < 5 else 1


def times(scenario: str, rivals: Sequence[str], limit: float, text: str) -> Goal:
    """So many times better than the best of some rivals."""

    def measure(results: Results) -> Reached | None:
        there = [rival for rival in rivals if rival in results.entrants]
        found = [(compare(results, results.scenario(scenario), rival), rival) for rival in there]
        known = [Reached(factor, rival) for factor, rival in found if factor is not None]
        return _named(min(known, default=None), rivals)

    return Goal(text, "×", limit, True, measure)


def share(scenario: str, column: str, rivals: Sequence[str], limit: float, text: str) -> Goal:
    """Our figure as a part of the best rival's."""

    def measure(results: Results) -> Reached | None:
        ours = results.spread(scenario, OWN, column)
        theirs = [(results.spread(scenario, rival, column), rival) for rival in rivals]
        known = [Reached(each.median, rival) for each, rival in theirs if each]
        if not ours or not known:
            return None
        best = min(known)
        return _named(Reached(ours.median / best.value, best.where), rivals)

    return Goal(text, "×", limit, False, measure)


def _named(found: Reached | None, rivals: Sequence[str]) -> Reached | None:
    """Without the rival's name where it is the only one."""
    return found._replace(where="") if found and len(rivals) == 1 else found


def own(scenario: str, column: str, limit: float, text: str, unit: str = "") -> Goal:
    """Our own figure, not to be above."""
    return Goal(text, unit, limit, False, _median(scenario, column))


def own_least(scenario: str, column: str, limit: float, text: str, unit: str = "") -> Goal:
    """Our own figure, not to be below."""
    return Goal(text, unit, limit, True, _median(scenario, column))


def _median(scenario: str, column: str) -> Measure:
    def measure(results: Results) -> Reached | None:
        found = results.spread(scenario, OWN, column)
        return Reached(found.median) if found else None

    return measure


def longest(column: str, limit: float, text: str) -> Goal:
    """Ours in the worst of all workloads: the median of its rounds; the worst round stands beside
    it, in which the machine may have let the process wait.
    """

    def measure(results: Results) -> Reached | None:
        spreads = {
            scenario.name: results.spread(scenario.name, OWN, column)
            for scenario in results.scenarios
        }
        known = {name: spread for name, spread in spreads.items() if spread}
        if not known:
            return None
        name = max(known, key=lambda each: known[each].median)
        most = max(spread.most for spread in known.values())
        return Reached(known[name].median, f"{name}; {most:,.1f} in the worst round of all")

    return Goal(text, "ms", limit, False, measure)


def of_calls(limit: float, text: str) -> Goal:
    """The longest of the calls whose CPU time was measured one by one."""

    def measure(results: Results) -> Reached | None:
        columns = results.scenario("calls").columns
        spreads = {column.title: results.spread("calls", OWN, column.name) for column in columns}
        known = [Reached(each.median, title) for title, each in spreads.items() if each]
        return max(known, default=None)

    return Goal(text, "ms", limit, False, measure)


def of_ceiling(limit: float, text: str) -> Goal:
    """Our drain as a part of what the same calls reach without a worker."""

    def measure(results: Results) -> Reached | None:
        ours = results.spread("drain", OWN, "rate")
        most = results.spread("ceiling", OWN, "rate")
        return Reached(100 * ours.median / most.median) if ours and most else None

    return Goal(text, "%", limit, True, measure)


GOALS = (
    times("drain", ("streaq",), 30, "drain: times streaq"),
    times("drain", ("saq",), 15, "drain: times saq"),
    times("drain", ("dramatiq",), 10, "drain: times dramatiq"),
    times("drain", NODE, 2, "drain: times the best on Node"),
    of_ceiling(50, "drain: part of our own ceiling"),
    own("drain", "worker_us", 20, "worker CPU of a no-op job", "µs"),
    own("drain", "server_us", 16, "server CPU of a no-op job", "µs"),
    own("drain", "reads", 0.2, "round trips of a no-op job, 100 slots"),
    own("drain-c32", "reads", 0.2, "round trips of a no-op job, 32 slots"),
    times("enqueue-50", ("streaq",), 7, "enqueue, 50 callers: times streaq"),
    times("enqueue-50", ("bullmq",), 2, "enqueue, 50 callers: times BullMQ (Node)"),
    times("enqueue-1", ("streaq",), 2, "enqueue, one caller: times streaq"),
    times("enqueue-1", ("bullmq",), 1, "enqueue, one caller: times BullMQ (Node)"),
    times("bulk", WITH_BULK, 2, "enqueue, 500 a call: times the best"),
    share("idle", "p50", WAITING, 0.7, "idle latency, median: part of the best one's"),
    own("delayed", "p50", 5, "delayed jobs: late by, median", "ms"),
    own("delayed", "p99", 15, "delayed jobs: late by, 99 %", "ms"),
    own("delayed", "early", 0, "delayed jobs: too early", "jobs"),
    share("memory", "waiting", ("streaq",), 1, "memory of a waiting job (300 B): part of streaq's"),
    share("memory", "kept", ("streaq",), 1, "memory of an ended job (300 B): part of streaq's"),
    own("tenants", "ratio", 1.3, "10,000 tenants: server CPU of a job, to that of one", "×"),
    own("tenants", "wall_ratio", 1.3, "10,000 tenants: time of a job, to that of one", "×"),
    own("newcomer", "place_1", 3, "newcomer behind 100,000: is taken as number"),
    own("newcomer", "place_100", 3, "newcomer behind 100,000: as number, 100 a call"),
    of_calls(5, "longest script call, CPU time of the server"),
    longest(LONGEST.name, 5, "longest script call of all workloads, by the clock"),
    longest("stall_cpu_ms", 20, "longest stall of a worker's loop, CPU time"),
    longest("stall_ms", 20, "longest stall of a worker's loop, by the clock"),
    own_least("post", "rate", 3_000, "POST /jobs, 50 connections, one process", "/s"),
    own("post", "p99", 30, "POST /jobs: 99 % of answers within", "ms"),
    own("fan-out", "readers", 1, "1,000 followers of events: connections to Redis"),
    own("drain", "rss_mib", 45, "worker memory", "MiB"),
)
