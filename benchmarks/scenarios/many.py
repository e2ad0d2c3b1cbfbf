"""Very many at once: tenants, waiting jobs, delayed jobs, jobs due at one instant."""

from __future__ import annotations

import time

from ..figures import Column, Measured, Scenario
from ..processes import Failed, until
from ..rivals.protocol import BULK
from ..stage import Stage
from .basics import RATE, fill

MILLION = 1_000_000
TENANTS = 10_000
INSTANT_JOBS = 100_000
DRAINED = 20_000
FAR_MS = 3_600_000
STANDING = [["HMGET", "{cq:bench}:counts", "waiting", "active"]]
PILED = (
    RATE,
    Column("server_us", "server CPU of a drained job", "µs/job", digits=1),
    Column("fill", "enqueued, 500 a call", "/s", "more"),
    Column("bytes", "memory", "B/job"),
)


def tenants(stage: Stage) -> Measured:
    """The jobs of ten thousand tenants, in turn, against the same jobs of one."""
    count = max(stage.jobs(40_000), TENANTS)
    found: Measured = {}
    for name, many in (("one", 1), ("many", TENANTS)):
        stage.server.flush()
        filled = fill(stage, count, tenants=many)
        drained = stage.drain(count)
        found |= {
            f"rate_{name}": 1 / (1 / filled["rate"] + 1 / drained["rate"]),
            f"server_{name}": filled["server_us"] + drained["server_us"],
        }
    return found | {
        "ratio": found["server_many"] / found["server_one"],
        "wall_ratio": found["rate_one"] / found["rate_many"],
    }


def waiting(stage: Stage) -> Measured:
    """Run some of a million."""
    count = stage.jobs(MILLION, 2 * BULK)
    return _piled(stage, count, delay_ms=0)


def delayed(stage: Stage) -> Measured:
    """Run some jobs while a million others are due in an hour."""
    count = stage.jobs(MILLION, 2 * BULK)
    return _piled(stage, count, delay_ms=FAR_MS)


def _piled(stage: Stage, count: int, delay_ms: int) -> Measured:
    before = stage.server.memory()
    filled = stage.enqueue(mode="bulk", count=count, delay_ms=delay_ms)
    memory = (stage.server.memory() - before) / count
    drained = min(stage.jobs(DRAINED), count // 2)
    if delay_ms:
        fill(stage, drained)
    rest = 0 if delay_ms else count - drained
    found = stage.drain(drained, left=STANDING, rest=rest)
    return {
        "rate": found["rate"],
        "server_us": found["server_us"],
        "fill": filled["rate"],
        "bytes": memory,
    }


def instant(stage: Stage) -> Measured:
    """All are due at the same moment; from then on until nothing is left."""
    count = stage.jobs(INSTANT_JOBS, 2 * BULK)
    ahead_s = max(5.0, count / 5_000)
    due = time.monotonic() + ahead_s
    stage.enqueue(mode="bulk", count=count, delay_ms=round(ahead_s * 1000), together=True)
    if time.monotonic() > due:
        raise Failed("the jobs were due before all of them were in")
    with stage.journal() as journal:
        with stage.working(journal, concurrency=stage.about.concurrency) as workers:
            until(lambda: journal.values("first"), workers, 2 * ahead_s)
            until(lambda: stage.server.counts(stage.about.left) == 0, workers, 180.0)
            ended = time.monotonic()
        first = journal.values("first")[0]
    return {
        "rate": count / (ended - first),
        "first_ms": (first - due) * 1000,
    }


SCENARIOS = (
    Scenario(
        "tenants",
        "Ten thousand tenants",
        (
            Column("rate_many", "jobs/s, 10,000 tenants", "/s", "more"),
            Column("rate_one", "jobs/s, one tenant", "/s", "more"),
            Column("server_many", "server CPU, 10,000", "µs/job", digits=1),
            Column("server_one", "server CPU, one", "µs/job", digits=1),
            Column("ratio", "server CPU, 10,000 to one", "×", digits=2),
            Column("wall_ratio", "time, 10,000 to one", "×", digits=2),
        ),
        tenants,
        "Jobs of tenants in turn, enqueued and then run: the whole life of a job.",
        "own",
    ),
    Scenario("million-waiting", "A million waiting", PILED, waiting, needs="own"),
    Scenario("million-delayed", "A million delayed", PILED, delayed, needs="own"),
    Scenario(
        "instant",
        "A hundred thousand due at one instant",
        (RATE, Column("first_ms", "first one late by", "ms", digits=1)),
        instant,
        needs="own",
    ),
)
