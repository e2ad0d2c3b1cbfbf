"""What our child processes run; it has a file of its own because they must be able to import it."""

from __future__ import annotations

from .protocol import burn


def compute(progress: object, rounds: int) -> int:
    """``progress`` is what a long function would report with."""
    return burn(rounds)
