"""Middleware around runs and enqueues, and hooks on changes of status."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cotiza_queue import JobOptions, NewJob, Queue, Status
from cotiza_queue.errors import (
    ConfigurationError,
    CotizaError,
    Forbidden,
    InvalidInput,
    PermanentError,
)
from cotiza_queue.middleware import EnqueueMiddleware, Transition, for_types
from cotiza_queue.model.context import Processor
from cotiza_queue.model.job import Enqueued
from cotiza_queue.store.connection import Connection


async def echo(payload: Any, context: Any) -> Any:
    return payload


class Ears:
    """A hook and a telemetry that keep what they hear."""

    def __init__(self) -> None:
        self.events: list[Transition] = []
        self.warnings: list[str] = []

    def on_transition(self, event: Transition) -> None:
        self.events.append(event)

    def say(self, name: str, **fields: Any) -> None:
        pass

    def warn(self, name: str, **fields: Any) -> None:
        self.warnings.append(name)

    @property
    def seen(self) -> list[tuple[str, int]]:
        return [(str(event.status), event.attempt) for event in self.events]


class Deaf(Ears):
    """A hook that fails at everything."""

    def on_transition(self, event: Transition) -> None:
        super().on_transition(event)
        raise RuntimeError("I can't hear")


# -- around a run


@pytest.mark.row("H6")
async def test_middleware_stands_around_each_run_in_a_fixed_order_outermost_first(
    queue: Queue, kind: str, working: Any
) -> None:
    trace: list[str] = []

    def named(name: str) -> Any:
        async def middleware(payload: Any, context: Any, call_next: Processor) -> Any:
            trace.append(f"{name} in")
            result = await call_next([*payload, name], context)
            trace.append(f"{name} out")
            return [*result, name.upper()]

        return middleware

    async with working({kind: echo}, middleware=[named("a"), named("b"), named("c")]):
        job = await queue.enqueue(kind, ["x"])
        assert await queue.result(job.job_id) == ["x", "a", "b", "c", "C", "B", "A"]
    assert trace == ["a in", "b in", "c in", "c out", "b out", "a out"]


@pytest.mark.row("H6")
async def test_middleware_can_be_for_some_job_types_only(
    queue: Queue, kind: str, working: Any
) -> None:
    met: list[str] = []

    @for_types(kind)
    async def choosy(payload: Any, context: Any, call_next: Processor) -> Any:
        met.append(context.job_type)
        return await call_next(payload, context)

    other = f"{kind}x"
    async with working({kind: echo, other: echo}, middleware=[choosy]):
        for name in (kind, other, kind):
            await queue.result((await queue.enqueue(name, 1)).job_id)
    assert met == [kind, kind]


async def test_what_middleware_raises_counts_as_raised_by_the_processor(
    queue: Queue, kind: str, working: Any
) -> None:
    ran: list[Any] = []

    async def note(payload: Any, context: Any) -> None:
        ran.append(payload)

    async def guard(payload: Any, context: Any, call_next: Processor) -> Any:
        if payload == "bad":
            raise PermanentError("not today", code="guarded")
        if context.attempt == 1:
            raise OSError("try again")
        return await call_next(payload, context)

    fixed = {"backoff": {"type": "fixed", "delay": 1}}
    async with working({kind: note}, middleware=[guard]):
        bad, good = [await queue.enqueue(kind, word, options=fixed) for word in ("bad", "good")]
        ended = await queue.wait(bad.job_id), await queue.wait(good.job_id)
    assert [(job.status, job.attempt) for job in ended] == [("failed", 1), ("completed", 2)]
    assert ended[0].failure is not None
    assert ended[0].failure.code == "guarded"
    assert ran == ["good"]


async def test_middleware_can_answer_without_running_the_processor(
    queue: Queue, kind: str, working: Any
) -> None:
    async def cached(payload: Any, context: Any, call_next: Processor) -> Any:
        return "from the cache"

    async with working({kind: echo}, middleware=[cached]):
        assert await queue.result((await queue.enqueue(kind, 1)).job_id) == "from the cache"


# -- around an enqueue


class Stamp(EnqueueMiddleware):
    """Adds its name to the payload, and notes what it is told."""

    def __init__(self, name: str, trace: list[str]) -> None:
        self.name, self.trace = name, trace

    async def before_enqueue(self, job: NewJob) -> NewJob:
        self.trace.append(f"{self.name} before")
        return msgspec.structs.replace(job, payload=[*job.payload, self.name])

    async def after_enqueue(self, job: NewJob, answer: Enqueued | Exception) -> None:
        self.trace.append(f"{self.name} after {job.payload} {type(answer).__name__}")


class Refuse(EnqueueMiddleware):
    """Lets nothing of a tenant through."""

    async def before_enqueue(self, job: NewJob) -> NewJob:
        if job.tenant == "banned":
            raise Forbidden("that tenant may not")
        if job.tenant == "odd":
            raise ZeroDivisionError("a bug")
        return job


@pytest.mark.row("H6")
async def test_middleware_stands_around_each_enqueue_in_a_fixed_order(
    redis_url: str, kind: str
) -> None:
    trace: list[str] = []
    async with Queue(redis_url, middleware=[Stamp("a", trace), Stamp("b", trace)]) as queue:
        job = await queue.enqueue(kind, ["x"])
        assert (await queue.get(job.job_id)).payload == ["x", "a", "b"]
    went_in = "['x', 'a', 'b'] Enqueued"
    assert trace == ["a before", "b before", f"b after {went_in}", f"a after {went_in}"]


@pytest.mark.row("H6")
async def test_bulk_jobs_pass_the_middleware_one_by_one_and_still_go_in_one_call_a_chunk(
    redis_url: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    genuine = Connection.call_each

    async def counted(self: Connection, verb: str, asked: Any) -> Any:
        calls.extend([verb] * len(asked))
        return await genuine(self, verb, asked)

    monkeypatch.setattr(Connection, "call_each", counted)
    trace: list[str] = []
    jobs = [NewJob(type=kind, payload=[n]) for n in range(250)]
    jobs[7] = msgspec.structs.replace(jobs[7], tenant="banned")
    jobs[8] = msgspec.structs.replace(jobs[8], tenant="odd")
    jobs[9] = msgspec.structs.replace(jobs[9], options=JobOptions(priority=-1))
    async with Queue(redis_url, middleware=[Stamp("a", trace), Refuse()]) as queue:
        answers = await queue.enqueue_many(jobs)
        assert (await queue.get(answers[249].job_id)).payload == [249, "a"]  # type: ignore[union-attr]
    assert calls.count("enqueue") == 3
    assert [type(answer) for answer in answers[6:9]] == [Enqueued, Forbidden, CotizaError]
    assert answers[8].code == "middleware_failed"  # type: ignore[union-attr]
    assert trace.count("a before") == 250
    assert sum(" after " in line for line in trace) == 250
    assert "a after [7, 'a'] Forbidden" in trace


async def test_what_is_refused_on_the_way_in_reaches_neither_redis_nor_the_rest(
    redis_url: str, kind: str
) -> None:
    trace: list[str] = []
    middleware = [Stamp("a", trace), Refuse(), Stamp("b", trace)]
    async with Queue(redis_url, middleware=middleware) as queue:
        with pytest.raises(Forbidden):
            await queue.enqueue(kind, [1], tenant="banned")
        with pytest.raises(CotizaError, match="Refuse failed: ZeroDivisionError: a bug"):
            await queue.enqueue(kind, [1], tenant="odd")
        assert (await queue.list(None, job_type=kind)).items == []
    assert trace[:2] == ["a before", "a after [1, 'a'] Forbidden"]
    assert not any(line.startswith("b ") for line in trace)


async def test_enqueue_middleware_may_change_everything_but_the_type(
    redis_url: str, kind: str
) -> None:
    class Retype(EnqueueMiddleware):
        async def before_enqueue(self, job: NewJob) -> NewJob:
            return msgspec.structs.replace(job, type="other")

    async with Queue(redis_url, middleware=[Retype()]) as queue:
        with pytest.raises(ConfigurationError, match="into one of other"):
            await queue.enqueue(kind, 1)


async def test_an_error_after_the_enqueue_is_reported_and_the_job_is_there(
    redis_url: str, kind: str
) -> None:
    class Late(EnqueueMiddleware):
        async def after_enqueue(self, job: NewJob, answer: Enqueued | Exception) -> None:
            raise RuntimeError("too late")

    ears = Ears()
    async with Queue(redis_url, middleware=[Late()], telemetry=ears) as queue:
        job = await queue.enqueue(kind, 1)
        assert (await queue.get(job.job_id)).status is Status.WAITING
    assert ears.warnings == ["middleware.failed"]


async def test_a_payload_spoilt_by_middleware_is_refused_like_any_other(
    redis_url: str, kind: str
) -> None:
    class Spoil(EnqueueMiddleware):
        async def before_enqueue(self, job: NewJob) -> NewJob:
            return msgspec.structs.replace(job, payload={1, 2} and object())

    async with Queue(redis_url, middleware=[Spoil()]) as queue:
        with pytest.raises(InvalidInput, match="not JSON"):
            await queue.enqueue(kind, 1)


# -- on a transition


@pytest.mark.row("H6")
async def test_hooks_hear_of_every_transition_that_their_process_makes(
    redis_url: str, kind: str, working: Any
) -> None:
    async def second_time(payload: Any, context: Any) -> None:
        if context.attempt == 1 or payload == "never":
            raise PermanentError("no", code="no") if payload == "never" else OSError("later")

    inside, outside = Ears(), Ears()
    fixed = {"backoff": {"type": "fixed", "delay": 1}}
    async with Queue(redis_url, hooks=[outside]) as queue:
        job = await queue.enqueue(kind, 1, options=fixed, tenant="acme")
        gone = await queue.enqueue(kind, 1, options={"delay": 60_000})
        await queue.cancel(gone.job_id)
        async with working({kind: second_time}, hooks=[inside]):
            await queue.wait(job.job_id)
        dead = await queue.enqueue(kind, "never")
        async with working({kind: second_time}, hooks=[inside]):
            await queue.wait(dead.job_id)
        await queue.replay(dead.job_id)
    outward = ("waiting", "delayed", "cancelled", "waiting", "waiting")
    assert outside.seen == [(word, 0) for word in outward]
    assert inside.seen == [
        *(("active", 1), ("delayed", 1), ("active", 2), ("completed", 2)),
        *(("active", 1), ("failed", 1)),
    ]
    assert [event.code for event in inside.events] == ["", "unexpected_error", "", "", "", "no"]
    assert {event.tenant for event in inside.events} == {"acme", "default"}
    assert {event.job_type for event in inside.events} == {kind}


@pytest.mark.row("H6")
async def test_a_hook_that_fails_is_reported_and_harms_no_job(
    redis_url: str, kind: str, working: Any
) -> None:
    deaf, ears = Deaf(), Ears()
    async with (
        Queue(redis_url, hooks=[deaf, ears], telemetry=ears) as queue,
        working({kind: echo}, hooks=[deaf, ears], telemetry=ears),
    ):
        jobs = [await queue.enqueue(kind, n) for n in range(5)]
        assert [await queue.result(job.job_id) for job in jobs] == [0, 1, 2, 3, 4]
    assert len(deaf.events) == len(ears.events) == 15
    assert ears.warnings == ["hook.failed"] * 15


async def test_a_hook_can_be_for_some_job_types_only(redis_url: str, kind: str) -> None:
    ears = for_types(kind)(Ears())
    async with Queue(redis_url, hooks=[ears]) as queue:
        await queue.enqueue(f"{kind}x", 1)
        job = await queue.enqueue(kind, 1)
    assert [event.job_id for event in ears.events] == [job.job_id]
