"""Queue: what a program holds to enqueue jobs and to ask about them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from ..chance import Chance, SystemChance
from ..clock import Clock, SystemClock
from ..errors import (
    Conflict,
    CotizaError,
    InvalidInput,
    JobFailed,
    NotFound,
)
from ..model.ids import check_job_type, custom_job_id, new_job_id
from ..model.job import (
    DeadLetter,
    Enqueued,
    Event,
    Job,
    JobType,
    NewJob,
    Page,
    QueueMetrics,
    Schedule,
)
from ..model.policy import JobOptions
from ..model.status import Status
from ..store.commands import Intake
from ..store.link import Link
from . import admin, listing
from .directory import Directory
from .following import follow, follow_tenant, wait_for_end
from .intake import intake_of, options_of
from .loop import Background
from .schedules import Schedules

Options = JobOptions | Mapping[str, Any] | None
CHUNK = 100
"""Jobs of one enqueueing call to the server: each chunk is taken whole or not at all."""
MAX_BULK = 10_000


class Queue:
    """All queues of one Redis. ``async with Queue(url) as queue: …``

    ``redis_url`` None: an embedded server in ``data_dir``. ``job_types``: what may be enqueued, and
    how it is validated; empty: any type, any JSON payload. Every call raises QueueUnavailable when
    Redis is away.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        data_dir: Path = Path(".cotiza"),
        job_types: Iterable[JobType[Any]] = (),
        clock: Clock | None = None,
        chance: Chance | None = None,
    ) -> None:
        self._redis_url = redis_url
        self._data_dir = data_dir
        self._job_types = tuple(job_types)
        self._clock = clock or SystemClock()
        self._chance = chance or SystemChance()
        self._link_or_none: Link | None = None
        self._directory_or_none: Directory | None = None
        self._background = Background()

    async def open(self) -> Self:
        """Connect. Raises ConfigurationError if there is no usable server, QueueUnavailable."""
        self._link_or_none = await Link.open(self._redis_url, self._data_dir)
        self._directory_or_none = Directory(self._job_types, self._link.commands)
        self._background.start(self._link.events.run(), "events")
        await self._link.connection.load()
        return self

    async def close(self) -> None:
        await self._background.close()
        if self._link_or_none is not None:
            await self._link_or_none.close()
            self._link_or_none = None

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

    # enqueueing

    async def enqueue(
        self,
        job_type: JobType[Any] | str,
        payload: Any,
        *,
        tenant: str = "default",
        options: Options = None,
    ) -> Enqueued:
        """Take one job in. With ``options.job_id`` or ``unique_key``, a repeated call finds the
        first one's job.

        Raises InvalidInput (fields by path: ``data.fileType``, ``options.priority``), TooLarge,
        UnknownJobType.
        """
        kind = self._directory.kind(job_type)
        job = NewJob(type=kind.name, payload=payload, tenant=tenant, options=options_of(options))
        return (await self._accept(kind.name, [self._intake(job, kind)]))[0]

    async def schedule(
        self,
        job_type: JobType[Any] | str,
        payload: Any,
        delay_ms: int,
        *,
        tenant: str = "default",
        options: Options = None,
    ) -> Enqueued:
        """Take one job in that is due after ``delay_ms`` milliseconds (at most 366 days)."""
        given = (
            msgspec.to_builtins(options) if isinstance(options, JobOptions) else dict(options or {})
        )
        return await self.enqueue(
            job_type, payload, tenant=tenant, options={**given, "delay": delay_ms}
        )

    async def enqueue_many(self, jobs: Sequence[NewJob]) -> list[Enqueued | CotizaError]:
        """Take many in, in order: an Enqueued or the error of each. At most MAX_BULK; one bad job
        stops no other.
        """
        if len(jobs) > MAX_BULK:
            raise InvalidInput(f"{len(jobs):,} jobs in one call; {MAX_BULK:,} are the limit")
        answers: dict[int, Enqueued | CotizaError] = {}
        by_type: dict[str, list[tuple[int, Intake]]] = {}
        for index, job in enumerate(jobs):
            try:
                kind = self._directory.kind(job.type)
                by_type.setdefault(kind.name, []).append((index, self._intake(job, kind)))
            except CotizaError as error:
                answers[index] = error
        for name, entries in by_type.items():
            for start in range(0, len(entries), CHUNK):
                chunk = entries[start : start + CHUNK]
                accepted = await self._accept(name, [intake for _, intake in chunk])
                for (index, _), one in zip(chunk, accepted, strict=True):
                    answers[index] = one
        return [answers[index] for index in range(len(jobs))]

    # recurring

    async def add_recurring(
        self,
        job_type: JobType[Any] | str,
        payload: Any,
        cron: str,
        *,
        timezone: str = "UTC",
        tenant: str = "default",
        key: str | None = None,
        options: Options = None,
    ) -> Schedule:
        """Make a job at every occurrence of a cron expression in a time zone. The same ``key``
        again changes it.
        """
        kind = self._directory.kind(job_type)
        job = NewJob(type=kind.name, payload=payload, tenant=tenant, options=options_of(options))
        schedule = await self._schedules.add(kind, job, cron, timezone, key)
        await self._directory.announce(kind.name)
        return schedule

    async def schedules(self, *, tenant: str | None = None) -> list[Schedule]:
        return await self._schedules.all(await self._directory.names(), tenant)

    async def get_schedule(self, schedule_id: str, *, tenant: str | None = None) -> Schedule:
        return await self._schedules.get(
            await self._directory.type_of(schedule_id, "schedule"), schedule_id, tenant
        )

    async def remove_schedule(self, schedule_id: str, *, tenant: str | None = None) -> None:
        await self._schedules.remove(await self.get_schedule(schedule_id, tenant=tenant))

    async def pause_schedule(self, schedule_id: str, *, tenant: str | None = None) -> Schedule:
        return await self._schedules.set_paused(
            await self.get_schedule(schedule_id, tenant=tenant), True
        )

    async def resume_schedule(self, schedule_id: str, *, tenant: str | None = None) -> Schedule:
        return await self._schedules.set_paused(
            await self.get_schedule(schedule_id, tenant=tenant), False
        )

    async def run_schedule(self, schedule_id: str, *, tenant: str | None = None) -> Enqueued:
        """Make a job of it now, beside its occurrences."""
        found = await self.get_schedule(schedule_id, tenant=tenant)
        return await self.enqueue(
            found.type, found.payload, tenant=found.tenant, options=found.options
        )

    # one job

    async def get(self, job_id: str, *, tenant: str | None = None) -> Job:
        """A job as it is now. Raises NotFound, also for another tenant's."""
        for name, full_id in await self._directory.places(job_id, tenant):
            job = await self._link.views.job(name, full_id, tenant or "")
            if job is not None:
                return job
        raise self._directory.no_job(job_id)

    async def cancel(self, job_id: str, *, tenant: str | None = None) -> Job:
        """End a job that has not ended, running or not. Raises NotFound; Conflict if it has."""
        job = await self.get(job_id, tenant=tenant)
        answer = await self._link.commands.cancel(job.type, job.id, tenant or "")
        if answer == "ok":
            return msgspec.structs.replace(job, status=Status.CANCELLED)
        if answer == "not_found":
            raise self._directory.no_job(job_id)
        raise Conflict(f"the job is {answer} already", code=f"already_{answer}")

    async def replay(self, job_id: str, *, tenant: str | None = None) -> Job:
        """Run a failed or cancelled job again, same id. Raises NotFound, Conflict."""
        for name, full_id in await self._directory.places(job_id, tenant):
            answer = await self._link.commands.replay(name, full_id, tenant or "")
            if answer == "ok":
                return await self.get(full_id, tenant=tenant)
            if answer != "not_found":
                raise Conflict(
                    f"the job is {answer}; only failed and cancelled ones can be retried",
                    code="not_retryable",
                )
        raise self._directory.no_job(job_id)

    async def wait(
        self, job_id: str, *, tenant: str | None = None, timeout_ms: int = 30_000
    ) -> Job:
        """The job once it has ended. Raises ResultTimeout, NotFound."""
        job = await self.get(job_id, tenant=tenant)
        return await wait_for_end(self._link, job, timeout_ms)

    async def result(
        self, job_id: str, *, tenant: str | None = None, timeout_ms: int = 30_000
    ) -> Any:
        """What the processor returned. Raises JobFailed if the job failed or was cancelled,
        ResultTimeout.
        """
        job = await self.wait(job_id, tenant=tenant, timeout_ms=timeout_ms)
        if job.status is Status.COMPLETED:
            return job.result
        failure = job.failure
        code = failure.code if job.status is Status.FAILED and failure else "cancelled"
        raise JobFailed(
            f"job {job.id} {job.status}: {failure.message if failure else 'cancelled'}", code=code
        )

    async def events(
        self, job_id: str, *, tenant: str | None = None, after: str | None = None
    ) -> AsyncIterator[Event]:
        """A job's events, from the present state or from after event id ``after``; ends after the
        final one.

        Names: state, waiting, delayed, active, progress, stalled, completed, failed, cancelled, and
        gap where events were no longer kept. Raises NotFound.
        """
        job = await self.get(job_id, tenant=tenant)
        async for event in follow(self._link, job, after):
            yield event

    async def tenant_events(self, tenant: str, *, after: str | None = None) -> AsyncIterator[Event]:
        """All events of a tenant's jobs, from now or from after an event id; never ends."""
        async for event in follow_tenant(self._link, await self._directory.names(), tenant, after):
            yield event

    # many

    async def list(
        self,
        tenant: str | None,
        *,
        job_type: str | None = None,
        status: Status | None = None,
        tag: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """A page of jobs, newest first; ``limit`` ≤ 500, a page may be shorter. InvalidInput."""
        names = [check_job_type(job_type)] if job_type else sorted(await self._directory.names())
        query = listing.Query(tenant or "", str(status or ""), tag, limit)
        return await listing.page(self._link.views, names, query, cursor)

    async def metrics(self, job_type: str | None = None) -> Sequence[QueueMetrics]:
        """The state of one queue, or of all, in numbers."""
        asked = [self._directory.known(job_type).name] if job_type else None
        names = asked or sorted(await self._directory.names())
        return [await self._link.views.metrics(name) for name in names]

    async def pause(self, job_type: str) -> None:
        """Hand out no more jobs of a type; what runs goes on. Survives restarts."""
        await self._link.commands.pause(self._directory.known(job_type).name, True)

    async def resume(self, job_type: str) -> None:
        await self._link.commands.pause(self._directory.known(job_type).name, False)

    async def clean(
        self, job_type: str, *, status: Status, grace_ms: int = 0, limit: int = 1000
    ) -> int:
        """Remove ended jobs of a status that ended longer than ``grace_ms`` ago; at most ``limit``
        ≤ 10,000.
        """
        return await admin.clean(
            self._link, self._directory.known(job_type).name, status, grace_ms, limit
        )

    async def ping(self) -> float:
        """Round trip in milliseconds."""
        start = self._clock.monotonic()
        await self._link.connection.command("PING")
        return round((self._clock.monotonic() - start) * 1000, 3)

    async def workers(self) -> Sequence[Mapping[str, Any]]:
        """Live worker processes: {id, host, pid, types, startedAt, running, slots}."""
        return await admin.workers(self._link, await self._directory.names())

    # dead letters

    async def dead_letters(
        self,
        *,
        job_type: str | None = None,
        tenant: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[Sequence[DeadLetter], str | None]:
        """A page of dead letters, newest first, and the cursor of the next page."""
        names = [check_job_type(job_type)] if job_type else sorted(await self._directory.names())
        return await listing.letters(self._link.views, names, tenant or "", limit, cursor)

    async def dead_letter(self, job_id: str, *, tenant: str | None = None) -> DeadLetter:
        """The dead letter of a job. Raises NotFound."""
        for name, full_id in await self._directory.places(job_id, tenant):
            _, found = await self._link.views.dead_letters(name, tenant or "", "", 1, full_id)
            if found:
                return found[0]
        raise NotFound(f"there is no dead letter of job {job_id:.64}", code="dead_letter_not_found")

    async def purge_dead_letter(self, job_id: str, *, tenant: str | None = None) -> None:
        """Remove a dead letter and its job. Raises NotFound."""
        letter = await self.dead_letter(job_id, tenant=tenant)
        await self._link.commands.bury(letter.type, letter.job_id, tenant or "")

    # inside

    @property
    def _link(self) -> Link:
        if self._link_or_none is None:
            raise _not_open()
        return self._link_or_none

    @property
    def _directory(self) -> Directory:
        if self._directory_or_none is None:
            raise _not_open()
        return self._directory_or_none

    @property
    def _schedules(self) -> Schedules:
        return Schedules(self._link, self._clock, self._chance)

    def _intake(self, job: NewJob, kind: JobType[Any]) -> Intake:
        if job.options.job_id:
            job_id = custom_job_id(job.options.job_id, job.tenant, kind.name)
        else:
            job_id = new_job_id(self._clock.now_ms(), self._chance.random_bytes(13), kind.name)
        return intake_of(job, kind, job_id)

    async def _accept(self, name: str, intakes: Sequence[Intake]) -> Sequence[Enqueued]:
        await self._directory.announce(name)
        return await self._link.commands.enqueue(name, intakes)


def _not_open() -> CotizaError:
    return CotizaError(
        "the queue is not open", code="not_open", remedy="Use it in `async with Queue(…)`."
    )
