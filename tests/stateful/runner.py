"""Games in batches, from a seed, until enough steps were played or an invariant broke."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import run_state_machine_as_test

from .bench import Bench
from .machine import Game

BATCH = 10
RULES_A_GAME = 50
SHRINKING_S = 8
"""How long a failing game may be cut down."""


def play(
    bench: Bench, first_seed: int, enough: Callable[[Bench], bool], *, shrink: bool = False
) -> None:
    """Play until ``enough`` (asked between batches). Raises what the failing game raised.

    The same seed plays the same games on any server. With ``shrink`` a failing game is first cut
    down to its shortest form and printed as the rules to call.
    """
    # Hypothesis has no setting for it; five minutes is its own choice.
    engine.MAX_SHRINKING_SECONDS = SHRINKING_S  # type: ignore[misc]
    bench.seed = first_seed
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    wanted = settings(
        max_examples=BATCH,
        stateful_step_count=RULES_A_GAME,
        phases=phases,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        verbosity=Verbosity.normal if shrink else Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    while not enough(bench):
        game = type("Game", (Game,), {"bench": bench})
        run_state_machine_as_test(seed(bench.seed)(game), settings=wanted)  # type: ignore[arg-type]
        bench.seed += 1
