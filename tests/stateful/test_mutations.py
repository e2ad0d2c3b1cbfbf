"""A slice of the mutation gate: planted bugs that the first few hundred steps must find."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stateful.bench import build
from stateful.mutations import MUTATIONS, Mutation, hunt
from stateful.server import Missing, TimedServer, timed_server

SEED = 1
QUICK = (
    "renewal that steals",
    "sweep that takes all",
    "promote without removal",
    "non-idempotent enqueue",
    "retention that forgets an index",
    "pause that nobody minds",
)
CHOSEN = [mutation for mutation in MUTATIONS if mutation.name in QUICK]


@pytest.fixture(scope="module")
def server() -> Iterator[TimedServer]:
    """The embedded one's binary, with a clock that stands still."""
    try:
        with timed_server("valkey") as running:
            yield running
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("mutation", CHOSEN, ids=lambda mutation: mutation.name)
def test_a_planted_bug_is_caught(server: TimedServer, mutation: Mutation) -> None:
    assert hunt(server, mutation, SEED).code


def test_every_planted_bug_still_fits_the_sources() -> None:
    assert len(CHOSEN) == len(QUICK)
    names = {build(mutation.patches).name for mutation in MUTATIONS if mutation.patches}
    assert len(names) == len([mutation for mutation in MUTATIONS if mutation.patches])
