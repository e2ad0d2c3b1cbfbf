"""The workloads that every queue has: enqueueing, draining, waiting for one job, delays, memory."""

from __future__ import annotations

from functools import partial

from ..figures import Column, Measured, Scenario
from ..stage import Stage, lateness

RATE = Column("rate", "jobs/s", "/s", "more")
SERVER = (
    Column("server_us", "server CPU", "µs/job", digits=1),
    Column("commands", "commands in the server", "/job", digits=2),
    Column("reads", "round trips", "/job", digits=3),
    Column("bytes", "bytes on the wire", "B/job"),
)
WORKER = (
    Column("rss_mib", "worker memory", "MiB"),
    Column("stall_ms", "longest stall of its loop", "ms", digits=1),
    Column("stall_cpu_ms", "that, in CPU time", "ms", digits=1),
)
ENQUEUE = (RATE, Column("client_us", "client CPU", "µs/job", digits=1), *SERVER)
DRAIN = (
    RATE,
    Column("worker_us", "worker CPU", "µs/job", digits=1),
    *SERVER,
    *WORKER,
)
LATENCY = (
    Column("p50", "median", "ms", digits=2),
    Column("p99", "99 %", "ms", digits=1),
)


FIRST = 200
"""Jobs before memory is measured: scripts, groups and connections are not paid by the job."""


def enqueue(stage: Stage, mode: str, callers: int) -> Measured:
    """Put jobs of 300 bytes in."""
    count = stage.jobs(stage.about.enqueue_jobs)
    return stage.enqueue(mode=mode, callers=callers, count=count)


def drain(stage: Stage, concurrency: int | None, processes: int) -> Measured:
    """Fill, then run it all."""
    count = stage.jobs(stage.about.drain_jobs)
    fill(stage, count)
    return stage.drain(count, concurrency, processes)


def fill(stage: Stage, count: int, **fields: object) -> Measured:
    """Put jobs in, the fastest way the rival has."""
    mode, callers = ("bulk", 1) if stage.about.bulk else ("many", 50)
    return stage.enqueue(mode=mode, callers=callers, count=count, **fields)


def idle(stage: Stage) -> Measured:
    """One job now and then, into a worker that waits."""
    late = stage.starts(mode="paced", count=stage.jobs(300, 50), interval_ms=20)
    found = lateness(late)
    return {"p50": found["p50"], "p99": found["p99"]}


def delayed(stage: Stage) -> Measured:
    """Jobs that are due one after the other."""
    count = stage.jobs(300, 50)
    return lateness(stage.starts(mode="delayed", count=count, delay_ms=2000))


def memory(stage: Stage) -> Measured:
    """What a job takes in Redis, waiting and ended, with 300 bytes of payload and with none."""
    count = stage.jobs(stage.about.drain_jobs)
    found: Measured = {}
    for name, pad in (("", 250), ("_empty", 0)):
        stage.server.flush()
        fill(stage, FIRST, pad=pad)
        stage.drain(FIRST)
        before = stage.server.memory()
        fill(stage, count, pad=pad)
        found[f"waiting{name}"] = (stage.server.memory() - before) / count
        stage.drain(count, already=FIRST)
        found[f"kept{name}"] = (stage.server.memory() - before) / count
    return found


MEMORY = (
    Column("waiting", "waiting, 300 B", "B"),
    Column("kept", "ended, 300 B", "B"),
    Column("waiting_empty", "waiting, empty", "B"),
    Column("kept_empty", "ended, empty", "B"),
)

SCENARIOS = (
    Scenario(
        "drain",
        "Drain, one worker",
        DRAIN,
        partial(drain, concurrency=None, processes=1),
        "No-op jobs with 300 bytes of payload, each engine at the better of 32 and 100 slots: from "
        "the first body to nothing left in Redis.",
    ),
    Scenario(
        "drain-c32",
        "Drain, one worker, 32 slots",
        DRAIN,
        partial(drain, concurrency=32, processes=1),
    ),
    Scenario(
        "drain-c100",
        "Drain, one worker, 100 slots",
        DRAIN,
        partial(drain, concurrency=100, processes=1),
    ),
    Scenario("drain-2", "Drain, two workers", DRAIN, partial(drain, concurrency=None, processes=2)),
    Scenario(
        "enqueue-1",
        "Enqueue, one caller",
        ENQUEUE,
        partial(enqueue, mode="one", callers=1),
        "One call after the other, each awaited.",
    ),
    Scenario(
        "enqueue-50",
        "Enqueue, 50 callers",
        ENQUEUE,
        partial(enqueue, mode="many", callers=50),
        "Fifty callers in one process, each awaiting its own call.",
    ),
    Scenario(
        "bulk",
        "Enqueue, 500 a call",
        ENQUEUE,
        partial(enqueue, mode="bulk", callers=1),
        needs="bulk",
    ),
    Scenario(
        "idle",
        "Idle latency",
        LATENCY,
        idle,
        "From the call of enqueue to the first line of the body, one job each 20 ms.",
    ),
    Scenario(
        "delayed",
        "Delayed jobs: how late",
        (*LATENCY, Column("early", "too early", "jobs")),
        delayed,
        "Due between two and four seconds ahead; too early: more than a millisecond before.",
        "delayed",
    ),
    Scenario(
        "memory",
        "Memory in Redis",
        MEMORY,
        memory,
        "used_memory per job; what is kept of an ended job differs, see the notes.",
    ),
)
