"""The model's part of versions: who waits apart from the lanes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .snapshot import Snapshot
from .violation import Violation

if TYPE_CHECKING:
    from .nouns import Job
    from .oracle import Model


KNOWS = {"w2": 2, "w3": 3, "w9": 9}
"""The newest version that a worker knows; of the others it is 1."""


def move(model: Model, found: Snapshot) -> None:
    """What is too new for the worker that met it stands before its lane, and later goes first."""
    for job in model.waiting():
        fields = found.hashes.get(f"job:{job.id}", {})
        job.apart = job.id in found.zsets.get("newer", {})
        if job.intake.version > 1:
            job.revived = True
            if fields.get("lane") == str(job.before):
                job.lane = job.before


def able(job: Job, worker_knows: int) -> bool:
    return job.intake.version <= worker_knows


def refuse(started: list[Job], worker_knows: int) -> None:
    """Raises Violation."""
    for job in started:
        if not able(job, worker_knows):
            raise Violation("G8", f"{job.id} of version {job.intake.version} was started")


def apart(model: Model, found: Snapshot) -> Iterator[tuple[str, str]]:
    """Those apart are waiting jobs that stand nowhere else; ``newer`` of meta is the least."""
    there = found.zsets.get("newer", {})
    for id_, version in there.items():
        job = model.jobs.get(id_)
        fields = found.hashes.get(f"job:{id_}", {})
        if job is None or job.status != "waiting" or fields.get("entry"):
            yield "G8", f"{id_} is put apart, and should not be"
        elif job.intake.version != version:
            yield "G8", f"{id_} is put apart as of version {version}"
    least = found.hashes.get("meta", {}).get("newer")
    wanted = f"{min(there.values()):.0f}" if there else None
    if least != wanted:
        yield "G8", f"the least version apart is {wanted}, said to be {least}"
