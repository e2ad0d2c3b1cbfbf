"""What every part of a Queue stands on: the way to Redis, the job types, the clock and chance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..chance import Chance, SystemChance
from ..clock import Clock, SystemClock
from ..errors import CotizaError, QueueUnavailable
from ..middleware import EnqueueMiddleware, Hook
from ..model.job import JobType
from ..store.link import Link
from ..telemetry import LogTelemetry, Telemetry
from .directory import Directory
from .gate import Hooks, Passage
from .loop import Background, keep
from .offload import OFFLOAD_BYTES, Blobs, Offload
from .runs import Runs


class Base:
    """Opens and closes; holds what the verbs need."""

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        data_dir: str | PathLike[str] = ".cotiza",
        job_types: Iterable[JobType[Any]] = (),
        middleware: Sequence[EnqueueMiddleware] = (),
        hooks: Sequence[Hook] = (),
        blobs: Blobs | None = None,
        offload_bytes: int = OFFLOAD_BYTES,
        telemetry: Telemetry | None = None,
        clock: Clock | None = None,
        chance: Chance | None = None,
    ) -> None:
        self._redis_url = redis_url
        self._data_dir = Path(data_dir)
        self._job_types = tuple(job_types)
        self._clock = clock or SystemClock()
        self._chance = chance or SystemChance()
        self._runs = Runs(self._chance)
        self._background = Background()
        self._middleware = tuple(middleware)
        self._telemetry = telemetry or LogTelemetry()
        self._hooks = Hooks(hooks, self._telemetry)
        self._offload = Offload(blobs, self._chance, offload_bytes) if blobs else None

    async def open(self) -> Self:
        """Connect. Raises ConfigurationError if there is no usable server, QueueUnavailable if it
        can't be reached. One that only refuses to write now may still be looked at.
        """
        self._link = await self._connect()
        self._directory = Directory(self._job_types, self._link.commands)
        self._background.start(keep(self._link.events.run, "events", self._telemetry), "events")
        try:
            await self._link.connection.load()
        except CotizaError as error:
            if not (isinstance(error, QueueUnavailable) and error.said):
                await self.close()
                raise
        return self

    async def close(self) -> None:
        await self._background.close()
        there = vars(self)
        if "_link" in there:
            await self._link.close()
            for name in ("_link", "_directory"):
                there.pop(name, None)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """The server in use; an embedded one's is a ``unix://`` URL."""
        return self._link.url

    async def _connect(self) -> Link:
        return await Link.open(self._redis_url, self._data_dir)

    def _passage(self) -> Passage:
        return Passage(self._middleware, self._telemetry)

    # Both are there while it is open.

    @cached_property
    def _link(self) -> Link:
        raise _not_open()

    @cached_property
    def _directory(self) -> Directory:
        raise _not_open()


def _not_open() -> CotizaError:
    return CotizaError(
        "the queue is not open", code="not_open", remedy="Use it in `async with Queue(…)`."
    )
