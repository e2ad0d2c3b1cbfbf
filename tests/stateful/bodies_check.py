"""What must hold of payloads: each is where its job's record says, and nothing of others is left
there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from .bench import BLOCK, BODY
from .oracle import Model
from .snapshot import Snapshot


def bodies(model: Model, found: Snapshot) -> Iterator[tuple[str, str]]:
    used: defaultdict[str, set[int]] = defaultdict(set)
    for job in model.jobs.values():
        spot, apart = found.hashes[f"job:{job.id}"].get("spot"), f"body:{job.id}"
        there = found.strings.get(apart)
        if spot is not None:
            if there is not None:
                yield "I20", f"{apart} is there, and the job's payload lies elsewhere"
            name, at = f"bodies:{job.seq - job.seq % BLOCK}", int(spot)
            there = dict(enumerate(found.lists.get(name, []))).get(at)
            if at in used[name]:
                yield "I21", f"{name} has one payload for two jobs, {job.id} is one of them"
            used[name].add(at)
            if len(job.intake.body) > BODY:
                yield "I20", f"the payload of {job.id} is too large to lie among others"
        if there != job.intake.body:
            yield "I21", f"the payload of {job.id} has changed or is gone"
    for name in sorted(n for n in found.lists if n.startswith("bodies:")):
        left = [text for at, text in enumerate(found.lists[name]) if text and at not in used[name]]
        if left or not used[name]:
            yield "I20", f"{name} keeps what is no job's: {left}"
