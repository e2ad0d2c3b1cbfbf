"""One delivery, from payload to outcome. The only place where a processor's error is caught."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from ..chance import Chance
from ..clock import Clock
from ..errors import CotizaError, InvalidData, PermanentError
from ..model.context import Processor
from ..model.job import JobType
from ..model.outcome import (
    Complete,
    Discard,
    Failure,
    Outcome,
    Release,
    Snooze,
    Terms,
    decide,
    failure_of,
    timed_out,
    too_late,
)
from ..store import codec
from ..telemetry import Telemetry
from .alarms import Alarms
from .leases import Leases, Reporter
from .offload import Offload, content
from .running import Running, Stop
from .settler import Settler

STOP_GRACE_S = 5.0
"""How long a processor may take to clean up after it was told to stop. Then its outcome is settled
without it.
"""


class Runner:
    """Runs the deliveries of one job type."""

    def __init__(
        self,
        job_type: JobType[Any],
        processor: Processor,
        worker: str,
        *,
        leases: Leases,
        reporter: Reporter,
        settler: Settler,
        clock: Clock,
        chance: Chance,
        telemetry: Telemetry,
        offload: Offload | None = None,
    ) -> None:
        self._offload = offload
        self._job_type = job_type
        self._processor = processor
        self._worker = worker
        self._leases = leases
        self._reporter = reporter
        self._settler = settler
        self.clock = clock
        self.version = job_type.version
        self._chance = chance
        self._telemetry = telemetry
        self._decode = msgspec.json.Decoder(job_type.payload).decode
        self._alarms = Alarms(self._time_is_over)

    async def run(self, job: Running, body: codec.Body) -> None:
        """Work on one delivery until its outcome is in line. Returns when the processor has really
        ended.
        """
        limit_ms, limited_by = job.limit
        if limit_ms <= 0 or job.stopped is not None:
            late = job.stopped is None
            self._settle(job, self._judged(job, too_late()) if late else self._stopped(job))
            return
        job.begin(self.clock.monotonic(), limited_by)
        self._alarms.set(job, limit_ms / 1000)
        outcome: Outcome | None
        try:
            outcome = await self._attempt(job, body)
            job.end()
        except asyncio.CancelledError:
            outcome = self._stopped(job)
        finally:
            self._alarms.drop(job)
        try:
            if not isinstance(outcome, Complete):
                await self._keep(job)
            if job.unsent is not None:
                await self._reporter.send(job)
        finally:
            self._settle(job, outcome)

    def _time_is_over(self, job: Running) -> None:
        """The job is told to stop; if it still runs after a while, it is settled without it."""
        why, job.limited_by = job.limited_by, None
        if why is None:
            self.give_up(job)
            return
        job.stop(why)
        self._alarms.set(job, STOP_GRACE_S)

    async def _keep(self, job: Running) -> None:
        """The next attempt goes on where this one was."""
        try:
            await job.flush()
        except CotizaError as error:
            self._telemetry.warn(
                "checkpoint.lost", job=job.job_id, type=job.job_type, error=error.message
            )

    async def _attempt(self, job: Running, body: codec.Body) -> Outcome:
        try:
            data = body.payload if body.blob is None else await content(self._offload, body.blob)
            result = codec.encode_result(await self._processor(self._payload(body, data), job))
            if self._offload is not None:
                result = await self._stored(self._offload, job, result)
            elif len(result) > codec.MAX_RESULT_BYTES:
                raise _too_large(result, codec.MAX_RESULT_BYTES)
            return Complete(result)
        except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            # Whatever it is (SystemExit, a panic of a native library): it is this job's failure.
            return self._judged(job, error)

    async def _stored(self, offload: Offload, job: Running, result: bytes) -> bytes:
        """What is kept of a result in Redis, with a store for large ones."""
        if len(result) > codec.MAX_STORED_BYTES:
            raise _too_large(result, codec.MAX_STORED_BYTES)
        return await offload.result(job.tenant, job.job_id, job.token, result)

    def _payload(self, body: codec.Body, data: bytes) -> Any:
        job_type = self._job_type
        try:
            if body.payload_version >= job_type.version:
                return self._decode(data)
            lifted = job_type.lifted(msgspec.json.decode(data), body.payload_version)
            return msgspec.convert(lifted, job_type.payload)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise InvalidData(f"the payload does not fit {self._job_type.name}: {error}") from None

    def _judged(self, job: Running, error: BaseException) -> Outcome:
        now = self.clock.now_ms()
        failure = failure_of(error, attempt=job.attempt, worker=self._worker, at=now)
        terms = Terms(
            rules=job.rules,
            chance=self._chance.fraction(),
            age_ms=job.age_ms,
            snoozed=job.snoozed,
            retries=self._job_type.retries,
        )
        outcome = decide(error, failure, terms)
        match outcome:
            case Snooze(reason, delay_ms):
                self._telemetry.say(
                    "job.snoozed", job=job.job_id, type=job.job_type, ms=delay_ms, reason=reason
                )
            case Discard():
                self._telemetry.say(
                    "job.discarded", job=job.job_id, type=job.job_type, reason=failure.message
                )
            case _:
                self._tell_failed(job, outcome.failure, error)
        return outcome

    def _tell_failed(self, job: Running, failure: Failure, error: BaseException) -> None:
        self._telemetry.warn(
            "attempt.failed",
            job=job.job_id,
            type=job.job_type,
            attempt=job.attempt,
            code=failure.code,
            error=failure.message,
            exc_info=error if failure.code == "unexpected_error" else None,
        )

    def _stopped(self, job: Running) -> Outcome | None:
        match job.stopped:
            case Stop.TIMEOUT:
                return self._judged(job, timed_out(job.rules.timeout))
            case Stop.DEADLINE:
                return self._judged(job, too_late())
            case Stop.DRAIN:
                return Release()
            case Stop.LOST:
                return None
            case Stop.DONE | None:
                return self._judged(job, asyncio.CancelledError())

    def drop(self, job: Running) -> None:
        """The job was told to stop before its processor had begun."""
        self._settle(job, self._stopped(job))

    def give_up(self, job: Running) -> None:
        """The processor ignores that it was told to stop: settle without it. Its slot stays taken
        until it ends.
        """
        self._telemetry.warn("processor.ignores_stop", job=job.job_id, type=job.job_type)
        self._settle(job, self._stopped(job))

    def _settle(self, job: Running, outcome: Outcome | None) -> None:
        if not self._leases.let_go(job) or outcome is None:
            return
        ran_s = 0.0 if job.began is None else self.clock.monotonic() - job.began
        notice = "stalled" if job.stopped is Stop.TIMEOUT else ""
        self._settler.add(job.delivery, outcome, round(ran_s * 1000), notice)


def _too_large(result: bytes, most: int) -> PermanentError:
    return PermanentError(
        f"the result has {len(result):,} bytes, over {most:,}",
        code="result_too_large",
        remedy="Store large results as files and return their URL.",
    )
