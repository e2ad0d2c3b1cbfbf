"""Many jobs in few round trips: chunks, each taken whole or not at all, and trips of several
chunks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..store.commands import Intake

MAX_JOBS = 10_000
"""Jobs of one call of a program."""
CHUNK = 100
"""Jobs of one call to the server, which serves nobody else meanwhile."""
TRIP = 20
"""Chunks that are sent without waiting for the answer to the one before."""
CHUNK_BYTES = 1024 * 1024
TRIP_BYTES = 2 * CHUNK_BYTES
"""Payload bytes after which a chunk, or a trip, takes no more along."""

Entry = tuple[int, Intake]
"""A job, and its place in the program's call."""


class Chunk(NamedTuple):
    """Jobs of one type."""

    job_type: str
    entries: Sequence[Entry]

    @property
    def intakes(self) -> list[Intake]:
        return [intake for _, intake in self.entries]


def trips(by_type: Mapping[str, Sequence[Entry]]) -> Iterator[list[Chunk]]:
    """All jobs, those of each type in their order."""
    trip: list[Chunk] = []
    size = 0
    for chunk in (each for name, entries in by_type.items() for each in _chunks(name, entries)):
        trip.append(chunk)
        size += sum(_size(entry) for entry in chunk.entries)
        if len(trip) == TRIP or size >= TRIP_BYTES:
            yield trip
            trip, size = [], 0
    if trip:
        yield trip


def _chunks(job_type: str, entries: Iterable[Entry]) -> Iterator[Chunk]:
    chunk: list[Entry] = []
    size = 0
    for entry in entries:
        chunk.append(entry)
        size += _size(entry)
        if len(chunk) == CHUNK or size >= CHUNK_BYTES:
            yield Chunk(job_type, chunk)
            chunk, size = [], 0
    if chunk:
        yield Chunk(job_type, chunk)


def _size(entry: Entry) -> int:
    return len(entry[1].body)
