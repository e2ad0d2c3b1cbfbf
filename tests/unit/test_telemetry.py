"""What is told of a trouble that lasts: enough to see it, and not a line for each try."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cotiza_queue.telemetry import AGAIN_S, Silent, Sparing
from cotiza_queue.testing import FakeClock


class Told(Silent):
    """Keeps what was told."""

    def __init__(self) -> None:
        self.all: list[tuple[str, dict[str, Any]]] = []

    def say(self, name: str, **fields: Any) -> None:
        self.all.append((name, fields))

    def warn(self, name: str, **fields: Any) -> None:
        self.all.append((name, fields))


def test_a_trouble_is_told_at_once_then_once_a_minute_with_how_often_it_was_met() -> None:
    told, clock = Told(), FakeClock()
    sparing = Sparing(told, clock)
    for _ in range(5):
        sparing.warn("role.failed", role="leases", error="away")
    clock.advance(timedelta(seconds=AGAIN_S - 1))
    sparing.warn("role.failed", role="pruner", error="away")
    assert [fields["times"] for _, fields in told.all] == [1]
    clock.advance(timedelta(seconds=1))
    sparing.warn("role.failed", role="reclaimer", error="away")
    assert [fields["times"] for _, fields in told.all] == [1, 6]
    clock.advance(timedelta(seconds=AGAIN_S))
    sparing.warn("role.failed", role="reclaimer", error="away")
    assert [fields["times"] for _, fields in told.all] == [1, 6, 1]


def test_another_trouble_and_all_else_is_told_each_time() -> None:
    told, clock = Told(), FakeClock()
    sparing = Sparing(told, clock)
    for error in ("away", "full"):
        for name in ("a", "b"):
            sparing.warn("turn.failed", type=name, error=error)
    assert len(told.all) == 4
    for _ in range(3):
        sparing.say("turn.recovered", type="a")
        sparing.warn("job.returned", job="1")
        sparing.say("worker.ready")
    assert len(told.all) == 4 + 1 + 6
    assert "times" not in told.all[-1][1]


def test_troubles_that_all_differ_are_not_remembered_without_end() -> None:
    told, clock = Told(), FakeClock()
    sparing = Sparing(told, clock)
    for n in range(1000):
        sparing.warn("turn.failed", type="a", error=f"line {n}")
    assert len(told.all) == 1000
    assert len(sparing._met) == 100
