"""What must hold of histories: put together, each tells the whole way of its job to where it is."""

from __future__ import annotations

from collections.abc import Iterator

from cotiza_queue.model.history import Open, replayed, told
from cotiza_queue.model.status import Status
from cotiza_queue.store import codec

from .nouns import Job
from .oracle import Model
from .snapshot import Snapshot


def histories(model: Model, found: Snapshot) -> Iterator[tuple[str, str]]:
    for job in model.jobs.values():
        kept = codec.decode_history(found.lists.get(f"history:{job.id}", []))
        fields = found.hashes[f"job:{job.id}"]
        entries = told(_open(fields), kept)
        try:
            end = replayed(entries)
        except ValueError as error:
            yield "F8", f"{job.id}: {error}"
            return
        way, whole = [str(entry.status) for entry in entries], job.walked
        untold = entries[0].missing
        if end != job.status or way != (whole[-len(way) :] if untold else whole):
            yield "F8", f"{job.id} went {whole}, its history says {way} and {untold} more"
        runs = [(entry.worker, entry.token) for entry in entries if entry.cause == "take"]
        if runs != job.runs[len(job.runs) - len(runs) :]:
            yield "F8", f"{job.id} was run by {job.runs}, its history says {runs}"
        last = entries[-1]
        if job.status == "active" and (last.worker, last.token, last.attempt) != _run(job):
            yield "F8", f"{job.id}: {last} is not the run of {_run(job)}"


def _run(job: Job) -> tuple[str, int | None, int]:
    return job.worker, job.token, job.attempt


def _open(fields: dict[str, str]) -> Open:
    def moment(name: str) -> int | None:
        return int(fields[name]) if fields.get(name) else None

    return Open(
        status=Status(fields["status"]),
        created_ms=int(fields["created"]),
        started_ms=moment("started"),
        finished_ms=moment("finished"),
        worker=fields.get("worker"),
        token=moment("token"),
        attempt=int(fields.get("attempt", 0)),
        untold=int(fields.get("untold", 0)),
    )
