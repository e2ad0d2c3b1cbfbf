"""What must hold of the indexes: each job in the one of its class of statuses and in those of its
tags, at its place in the order of coming; in everybody's too.
"""

from __future__ import annotations

from collections.abc import Iterator

from .oracle import Job, Model
from .snapshot import Snapshot

CLASSES = {"waiting": "open", "active": "open"}


def index_names(job: Job) -> list[str]:
    """Every index that the job must be in."""
    tenant, class_ = job.intake.tenant, CLASSES.get(job.status, job.status)
    tags = [f"tag:{tenant}/{tag}" for tag in job.intake.tags]
    return ["index", f"index:{tenant}", f"class:{class_}", *tags]


def indexes(model: Model, found: Snapshot) -> Iterator[tuple[str, str]]:
    wanted: dict[str, dict[str, float]] = {}
    for job in model.jobs.values():
        for name in index_names(job):
            wanted.setdefault(name, {})[job.id] = float(job.seq)
    for name in [name for name in wanted if name.startswith(("index:", "class:"))]:
        wanted[name] = {f"{place:.0f}": place for place in wanted[name].values()}
    heads = ("index", "class", "tag")
    there = {n: z for n, z in found.zsets.items() if n.partition(":")[0] in heads}
    for name in sorted({*there, *wanted}):
        if there.get(name) != wanted.get(name):
            yield "A15", f"{name} holds {there.get(name)} instead of {wanted.get(name)}"
