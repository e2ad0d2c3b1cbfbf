"""How long one call of our scripts keeps the server busy, in CPU time of its own: what else the
machine does meanwhile is not in it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from cotiza_queue import JobOptions
from cotiza_queue.engine import pruner
from cotiza_queue.model.policy import KeepFor
from cotiza_queue.store.commands import Settlement

from .. import ceiling, wire
from ..figures import Column, Measured, Scenario
from ..processes import Failed, cpu_s
from ..rivals.cotiza import NAME
from ..stage import Stage

JOBS = 20_000
PAGE = 100
"""Jobs of a call, the most that the engine sends and takes."""
TENANTS = [f"t{n}" for n in range(10_000)]
KEPT_S = 1
WEEK_MS, HOUR_MS = 604_800_000, 3_600_000


def calls(stage: Stage) -> Measured:
    """The longest calls of four situations, one under way at a time."""
    found: Measured = {}
    plain = _Caller(stage)
    plain.enqueue("enqueue", JobOptions(remove_on_complete=KeepFor(age=KEPT_S)))
    plain.drain("turn")
    time.sleep(KEPT_S + 0.1)
    plain.prune("prune")
    many = _Caller(stage)
    many.enqueue("enqueue_tenants", tenants=TENANTS)
    many.drain("turn_tenants")
    due = _Caller(stage)
    due.enqueue("enqueue_delayed", JobOptions(delay=1))
    due.drain("turn_due")
    for caller in (plain, many, due):
        found |= caller.longest_ms
    return found


class _Caller:
    """A client on an empty server."""

    def __init__(self, stage: Stage) -> None:
        self._pid, self._jobs = stage.server.pid, stage.jobs(JOBS)
        stage.server.flush()
        wire.load(stage.server)
        self._line = wire.Wire(stage.server)
        self.longest_ms: Measured = {}

    def _time(self, name: str, turning: wire.Turning) -> Any:
        before = cpu_s(self._pid)
        answer = wire.call(turning)
        spent = 1000 * (cpu_s(self._pid) - before)
        self.longest_ms[name] = max(spent, self.longest_ms.get(name, 0.0))
        return answer

    def enqueue(
        self, name: str, options: JobOptions = ceiling.PLAIN, tenants: Sequence[str] = ("t0",)
    ) -> None:
        for page in ceiling.pages(self._jobs, PAGE, tenants, options):
            self._time(name, self._line.commands.enqueue(NAME, page))

    def drain(self, name: str) -> None:
        """As a worker does: a call settles what the one before has brought, and takes."""
        done, outcomes = 0, list[Settlement]()
        limit_s = time.monotonic() + 60
        while done < self._jobs:
            turning = self._line.commands.turn(NAME, ceiling.WORKER, PAGE, outcomes)
            turn = self._time(name, turning)
            done += len(outcomes)
            outcomes = [Settlement("complete", d.stored, d.token, b"1") for d in turn.deliveries]
            if time.monotonic() > limit_s:
                raise Failed(f"{self._jobs - done} jobs never came")

    def prune(self, name: str) -> None:
        commands = self._line.commands
        while self._time(name, commands.prune(NAME, pruner.PAGE, WEEK_MS, HOUR_MS)):
            pass


SCENARIOS = (
    Scenario(
        "calls",
        "The longest calls, in CPU time of the server",
        (
            Column("enqueue", "enqueue 100", "ms", digits=1),
            Column("turn", "settle and take 100", "ms", digits=1),
            Column("enqueue_tenants", "enqueue, 10,000 tenants", "ms", digits=1),
            Column("turn_tenants", "settle and take, 10,000 tenants", "ms", digits=1),
            Column("enqueue_delayed", "enqueue delayed", "ms", digits=1),
            Column("turn_due", "settle and take while all are due", "ms", digits=1),
            Column("prune", "prune", "ms", digits=1),
        ),
        calls,
        "20,000 jobs each; at most 100 of a call, as the engine does. Measured on the server's own "
        "clock of CPU time, one call under way.",
        "own",
    ),
)
