"""Where a program's middleware and hooks are called, and what becomes of their errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from ..errors import ConfigurationError, CotizaError
from ..middleware import EnqueueMiddleware, Hook, Transition, applies
from ..model.job import Enqueued, Job, NewJob
from ..model.status import Status
from ..store import codec
from ..store.asked import Intake
from ..store.commands import Settlement, Turn
from ..store.ids import public
from ..telemetry import Telemetry

_LEADS_TO = {
    "complete": Status.COMPLETED,
    "retry": Status.DELAYED,
    "snooze": Status.DELAYED,
    "fail": Status.FAILED,
    "discard": Status.CANCELLED,
    "release": Status.WAITING,
}


class Passage:
    """One job on its way through the enqueue middleware and back."""

    def __init__(self, middleware: Sequence[EnqueueMiddleware], telemetry: Telemetry) -> None:
        self._middleware = middleware
        self._telemetry = telemetry
        self._entered: list[EnqueueMiddleware] = []
        self._job: NewJob | None = None

    async def enter(self, job: NewJob) -> NewJob:
        """The job as the middleware wants it. Raises CotizaError: whatever else middleware raises
        is wrapped in one.
        """
        self._job = job
        for each in self._middleware:
            if applies(each, job.type):
                self._job = await self._before(each, self._job)
                self._entered.append(each)
        return self._job

    async def _before(self, each: EnqueueMiddleware, job: NewJob) -> NewJob:
        try:
            changed = await each.before_enqueue(job)
        except CotizaError:
            raise
        except Exception as error:
            raise CotizaError(
                f"{type(each).__name__} failed: {type(error).__name__}: {error}",
                code="middleware_failed",
            ) from error
        if changed.type != job.type:
            raise ConfigurationError(
                f"{type(each).__name__} turned a job of type {job.type} into one of {changed.type}",
                remedy="Middleware may change everything but the type.",
            )
        return changed

    async def leave(self, answer: Enqueued | Exception) -> None:
        """Tell what became of it, the innermost first."""
        for each in reversed(self._entered):
            try:
                assert self._job is not None  # noqa: S101 - something has entered
                await each.after_enqueue(self._job, answer)
            except Exception as error:
                _report(self._telemetry, "middleware.failed", each, error)


async def passed(
    passage: Passage, job: NewJob, accept: Callable[[NewJob], Awaitable[Enqueued]]
) -> Enqueued:
    """One job through the middleware, into ``accept``, and out again."""
    try:
        answer = await accept(await passage.enter(job))
    except Exception as error:
        await passage.leave(error)
        raise
    await passage.leave(answer)
    return answer


class Hooks:
    """Tells hooks of transitions; none of them can do harm."""

    def __init__(self, hooks: Sequence[Hook], telemetry: Telemetry) -> None:
        self._hooks = tuple(hooks)
        self._telemetry = telemetry
        self.none = not self._hooks

    def tell(self, event: Transition) -> None:
        for hook in self._hooks:
            if not applies(hook, event.job_type):
                continue
            try:
                hook.on_transition(event)
            except Exception as error:
                _report(self._telemetry, "hook.failed", hook, error)

    def enqueued(self, jobs: Sequence[Intake], answers: Sequence[object]) -> None:
        """What an enqueueing call has made."""
        if not self._hooks:
            return
        for job, made in zip(jobs, answers, strict=True):
            if isinstance(made, Enqueued) and made.created:
                self.tell(
                    Transition(
                        job_id=made.job_id,
                        job_type=made.type,
                        status=made.status,
                        tenant=job.tenant,
                    )
                )

    def changed(self, job: Job, status: Status) -> None:
        self.tell(Transition(job_id=job.id, job_type=job.type, status=status, tenant=job.tenant))

    def turned(self, job_type: str, outcomes: Sequence[Settlement], turn: Turn) -> None:
        """What a turn has settled, and what it has started."""
        if not self._hooks:
            return
        for outcome, answer in zip(outcomes, turn.answers, strict=True):
            if answer == "ok" and outcome.kind in _LEADS_TO:
                self.tell(_settled(job_type, outcome))
            elif answer not in ("ok", "again", "lost"):
                event = _settled(job_type, outcome)
                self.tell(msgspec.structs.replace(event, status=Status.FAILED, code=answer))
        for delivery in turn.deliveries:
            self.tell(
                Transition(
                    job_id=delivery.id,
                    job_type=job_type,
                    status=Status.ACTIVE,
                    tenant=delivery.tenant,
                    attempt=delivery.attempt,
                )
            )


def _settled(job_type: str, outcome: Settlement) -> Transition:
    failed = outcome.kind in ("retry", "fail", "discard")
    return Transition(
        job_id=public(outcome.stored, job_type),
        job_type=job_type,
        status=_LEADS_TO[outcome.kind],
        tenant=outcome.tenant,
        attempt=outcome.attempt,
        code=codec.decode_failures([outcome.value])[0].code if failed else "",
    )


def _report(telemetry: Telemetry, name: str, who: object, error: Exception) -> None:
    telemetry.warn(name, who=type(who).__name__, error=str(error), exc_info=error)
