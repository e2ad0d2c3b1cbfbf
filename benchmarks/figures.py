"""Figures: what is measured, in which unit, which way is better; rounds, medians, spreads."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .stage import Stage

Measured = dict[str, float]
"""What one scenario found for one rival in one round, by the names of its columns."""


class Column(NamedTuple):
    """One figure of a scenario. ``better``: "more", "less", or "" where it is neither."""

    name: str
    title: str
    unit: str = ""
    better: str = "less"
    digits: int = 0


class Scenario(NamedTuple):
    """One workload. The first column is the one that charts and comparisons show."""

    name: str
    title: str
    columns: Sequence[Column]
    measure: Callable[[Stage], Measured]
    says: str = ""
    """What is measured, and how to read it."""
    needs: str = ""
    """A property that ``About`` must have (bulk, delayed), or "own" for what only we can do."""
    curve: str = ""
    """The columns are points of a curve; this names what grows along it."""


class Spread(NamedTuple):
    """The rounds of one figure."""

    median: float
    least: float
    most: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values), len(values))


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest rank."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]
