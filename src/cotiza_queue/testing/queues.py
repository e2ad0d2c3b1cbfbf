"""A queue of a test's own, and a worker beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from ..chance import Chance
from ..engine.queue import Queue
from ..engine.worker import Worker, WorkerOptions
from ..errors import ConfigurationError
from ..middleware import EnqueueMiddleware, Hook, RunMiddleware
from ..model.context import Processor
from ..model.job import JobType
from ..store.library import Library, virtual_library
from ..store.link import Link
from .databases import database
from .virtual import FakeChance, LiveClock, VirtualTime

Processors = Mapping[JobType[Any] | str, Processor]


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around the jobs of a LocalQueue: as Queue and Worker take it."""

    enqueues: Sequence[EnqueueMiddleware] = ()
    runs: Sequence[RunMiddleware] = ()
    hooks: Sequence[Hook] = ()


class LocalQueue(Queue):
    """A Queue on a database of its own, with the processors that ``drain`` and ``worker`` use."""

    def __init__(
        self,
        redis_url: str,
        processors: Processors,
        *,
        job_types: Iterable[JobType[Any]],
        time: VirtualTime | None,
        chance: Chance,
        around: Around,
    ) -> None:
        super().__init__(
            redis_url,
            job_types=job_types,
            middleware=around.enqueues,
            hooks=around.hooks,
            clock=time.clock if time else None,
            chance=chance,
        )
        self.processors = processors
        self.around = around
        self.virtual_time = time
        self.chance = chance

    @property
    def time(self) -> VirtualTime:
        """The test's time. Raises ConfigurationError if the queue was opened without one."""
        if self.virtual_time is None:
            raise ConfigurationError(
                "this queue lives in real time", remedy="Open it with queue(…, time=VirtualTime())."
            )
        return self.virtual_time

    @property
    def link(self) -> Link:
        return self._link

    async def _connect(self) -> Link:
        return await Link.open(self._redis_url, self._data_dir, self.functions)

    @property
    def functions(self) -> Library | None:
        """The scripts of the server's time or of the test's."""
        return virtual_library() if self.virtual_time else None


@asynccontextmanager
async def queue(
    processors: Processors | None = None,
    *,
    job_types: Iterable[JobType[Any]] = (),
    time: VirtualTime | None = None,
    around: Around | None = None,
    seed: int = 0,
) -> AsyncIterator[LocalQueue]:
    """An open, empty queue on a real server of this process (about 0.1 s for the first one, then
    milliseconds).

    ``processors``: what ``drain`` and ``worker`` run. ``job_types``: as ``Queue`` takes them.
    ``seed``: job ids and jitter are the same for the same seed, if queues are opened one after the
    other; of two that are open at once, each has its own. At most DATABASES at once.
    """
    async with database() as own:
        opened = LocalQueue(
            own.url,
            processors or {},
            job_types=job_types,
            time=time,
            chance=FakeChance(f"{seed}/{own.number}"),
            around=around or Around(),
        )
        async with opened:
            if time is None:
                yield opened
                return
            await time.bind(opened.link.connection, _names(opened.processors))
            try:
                yield opened
            finally:
                time.unbind(opened.link.connection)


class LocalWorker(Worker):
    """A worker for a LocalQueue's processors, in its time."""

    def __init__(self, queue: LocalQueue, options: WorkerOptions) -> None:
        time = queue.virtual_time
        super().__init__(
            queue.processors,
            queue.url,
            options=options,
            middleware=queue.around.runs,
            hooks=queue.around.hooks,
            clock=LiveClock(time.clock) if time else None,
        )
        self._functions = queue.functions

    async def _connect(self) -> Link:
        return await Link.open(self._redis_url, self._data_dir, self._functions)


@asynccontextmanager
async def worker(queue: LocalQueue, options: WorkerOptions | None = None) -> AsyncIterator[Worker]:
    """A running worker in this process; what still runs at the end may finish."""
    asked = options or WorkerOptions()
    running = LocalWorker(queue, msgspec.structs.replace(asked, handle_signals=False))
    async with asyncio.TaskGroup() as group:
        work = group.create_task(running.run())
        ready = group.create_task(running.ready.wait())
        await asyncio.wait({work, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        try:
            yield running
        finally:
            running.stop()
            await work


def _names(processors: Processors) -> list[str]:
    return [key if isinstance(key, str) else key.name for key in processors]
