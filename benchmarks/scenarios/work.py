"""Bodies that do something: they wait, compute, or carry much."""

from __future__ import annotations

from functools import partial

from ..figures import Column, Measured, Scenario
from ..stage import Stage
from .basics import RATE, WORKER

COLUMNS = (
    RATE,
    Column("worker_us", "worker CPU", "µs/job"),
    Column("server_us", "server CPU", "µs/job", digits=1),
    *WORKER,
)
CPU_ROUNDS = 80_000
LARGE_BYTES = 100_000


def busy(stage: Stage, count: int, do: str, amount: int = 0, pad: int = 250) -> Measured:
    """Fill with jobs of a kind, then run them all."""
    jobs = stage.jobs(count)
    if stage.about.slots == 1 and do == "sleep":
        jobs = min(jobs, 1000)
    stage.enqueue(mode="many", callers=50, count=jobs, do=do, amount=amount, pad=pad)
    return stage.drain(jobs, do=do)


SCENARIOS = (
    Scenario(
        "sleep-1ms",
        "Jobs that wait for 1 ms",
        COLUMNS,
        partial(busy, count=8_000, do="sleep", amount=1),
    ),
    Scenario(
        "sleep-20ms",
        "Jobs that wait for 20 ms",
        COLUMNS,
        partial(busy, count=4_000, do="sleep", amount=20),
        "At 100 slots no engine can do more than 5,000 a second, at 32 no more than 1,600.",
    ),
    Scenario(
        "compute",
        "Jobs that compute for about 5 ms",
        COLUMNS,
        partial(busy, count=500, do="cpu", amount=CPU_ROUNDS),
        "By each engine's own means, see the notes. Python and Node do not compute alike.",
    ),
    Scenario(
        "large",
        "Payloads and results of 100 kB",
        COLUMNS,
        partial(busy, count=1_000, do="echo", pad=LARGE_BYTES),
    ),
)
