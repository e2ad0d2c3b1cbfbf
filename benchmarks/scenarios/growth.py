"""How the cost of a job grows with what is there already. Each column is one point of a curve."""

from __future__ import annotations

from ..figures import Column, Measured, Scenario
from ..stage import Stage
from .basics import fill

BACKLOGS = (1_000, 10_000, 100_000)
TENANTS = (1, 10, 100, 1_000, 10_000)
RETAINED = (0, 10_000, 50_000, 200_000)
WORKERS = (1, 2, 4)


def backlog(stage: Stage) -> Measured:
    """Run some jobs of a backlog that stays long."""
    drained = stage.jobs(stage.about.drain_jobs)
    found: Measured = {}
    for point in BACKLOGS:
        stage.server.flush()
        rest = stage.jobs(point)
        fill(stage, rest + drained)
        found[f"at_{point}"] = stage.drain(drained, rest=rest)["server_us"]
    return found


def retained(stage: Stage) -> Measured:
    """The same jobs again and again, while the ended ones pile up."""
    drained, ended = stage.jobs(stage.about.drain_jobs), 0
    found: Measured = {}
    for point in RETAINED:
        more = stage.jobs(point, 0) - ended
        if more > 0:
            fill(stage, more)
            stage.drain(more, already=ended)
            ended += more
        fill(stage, drained)
        found[f"at_{point}"] = stage.drain(drained, already=ended)["server_us"]
        ended += drained
    return found


def tenants(stage: Stage) -> Measured:
    """Jobs of tenants in turn."""
    drained = stage.jobs(stage.about.drain_jobs)
    found: Measured = {}
    for point in TENANTS:
        stage.server.flush()
        fill(stage, drained, tenants=point)
        found[f"at_{point}"] = stage.drain(drained)["server_us"]
    return found


def workers(stage: Stage) -> Measured:
    """The same jobs with more worker processes."""
    drained = stage.jobs(stage.about.drain_jobs)
    found: Measured = {}
    for point in WORKERS:
        stage.server.flush()
        fill(stage, drained)
        found[f"at_{point}"] = stage.drain(drained, processes=point)["rate"]
    return found


def _points(points: tuple[int, ...], unit: str, better: str) -> tuple[Column, ...]:
    digits = 1 if better == "less" else 0
    return tuple(Column(f"at_{n}", f"{n:,}", unit, better, digits) for n in points)


SCENARIOS = (
    Scenario(
        "growth-backlog",
        "Drain, server CPU, by jobs that wait behind",
        _points(BACKLOGS, "µs/job", "less"),
        backlog,
        needs="bulk",
        curve="jobs waiting",
    ),
    Scenario(
        "growth-workers",
        "Drain, jobs/s, by worker processes",
        _points(WORKERS, "/s", "more"),
        workers,
        needs="bulk",
        curve="workers",
    ),
    Scenario(
        "growth-retained",
        "Drain, server CPU, by ended jobs that are kept",
        _points(RETAINED, "µs/job", "less"),
        retained,
        needs="own",
        curve="ended jobs kept",
    ),
    Scenario(
        "growth-tenants",
        "Drain, server CPU, by tenants",
        _points(TENANTS, "µs/job", "less"),
        tenants,
        needs="own",
        curve="tenants",
    ),
)
