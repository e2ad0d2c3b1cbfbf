"""What a planted bug is."""

from __future__ import annotations

from typing import NamedTuple

from cotiza_queue.model import outcome
from stateful.bench import Decide, Patch


class Mutation(NamedTuple):
    """One planted bug."""

    name: str
    patches: tuple[Patch, ...]
    decide: Decide = outcome.decide


def one(name: str, path: str, old: str, new: str) -> Mutation:
    """A bug of one patch."""
    return Mutation(name, (Patch(path, old, new),))
