"""Retention by bytes, in the model: what the ended jobs hold, and which of them go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .nouns import Job
    from .oracle import Model
    from .snapshot import Snapshot

FINAL = ("completed", "failed", "cancelled")


def size(job: Job) -> int:
    """Bytes of its payload and its result."""
    return len(job.intake.body) + len(job.result or b"")


def kept(model: Model) -> list[Job]:
    """The ended jobs, those that expire first first."""
    ended = [job for status in FINAL for job in model.ended(status)]
    return sorted(ended, key=lambda job: job.expires)


def shed(model: Model, limit: int) -> int:
    """Remove at most so many, until the rest fits. How many went."""
    most, removed = model.caps[""].retain_bytes, 0
    ended = kept(model)
    over = sum(map(size, ended)) - most if most is not None else 0
    for job in ended[: max(0, limit)]:
        if over <= 0:
            break
        over -= size(job)
        model.drop(job)
        removed += 1
    return removed


def sizes(model: Model, found: Snapshot) -> Iterator[tuple[str, str]]:
    """The counter is the sum of what is there, and each job knows its own part of it."""
    counted = int(found.hashes.get("counts", {}).get("kept_bytes", 0))
    if counted != (held := sum(map(size, kept(model)))):
        yield "G2", f"{counted} bytes are counted as kept, {held} are"
    for job in model.jobs.values():
        told = found.hashes[f"job:{job.id}"].get("size")
        if told != str(size(job)):
            yield "G2", f"{job.id} has {size(job)} bytes and says {told}"
