"""Many jobs in few round trips: chunks, each taken whole or not at all, and trips of several
chunks. A trip is on its way while the next one is packed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..errors import CotizaError, QueueUnavailable
from ..model.job import Enqueued
from ..store.asked import Intake
from ..store.commands import Commands
from .directory import Directory
from .gate import Hooks
from .loop import Background

MAX_JOBS = 10_000
"""Jobs of one call of a program."""
CHUNK = 100
"""What the jobs of one call to the server weigh, in plain ones: it serves nobody else meanwhile."""
TRIPS = 20
"""The most that the jobs of a call are spread over, unless they are large, heavy or of many
types.
"""
TRIP_CHUNKS = 20
"""The most calls to the server of one trip."""
UNDER_WAY = 4
"""Trips without an answer yet."""
CHUNK_BYTES = 1024 * 1024
TRIP_BYTES = 2 * CHUNK_BYTES
"""Payload bytes after which a chunk, or a trip, takes no more along."""

Answer = Enqueued | CotizaError
Entry = tuple[int, Intake]
"""A job, and its place in the program's call."""


class Chunk(NamedTuple):
    """Jobs of one type."""

    job_type: str
    entries: Sequence[Entry]

    @property
    def intakes(self) -> list[Intake]:
        return [intake for _, intake in self.entries]


Trip = list[Chunk]


class _Open:
    """A chunk that is being filled."""

    __slots__ = ("entries", "size", "weight")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.weight = 0
        self.size = 0

    def add(self, entry: Entry) -> bool:
        """True if it is full."""
        intake = entry[1]
        self.entries.append(entry)
        self.weight += intake.weight
        self.size += len(intake.body)
        return self.weight >= CHUNK or self.size >= CHUNK_BYTES


class Packer:
    """Makes trips of ``jobs`` jobs, those of each type in their order."""

    def __init__(self, jobs: int) -> None:
        chunks = max(1, -(-jobs // (CHUNK * TRIPS)))
        self._trip_jobs = chunks * CHUNK
        self._trip_bytes = min(chunks * CHUNK_BYTES, TRIP_BYTES)
        self._open: dict[str, _Open] = {}
        self._trip: Trip = []
        self._jobs = 0
        self._size = 0

    def add(self, job_type: str, entry: Entry) -> Trip | None:
        """One more job, and the trip that it completes."""
        chunk = self._open.get(job_type)
        if chunk is None:
            chunk = self._open[job_type] = _Open()
        if not chunk.add(entry):
            return None
        self._board(job_type)
        if self._jobs >= self._trip_jobs or self._full(self._trip_bytes):
            return self._leave()
        return None

    def rest(self) -> Iterator[Trip]:
        """What is left at last: chunks that are not full, as many as a trip may take."""
        for job_type in list(self._open):
            self._board(job_type)
            if self._full(TRIP_BYTES):
                yield self._leave()
        if self._trip:
            yield self._leave()

    def _board(self, job_type: str) -> None:
        chunk = self._open.pop(job_type)
        self._trip.append(Chunk(job_type, chunk.entries))
        self._jobs += len(chunk.entries)
        self._size += chunk.size

    def _full(self, size: int) -> bool:
        return len(self._trip) >= TRIP_CHUNKS or self._size >= size

    def _leave(self) -> Trip:
        trip, self._trip, self._jobs, self._size = self._trip, [], 0, 0
        return trip


class Trips:
    """Sends them in their order, and collects the answers: place in the program's call → what
    became of the job.
    """

    def __init__(
        self, tasks: Background, commands: Commands, directory: Directory, hooks: Hooks
    ) -> None:
        self.answers: dict[int, Answer] = {}
        self._tasks = tasks
        self._commands = commands
        self._directory = directory
        self._hooks = hooks
        self._begun: list[asyncio.Task[None]] = []

    async def begin(self, trip: Trip) -> None:
        """Send a trip, once there is room for it on the way. If Redis is away, that is the answer
        to each of its jobs.
        """
        places = [place for chunk in trip for place, _ in chunk.entries]
        try:
            for chunk in trip:
                await self._directory.announce(chunk.job_type)
        except QueueUnavailable as error:
            self.answers |= dict.fromkeys(places, error)
            return
        closed = QueueUnavailable("the queue was closed", indeterminate=True)
        self.answers |= dict.fromkeys(places, closed)
        self._begun.append(self._tasks.start(self._carry(trip), "enqueue_many"))
        if len(self._begun) < UNDER_WAY:
            await asyncio.sleep(0)
        else:
            await asyncio.wait([self._begun.pop(0)])

    async def end(self) -> None:
        """Wait for all answers."""
        if self._begun:
            await asyncio.wait(self._begun)

    async def _carry(self, trip: Trip) -> None:
        """Several chunks in one round trip."""
        entries = [entry for chunk in trip for entry in chunk.entries]
        asked = [(chunk.job_type, chunk.intakes) for chunk in trip]
        taken = [one for chunk in await self._commands.enqueue_each(asked) for one in chunk]
        self._hooks.enqueued([intake for _, intake in entries], taken)
        for (place, _), one in zip(entries, taken, strict=True):
            self.answers[place] = one
