"""How figures and texts look."""

from __future__ import annotations

import pytest

from cotiza_queue.cli import render


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1.0 s"),
        (59_900, "59.9 s"),
        (60_000, "1 min"),
        (7_200_000, "2 h"),
        (172_800_000, "2 d"),
    ],
)
def test_a_span_has_the_unit_that_suits_it(milliseconds: int, shown: str) -> None:
    assert render.span(milliseconds) == shown


@pytest.mark.parametrize(
    ("moment", "shown"),
    [(1_000_000, "0s"), (940_000, "1m"), (1_059_999, "in 59s"), (None, "–")],
)
def test_moments_are_told_from_now(moment: int | None, shown: str) -> None:
    assert render.ago(moment, 1_000_000) == shown
