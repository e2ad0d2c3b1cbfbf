"""What must hold of checkpoints."""

from __future__ import annotations

from collections.abc import Iterator

from .oracle import Model
from .snapshot import Snapshot


def checkpoints(model: Model, found: Snapshot) -> Iterator[tuple[str, str]]:
    """What is saved is there, of those jobs only that may go on, and each says so of itself."""
    for job in model.jobs.values():
        there = found.hashes.get(f"checkpoints:{job.id}", {})
        wanted = {name: value.decode() for name, value in job.saved.items()}
        said = found.hashes[f"job:{job.id}"].get("saved", "")
        if there != wanted or said != ("1" if wanted else ""):
            yield "C14", f"{job.id} has saved {wanted}; there is {there}, its flag is {said!r}"
