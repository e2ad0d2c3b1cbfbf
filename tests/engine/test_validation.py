"""A payload is checked when it comes in and when it is taken: what does not fit is never stored,
and never run.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cotiza_queue import (
    JobOptions,
    JobType,
    Limits,
    NewJob,
    RetryPolicy,
    Status,
    Worker,
    WorkerOptions,
)
from cotiza_queue.errors import (
    ConfigurationError,
    FieldError,
    InvalidInput,
    TooLarge,
    UnknownJobType,
)
from cotiza_queue.model.policy import Defaults, Rate
from cotiza_queue.store.codec import MAX_PAYLOAD_BYTES
from cotiza_queue.testing import LocalQueue, drain
from cotiza_queue.testing import queue as local_queue


class Order(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A payload as it is today."""

    part_name: str
    pieces: int


def even(payload: Order) -> None:
    if payload.pieces % 2:
        raise InvalidInput("odd", fields=[FieldError("data.pieces", "must be even")])


ORDER = JobType("order", Order, check=even)
BAD = {
    "a field is missing": ({"partName": "cube"}, "data.pieces"),
    "a field has the wrong type": ({"partName": "cube", "pieces": "two"}, "data.pieces"),
    "a field is unknown": ({"partName": "cube", "pieces": 2, "colour": "red"}, "data.colour"),
    "it is no object": (5, "data"),
    "the type's own check refuses it": ({"partName": "cube", "pieces": 3}, "data.pieces"),
}


async def stored(queue: LocalQueue) -> int:
    """Keys in the queue's database."""
    return int(await queue.link.connection.command("DBSIZE"))


@pytest.mark.row("H2")
@pytest.mark.parametrize(("payload", "path"), BAD.values(), ids=BAD)
async def test_an_invalid_payload_never_reaches_redis_by_whichever_door(
    payload: Any, path: str
) -> None:
    async with local_queue(job_types=[ORDER]) as queue:
        doors = (
            lambda: queue.enqueue(ORDER, payload),
            lambda: queue.enqueue("order", payload),
            lambda: queue.schedule(ORDER, payload, 1000),
            lambda: queue.add_recurring(ORDER, payload, "0 9 * * *"),
        )
        for door in doors:
            with pytest.raises(InvalidInput) as refusal:
                await door()
            assert [fault.field for fault in refusal.value.fields] == [path]
        bulk = await queue.enqueue_many([NewJob(type="order", payload=payload)] * 3)
        assert all(isinstance(answer, InvalidInput) for answer in bulk)
        assert await stored(queue) == 0


@pytest.mark.row("H2")
async def test_neither_do_an_unknown_type_and_a_payload_over_the_limit() -> None:
    async with local_queue(job_types=[JobType("known")]) as queue:
        with pytest.raises(UnknownJobType):
            await queue.enqueue("unknown", {})
        text = "x" * (MAX_PAYLOAD_BYTES - 2)
        with pytest.raises(TooLarge):
            await queue.enqueue("known", text + "x")
        assert await stored(queue) == 0
        assert (await queue.enqueue("known", text)).status is Status.WAITING


@pytest.mark.row("H2")
async def test_a_payload_that_no_longer_fits_when_it_is_taken_fails_at_once_as_invalid_data() -> (
    None
):
    ran: list[Any] = []

    async def note(payload: Any, context: Any) -> None:
        ran.append(payload)

    async with local_queue({ORDER: note}) as queue:
        # Written by an older program, whose type of that name asked for less.
        old = await queue.enqueue(JobType("order"), {"partName": "cube"})
        new = await queue.enqueue(ORDER, Order("cube", 2))
        await drain(queue)
        failed, done = await queue.get(old.job_id), await queue.get(new.job_id)
        letter = await queue.dead_letter(old.job_id)
    assert ran == [Order("cube", 2)]
    assert (done.status, failed.status, failed.attempt) == (Status.COMPLETED, Status.FAILED, 1)
    assert failed.failure is not None
    assert failed.failure.code == "invalid_data"
    assert "pieces" in failed.failure.message
    assert letter.payload == {"partName": "cube"}


async def test_a_processor_is_given_the_struct_whatever_the_caller_gave() -> None:
    seen: list[Any] = []

    async def note(payload: Any, context: Any) -> None:
        seen.append(payload)

    async with local_queue({ORDER: note}) as queue:
        await queue.enqueue(ORDER, Order("cube", 2))
        await queue.enqueue(ORDER, {"partName": "cube", "pieces": 2})
        await drain(queue)
    assert seen == [Order("cube", 2)] * 2


WRONG_OPTIONS = {
    "priority": (-1, "options.priority"),
    "attempts": (26, "options.attempts"),
    "timeout": (99, "options.timeout"),
    "delay": ("soon", "options.delay"),
    "cost": (0, "options.cost"),
    "tags": (("x" * 65,), "options.tags[0]"),
    "deadline": (0, "options.deadline"),
    "backoff": (RetryPolicy(delay=0), "options.backoff.delay"),
    "unique_key": ("", "options.uniqueKey"),
}


@pytest.mark.row("H2")
@pytest.mark.parametrize("name", WRONG_OPTIONS)
async def test_options_that_python_made_are_checked_like_those_of_a_request(name: str) -> None:
    value, field = WRONG_OPTIONS[name]
    options = JobOptions(**{name: value})
    async with local_queue() as queue:
        doors = (
            lambda: queue.enqueue("order", {}, options=options),
            lambda: queue.schedule("order", {}, 1000, options=options),
            lambda: queue.add_recurring("order", {}, "0 9 * * *", options=options),
        )
        for door in doors if name != "delay" else doors[:1]:
            with pytest.raises(InvalidInput) as refusal:
                await door()
            assert [fault.field for fault in refusal.value.fields] == [field]
        jobs = [NewJob(type="order", payload={}, options=options)]
        (answer,) = await queue.enqueue_many(jobs)
        assert isinstance(answer, InvalidInput)
        assert await stored(queue) == 0


@pytest.mark.row("H2")
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"tenant": 5}, "tenantId"),
        ({"tenant": "a b"}, "tenantId"),
        ({"idempotency_key": ""}, "idempotencyKey"),
        ({"idempotency_key": "k" * 513}, "idempotencyKey"),
        ({"idempotency_key": 5}, "idempotencyKey"),
        ({"type": 5}, "type"),
        ({"type": "Order"}, "type"),
    ],
)
async def test_a_new_job_that_python_made_is_checked(wrong: dict[str, Any], field: str) -> None:
    async with local_queue() as queue:
        (answer,) = await queue.enqueue_many([NewJob(**{"type": "order", "payload": {}} | wrong)])
        assert isinstance(answer, InvalidInput)
        assert [fault.field for fault in answer.fields] == [field]
        assert await stored(queue) == 0


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"concurrency": 0}, "limits.concurrency"),
        ({"depth": -1}, "limits.depth"),
        ({"weight": 101}, "limits.weight"),
        ({"max_wait": 0}, "limits.maxWait"),
        ({"rate": Rate(count=0)}, "limits.rate.count"),
        ({"shares": {"1": 0}}, "limits.shares"),
    ],
)
async def test_limits_that_python_made_are_checked(wrong: dict[str, Any], field: str) -> None:
    async with local_queue() as queue:
        with pytest.raises(InvalidInput) as refusal:
            await queue.limit("order", Limits(**wrong))
        assert [fault.field for fault in refusal.value.fields] == [field]
        assert await stored(queue) == 0


@pytest.mark.parametrize(
    "wrong", [{"lease_ms": 99}, {"drain_ms": -1}, {"processes": 0}, {"concurrency": "many"}]
)
async def test_what_a_worker_is_told_is_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Worker({}, options=WorkerOptions(**wrong))
    assert [fault.field for fault in refusal.value.fields] == [f"options.{next(iter(wrong))}"]


def test_the_defaults_of_a_type_are_checked() -> None:
    with pytest.raises(ConfigurationError, match=r"Defaults of order: .*attempts"):
        JobType("order", defaults=Defaults(attempts=0))
    with pytest.raises(ConfigurationError, match=r"RetryPolicy of order: .*delay"):
        JobType("order", retries={OSError: RetryPolicy(delay=-5), "gone": "never"})
