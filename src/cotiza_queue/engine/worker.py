"""Worker: a process that runs jobs. It puts the roles together, starts them, and takes them down in
good order.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ..chance import Chance, SystemChance
from ..clock import Clock, SystemClock, iso
from ..errors import ConfigurationError, CotizaError
from ..middleware import Hook, RunMiddleware, around
from ..model.context import JobContext, Processor
from ..model.ids import check_job_type
from ..model.job import JobType, PayloadT, ResultT
from ..store.damage import damaged_keys
from ..store.ids import stored
from ..store.link import Link
from ..store.server import refuse_eviction
from ..telemetry import Silent, Sparing, Telemetry
from .gate import Hooks
from .intake import checked
from .isolation import Isolation
from .leases import Leases, Reporter
from .listener import Listener
from .loop import Role, beat, end, keep, longest_backoff_s, wait_for
from .offload import OFFLOAD_BYTES, Blobs, Litter, Offload
from .pruner import Pruner
from .reclaimer import Reclaimer
from .runner import STOP_GRACE_S, Runner
from .running import Running, Stop
from .sandbox import Sandbox
from .scheduler import Scheduler
from .slots import Slots
from .taker import Taker
from .units import Share, pool_of

DEFAULT_CONCURRENCY = 10
LAST_TURN_S = 1.0
"""What a leaving worker spends on telling Redis of its last outcomes, even in a hurry."""
READY_LOOK_S = 0.02
MAX_CONCURRENCY = 1000
_LOOK_S = 0.2
"""How soon a worker that is told a second time to stop notices."""


class WorkerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker behaves. Times in milliseconds, see ``Settings`` for their meaning.

    ``concurrency``: jobs at once, for every type or by type name. ``units``: what all types share
    besides, None for no such limit; a job takes as many as ``weights`` says of its type, 1 if it is
    not named. ``processes``: child processes for CPU work.
    """

    concurrency: int | Mapping[str, int] = DEFAULT_CONCURRENCY
    units: int | None = None
    weights: Mapping[str, int] = {}
    processes: Annotated[int, Meta(ge=1, le=64)] = 2
    lease_ms: Annotated[int, Meta(ge=100, le=600_000)] = 10_000
    drain_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 20_000
    allow_eviction: bool = False
    """Work also on a server that throws data away when its memory is full, and so loses jobs."""
    handle_signals: bool = True


class Worker:
    """Runs jobs of the types it has processors for.

    ``processors``: job type (or its name) → ``async def processor(payload, context) -> result``.
    ``redis_url`` None: the embedded server in ``data_dir``. ``middleware`` stands around each run,
    the first one outermost; ``hooks`` hear of each change of status (see ``middleware.py``).
    ``blobs``: where payloads and results above ``offload_bytes`` lie (see ``engine/offload.py``).
    """

    def __init__(
        self,
        processors: Mapping[JobType[Any] | str, Processor] | None = None,
        redis_url: str | None = None,
        *,
        data_dir: str | PathLike[str] = ".cotiza",
        options: WorkerOptions | None = None,
        middleware: Sequence[RunMiddleware] = (),
        hooks: Sequence[Hook] = (),
        blobs: Blobs | None = None,
        offload_bytes: int = OFFLOAD_BYTES,
        telemetry: Telemetry | None = None,
        clock: Clock | None = None,
        chance: Chance | None = None,
    ) -> None:
        self._processors = {
            _job_type(key): processor for key, processor in (processors or {}).items()
        }
        self._redis_url = redis_url
        self._data_dir = Path(data_dir)
        self._options = checked(options or WorkerOptions(), "options", "not usable")
        self._clock = clock or SystemClock()
        self._telemetry = Sparing(telemetry or Silent(), self._clock)
        self._middleware = tuple(middleware)
        self._hooks = Hooks(hooks, self._telemetry)
        self._isolation = Isolation()
        self._pool = pool_of(self._options.units, self._options.weights)
        self._chance = chance or SystemChance()
        self._offload = Offload(blobs, self._chance, offload_bytes) if blobs else None
        self._stations: list[_Station] = []
        self._asked = asyncio.Event()
        self._hurried = asyncio.Event()
        self.ready = asyncio.Event()
        """Set once the worker has talked to Redis for all its queues."""
        mark = self._chance.random_bytes(6).hex()
        self.id = re.sub(
            r"[^0-9A-Za-z_.-]", "-", f"{socket.gethostname()[:32]}-{os.getpid()}-{mark}"
        )

    def add(
        self,
        job_type: JobType[PayloadT, ResultT],
        processor: Callable[[PayloadT, JobContext], Awaitable[ResultT]],
    ) -> None:
        """Run one more type. Unlike the mapping, type checkers hold the processor to the payload
        and the result of its type. Raises ConfigurationError once the worker runs.
        """
        if self._stations:
            raise ConfigurationError(
                f"{job_type.name} was added to a worker that runs", remedy="Add it before `run`."
            )
        self._processors[_job_type(job_type)] = processor

    def stop(self) -> None:
        """Ask it to drain: nothing new is taken, running jobs may finish. Asked again, it leaves at
        once.
        """
        if self._asked.is_set():
            self._hurried.set()
        self._asked.set()

    async def run(self) -> None:
        """Work until asked to stop. Raises ConfigurationError if the server can't be used, also
        later, when it no longer lets us in, or if there is nothing to run.
        """
        if not self._processors:
            raise ConfigurationError("a worker without processors", remedy="Give it one.")
        link = await self._connect()
        sandbox = Sandbox(self._options.processes)
        try:
            await link.connection.load()
            if not self._options.allow_eviction:
                await refuse_eviction(link.connection)
            if self._options.handle_signals:
                self._listen_to_signals()
            await self._run_stations(
                [self._station(link, sandbox, kind) for kind in self._processors]
            )
        except BaseExceptionGroup as group:
            cause = _refusal(group)
            raise cause from cause.__cause__
        finally:
            await sandbox.close()
            await link.close()

    async def _connect(self) -> Link:
        return await Link.open(self._redis_url, self._data_dir)

    def _station(self, link: Link, sandbox: Sandbox, job_type: JobType[Any]) -> _Station:
        return _Station(self, link, sandbox, job_type, self._processors[job_type])

    async def _run_stations(self, stations: list[_Station]) -> None:
        self._started_ms = self._clock.now_ms()
        self._stations = stations
        over = asyncio.Event()
        link = stations[0].link
        heard = {station.name: station.hear for station in stations}
        handed = {each.name: partial(each.taker.handed, each.runner) for each in stations}
        listener = Listener(link.connection, self.id, heard, handed)
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(self._beat(listener, over), name="listener")
            for station in stations:
                await link.commands.announce_type(station.name)
                for role in station.roles:
                    group.create_task(self._beat(role, over), name=f"{role.name}:{station.name}")
            turns = [group.create_task(self._turns(station)) for station in stations]
            while not (self._asked.is_set() or all(s.taker.turned.is_set() for s in stations)):
                await wait_for(self._asked, READY_LOOK_S)
            self.ready.set()
            self._telemetry.say(
                "worker.ready", worker=self.id, types=[station.name for station in stations]
            )
            await self._asked.wait()
            await self._drain(stations, turns)
            over.set()
            await end([listening])
        for station in stations:
            await station.leave()
        self._telemetry.say("worker.stopped", worker=self.id)

    async def _beat(self, role: Role, over: asyncio.Event) -> None:
        longest_s = longest_backoff_s(self._options.lease_ms)
        await keep(lambda: beat(role, over, self._telemetry, longest_s), role.name, self._telemetry)

    async def _turns(self, station: _Station) -> None:
        await keep(
            lambda: station.taker.run(station.runner), f"turns:{station.name}", self._telemetry
        )

    async def _drain(self, stations: list[_Station], turns: list[asyncio.Task[None]]) -> None:
        """Let running jobs finish, hand back those that do not, and settle all that is in line."""
        self._telemetry.say("worker.draining", worker=self.id)
        for station in stations:
            station.taker.drain()
        if not await self._finished(turns, self._options.drain_ms / 1000):
            for job in _running(stations):
                job.stop(Stop.DRAIN)
            await self._finished(turns, STOP_GRACE_S)
            for station in stations:
                station.abandon()
            await asyncio.wait(turns, timeout=LAST_TURN_S)
        await end(turns)

    async def _finished(self, turns: list[asyncio.Task[None]], seconds: float) -> bool:
        """True if all turns end in time and nobody is in a hurry."""
        left = set(turns)
        until = self._clock.monotonic() + seconds
        while left and not self._hurried.is_set() and (more := until - self._clock.monotonic()) > 0:
            _, left = await asyncio.wait(left, timeout=min(more, _LOOK_S))
        return not left

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)

    @property
    def healthy(self) -> bool:
        """True while it serves all its queues: each turn loop has talked to Redis within
        ``taker.READY_WITHIN_S`` seconds. False before it is ready, and after it has stopped.
        """
        return bool(self._stations) and all(station.taker.ready for station in self._stations)

    def info(self) -> bytes:
        """What others see of this worker, as JSON."""
        return msgspec.json.encode(
            {
                "id": self.id,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "types": [job_type.name for job_type in self._processors],
                "startedAt": iso(self._started_ms),
                "ready": self.healthy,
                "running": sum(station.slots.used for station in self._stations),
                "slots": sum(station.slots.limit for station in self._stations),
                "queues": {station.name: station.info() for station in self._stations},
            }
        )


class _Station:
    """All that a worker has for one job type."""

    def __init__(
        self,
        worker: Worker,
        link: Link,
        sandbox: Sandbox,
        job_type: JobType[Any],
        processor: Processor,
    ) -> None:
        options, telemetry = worker._options, worker._telemetry
        clock, chance, commands, name = worker._clock, worker._chance, link.commands, job_type.name
        self.link, self.name, self._worker = link, name, worker.id
        self.slots = Slots(_concurrency(options.concurrency, name, processor))
        self.leases = Leases(
            commands, name, worker.id, options.lease_ms, info=worker.info, telemetry=telemetry
        )
        self.taker = Taker(
            commands,
            name,
            worker.id,
            slots=self.slots,
            share=Share(worker._pool, options.weights.get(name, 1)),
            leases=self.leases,
            sandbox=sandbox,
            telemetry=telemetry,
            hooks=worker._hooks,
            isolation=worker._isolation,
            clock=clock,
            damage=lambda: damaged_keys(link.connection, name),
        )
        reporter = Reporter(commands, name, self.leases)
        self.runner = Runner(
            job_type,
            around(processor, worker._middleware, name),
            worker.id,
            leases=self.leases,
            reporter=reporter,
            settler=self.taker.settler,
            clock=clock,
            chance=chance,
            telemetry=telemetry,
            offload=worker._offload,
        )
        self.roles: tuple[Role, ...] = (
            self.leases,
            reporter,
            Reclaimer(
                commands,
                name,
                worker.id,
                options.lease_ms,
                clock=clock,
                chance=chance,
                telemetry=telemetry,
                hooks=worker._hooks,
                recovered=self.taker.wake,
            ),
            Scheduler(commands, link.views, job_type, telemetry),
            Pruner(commands, name, chance),
            *([Litter(commands, name, worker._offload.blobs)] if worker._offload else ()),
        )

    def info(self) -> Mapping[str, int]:
        """What others see of the worker's part in this queue."""
        return {
            "slots": self.slots.limit,
            "running": self.slots.used,
            "version": self.runner.version,
        }

    def hear(self, hint: str) -> None:
        """A hint came: "wake", or "cancel <job id> <token>"."""
        word, _, rest = hint.partition(" ")
        if word == "cancel":
            job_id, _, token = rest.partition(" ")
            self.leases.lose(stored(job_id, self.name), int(token))
        else:
            self.taker.wake()

    def abandon(self) -> None:
        """Hand back what did not end in time, whatever its code still does."""
        for job in list(self.leases.running.values()):
            self.runner.give_up(job)
        self.taker.wake()

    async def leave(self) -> None:
        """Take the worker's name off the list; if Redis is away, it goes by itself."""
        try:
            await self.link.commands.leave(self.name, self._worker)
        except CotizaError:
            return


def _refusal(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What a caller can act on: the ConfigurationError that ended the parts of a worker."""
    found: BaseException | None = group.subgroup(ConfigurationError)
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found or group


def _running(stations: list[_Station]) -> list[Running]:
    return [job for station in stations for job in station.leases.running.values()]


def _job_type(key: JobType[Any] | str) -> JobType[Any]:
    job_type = key if isinstance(key, JobType) else JobType(key)
    check_job_type(job_type.name)
    return job_type


def _concurrency(asked: int | Mapping[str, int], name: str, processor: Processor) -> int:
    slots = asked if isinstance(asked, int) else asked.get(name, DEFAULT_CONCURRENCY)
    if not 1 <= slots <= MAX_CONCURRENCY:
        raise ConfigurationError(
            f"a concurrency of {slots} for {name}", remedy=f"Choose 1 to {MAX_CONCURRENCY}."
        )
    needed = getattr(processor, "needs_slots", 1)
    if slots < needed:
        raise ConfigurationError(
            f"a concurrency of {slots} for {name}, whose batches hold {needed} jobs",
            remedy=f"Set the concurrency of {name} to {needed} or more, or make batches smaller.",
        )
    return slots
