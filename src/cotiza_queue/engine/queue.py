"""Queue: what a program holds to enqueue jobs and to ask about them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from functools import cached_property
from typing import Any, overload

import msgspec
from msgspec import UNSET, UnsetType

from ..errors import (
    Conflict,
    CotizaError,
    InvalidInput,
    NotFound,
    QueueUnavailable,
)
from ..model.ids import (
    Parts,
    check_actor,
    check_job_type,
    check_tenant,
    custom_job_id,
    new_parts,
)
from ..model.job import (
    Enqueued,
    Event,
    Job,
    JobType,
    NewJob,
    Page,
    PayloadT,
    ResultT,
)
from ..model.policy import JobOptions
from ..model.status import Status, status_of
from ..store.asked import Intake
from ..store.codec import MAX_PAYLOAD_BYTES, MAX_STORED_BYTES
from ..store.commands import Answered
from ..store.ids import StoredId, stored
from ..store.views import Which
from . import bulk, changing, listing
from .commit import GroupCommit
from .following import follow, follow_tenant, wait_for_end
from .gate import passed
from .intake import NONE_ASKED, intake_of, options_of
from .offload import Offload, loaded
from .operators import Operators
from .outcomes import typed_result
from .recurring import Recurring

Options = JobOptions | Mapping[str, Any] | None


class Queue(Recurring, Operators):
    """All queues of one Redis. ``async with Queue(url) as queue: …``

    ``redis_url`` None: an embedded server in ``data_dir``. ``job_types``: what may be enqueued, and
    how it is validated; empty: any type, any JSON payload. ``middleware`` stands around enqueueing,
    the first one outermost; ``hooks`` hear of each change of status (see ``middleware.py``). Every
    call raises QueueUnavailable when Redis is away.
    """

    # enqueueing

    async def enqueue(
        self,
        job_type: JobType[PayloadT, ResultT] | str,
        payload: PayloadT | Mapping[str, Any],
        *,
        tenant: str = "default",
        options: Options = None,
        idempotency_key: str | None = None,
    ) -> Enqueued[ResultT]:
        """Take one job in. With a job id, a unique key or an idempotency key (kept for 24 hours), a
        repeated call finds the first one's job.

        Raises InvalidInput (fields by path: ``data.fileType``, ``options.priority``), TooLarge,
        UnknownJobType, QueueFull.
        """
        kind = self._directory.kind(job_type)
        job = NewJob(
            type=kind.name,
            payload=payload,
            tenant=tenant,
            options=NONE_ASKED if options is None else options_of(options),
            idempotency_key=idempotency_key,
        )
        if not self._middleware:
            return await self._accept_one(job, kind)
        return await passed(self._passage(), job, lambda job: self._accept_one(job, kind))

    async def schedule(
        self,
        job_type: JobType[PayloadT, ResultT] | str,
        payload: PayloadT | Mapping[str, Any],
        delay_ms: int,
        *,
        tenant: str = "default",
        options: Options = None,
        idempotency_key: str | None = None,
    ) -> Enqueued[ResultT]:
        """Take one job in that is due after ``delay_ms`` milliseconds (at most 366 days)."""
        given = (
            msgspec.to_builtins(options) if isinstance(options, JobOptions) else dict(options or {})
        )
        return await self.enqueue(
            job_type,
            payload,
            tenant=tenant,
            options={**given, "delay": delay_ms},
            idempotency_key=idempotency_key,
        )

    async def enqueue_many(self, jobs: Sequence[NewJob]) -> list[Enqueued | CotizaError]:
        """Take many in, in order: an Enqueued or the error of each. At most 10,000; one bad job
        stops no other. They travel in chunks of a hundred (heavy jobs in shorter ones), each taken
        whole or not at all.
        """
        if len(jobs) > bulk.MAX_JOBS:
            raise InvalidInput(f"{len(jobs):,} jobs in one call; {bulk.MAX_JOBS:,} are the limit")
        packer = bulk.Packer(len(jobs))
        trips = bulk.Trips(self._background, self._link.commands, self._directory, self._hooks)
        passages = [self._passage() for _ in jobs] if self._middleware else []
        for index, job in enumerate(jobs):
            try:
                kind = self._directory.kind(job.type)
                if passages:
                    job = await passages[index].enter(job)
                intake = self._intake(job, kind)
                if self._offload is not None:
                    intake = await self._offload.lighten(intake)
            except CotizaError as error:
                trips.answers[index] = error
                continue
            if trip := packer.add(kind.name, (index, intake)):
                await trips.begin(trip)
        for trip in packer.rest():
            await trips.begin(trip)
        await trips.end()
        for index, passage in enumerate(passages):
            await passage.leave(trips.answers[index])
        return [trips.answers[index] for index in range(len(jobs))]

    async def run_schedule(self, schedule_id: str, *, tenant: str | None = None) -> Enqueued:
        """Make a job of it now, beside its occurrences."""
        found = await self.get_schedule(schedule_id, tenant=tenant)
        payload = self._directory.kind(found.type).lifted(found.payload, found.version)
        return await self.enqueue(found.type, payload, tenant=found.tenant, options=found.options)

    # one job

    async def get(self, job_id: str, *, tenant: str | None = None) -> Job:
        """A job as it is now. Raises NotFound, also for another tenant's (Expired if it was there
        and is no longer kept); Conflict if the id is one that the tenant chose for jobs of several
        types.
        """
        found = []
        for name, full_id in await self._directory.places(job_id, tenant):
            job = await self._link.views.job(name, full_id, tenant or "")
            if job is not None:
                found.append(job)
        if not found:
            raise self._directory.no_job(job_id, tenant)
        if len(found) > 1:
            ids = ", ".join(job.id for job in found)
            raise Conflict(f"several jobs have that id: {ids}", code="ambiguous_job_id")
        return found[0]

    async def load(self, job: Job) -> Job:
        """The job with a payload and a result that are so large that they lie apart (see
        ``payload_blob``). Raises PermanentError (``offload_damaged``), RetryableError.
        """
        return await loaded(self._offload, job)

    async def cancel(self, job_id: str, *, tenant: str | None = None, by: str = "") -> Job:
        """End a job that has not ended, running or not. ``by``: who asks, for its history, at most
        200 characters. Raises NotFound; Conflict if it has; InvalidInput.
        """
        actor = check_actor(by)
        job = await self.get(job_id, tenant=tenant)
        answer = await self._link.commands.cancel(job.type, job.id, tenant or "", actor)
        if answer == "ok":
            self._hooks.changed(job, Status.CANCELLED)
            return msgspec.structs.replace(job, status=Status.CANCELLED)
        if answer == "not_found":
            raise self._directory.no_job(job_id, tenant)
        raise Conflict(f"the job is {answer} already", code=f"already_{answer}")

    async def change(
        self,
        job_id: str,
        *,
        tenant: str | None = None,
        payload: Any = UNSET,
        priority: int | UnsetType = UNSET,
        delay_ms: int | UnsetType = UNSET,
        by: str = "",
    ) -> Job:
        """Give a job that has not started another payload, priority, or moment (``delay_ms`` from
        now on; of a blocked one, from its release on). What is left out stays as it is. ``by``: who
        asks, for its history.

        Raises InvalidInput, TooLarge, NotFound; Conflict (``already_started``, or its end:
        ``already_completed`` …) if it was too late, and then nothing has changed.
        """
        asked = changing.change_of(payload, priority, delay_ms, by)
        job = await self.get(job_id, tenant=tenant)
        kind = self._directory.kind(job.type)
        answer = await changing.change(self._link, job, kind, asked, tenant or "")
        return await self._changed(job, answer, tenant)

    async def promote(self, job_id: str, *, tenant: str | None = None, by: str = "") -> Job:
        """Let a delayed or blocked job wait for a slot at once. A waiting one stays as it is.
        ``by``: who asks, for its history.

        Raises NotFound, Conflict as ``change``.
        """
        job = await self.get(job_id, tenant=tenant)
        answer = await changing.promote(self._link, job, tenant or "", by)
        return await self._changed(job, answer, tenant)

    async def replay(self, job_id: str, *, tenant: str | None = None, by: str = "") -> Job:
        """Run a failed or cancelled job again, same id. ``by``: who asks, for its history, at most
        200 characters. Raises NotFound, Conflict, InvalidInput.
        """
        actor = check_actor(by)
        try:
            job = await self.get(job_id, tenant=tenant)
            name, full_id = job.type, job.id
        except NotFound:
            name, full_id = await self._buried(job_id, tenant)
        answer = await self._link.commands.replay(name, full_id, tenant or "", actor)
        if answer == "ok":
            found = await self.get(full_id, tenant=tenant)
            self._hooks.changed(found, Status.WAITING)
            return found
        if answer == "not_found":
            raise self._directory.no_job(job_id, tenant)
        if answer == "unique_key_taken":
            raise Conflict("another live job has its unique key", code=answer)
        raise Conflict(
            f"the job is {answer}; only failed and cancelled ones can be retried",
            code="not_retryable",
        )

    async def _buried(self, job_id: str, tenant: str | None) -> tuple[str, str]:
        """Where the dead letter of a job lies that is itself no longer there."""
        try:
            letter = await self.dead_letter(job_id, tenant=tenant)
        except NotFound:
            raise self._directory.no_job(job_id, tenant) from None
        return letter.type, letter.job_id

    async def wait(
        self, job_id: str, *, tenant: str | None = None, timeout_ms: int = 30_000
    ) -> Job:
        """The job once it has ended. ``timeout_ms`` 0: no wait. Raises ResultTimeout (ResultPending
        without a wait), NotFound (Expired for a job that was there and is no longer kept).
        """
        job = await self.get(job_id, tenant=tenant)
        return await wait_for_end(self._link, job, timeout_ms)

    @overload
    async def result(
        self, job: Enqueued[ResultT], *, tenant: str | None = None, timeout_ms: int = 30_000
    ) -> ResultT: ...
    @overload
    async def result(
        self,
        job: str,
        *,
        job_type: JobType[Any, ResultT],
        tenant: str | None = None,
        timeout_ms: int = 30_000,
    ) -> ResultT: ...
    @overload
    async def result(
        self, job: str, *, tenant: str | None = None, timeout_ms: int = 30_000
    ) -> Any: ...
    async def result(
        self,
        job: Enqueued[Any] | str,
        *,
        job_type: JobType[Any, Any] | None = None,
        tenant: str | None = None,
        timeout_ms: int = 30_000,
    ) -> Any:
        """What the processor returned: for an id, plain JSON values; for an answer of ``enqueue``,
        or with ``job_type``, as the type's ``result`` struct.

        Raises JobFailed if the job failed or was cancelled; CotizaError
        (``result_does_not_fit``); and as ``wait``, where it is pending, expired, or never was.
        """
        if isinstance(job, Enqueued):
            job_type = self._directory.met(job.type)
        job_id = job.job_id if isinstance(job, Enqueued) else job
        ended = await self.wait(job_id, tenant=tenant, timeout_ms=timeout_ms)
        # The result alone: nobody has asked for the payload.
        whole = await self.load(msgspec.structs.replace(ended, payload_blob=None))
        return typed_result(whole, job_type)

    async def events(
        self, job_id: str, *, tenant: str | None = None, after: str | None = None
    ) -> AsyncIterator[Event]:
        """A job's events, from the present state or from after event id ``after``; ends after the
        final one.

        Names: state, blocked, waiting, delayed, active, progress, stalled, completed, failed,
        cancelled, and gap where events were no longer kept. Raises NotFound.
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
        status: Status | str | None = None,
        tag: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """A page of jobs, newest first; ``limit`` ≤ 500, a page may be shorter. InvalidInput."""
        names = [check_job_type(job_type)] if job_type else sorted(await self._directory.names())
        wanted = "" if status is None else status_of(status)
        which = Which(tenant or "", wanted, tag or "")
        return await listing.page(self._link.views, names, which, limit, cursor)

    # inside

    async def close(self) -> None:
        await super().close()
        self._commit.close()

    @cached_property
    def _commit(self) -> GroupCommit:
        return GroupCommit(self._accept, self._background)

    async def _changed(self, job: Job, answer: tuple[str, ...], tenant: str | None) -> Job:
        if answer[0] == "not_found":
            raise self._directory.no_job(job.id, tenant)
        if answer[0] != "ok":
            raise changing.refused(answer[0])
        _, before, now = answer
        if now != before:
            self._hooks.changed(job, Status(now))
        return await self._link.views.job(job.type, job.id, tenant or "") or job

    def _accept_one(self, job: NewJob, kind: JobType[Any]) -> Awaitable[Enqueued]:
        intake = self._intake(job, kind)
        if self._offload is None:
            return self._commit.enqueue(kind.name, intake)
        return self._accept_light(self._offload, kind.name, intake)

    async def _accept_light(self, offload: Offload, name: str, intake: Intake) -> Enqueued:
        intake = await offload.lighten(intake)
        try:
            return await self._commit.enqueue(name, intake)
        except QueueUnavailable as error:
            if intake.blob and not error.indeterminate:
                await offload.forget(intake.blob)
            raise

    def _intake(self, job: NewJob, kind: JobType[Any]) -> Intake:
        check_tenant(job.tenant)
        custom = job.options.job_id
        id_: Parts | StoredId
        if custom:
            id_ = stored(custom_job_id(custom, job.tenant, kind.name), kind.name)
        else:
            now_ms = self._clock.now_ms()
            id_ = new_parts(now_ms, self._runs.chance(now_ms), kind.name, job.tenant)
        most = MAX_PAYLOAD_BYTES if self._offload is None else MAX_STORED_BYTES
        return intake_of(job, kind, id_, most=most)

    def _accept(self, name: str, intakes: Sequence[Intake]) -> Awaitable[Sequence[Answered]]:
        if self._hooks.none and self._directory.announced(name):
            return self._link.commands.enqueue(name, intakes)
        return self._accept_and_tell(name, intakes)

    async def _accept_and_tell(self, name: str, intakes: Sequence[Intake]) -> Sequence[Answered]:
        await self._directory.announce(name)
        answers = await self._link.commands.enqueue(name, intakes)
        self._hooks.enqueued(intakes, answers)
        return answers
