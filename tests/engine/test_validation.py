"""A payload is checked when it comes in and when it is taken: what does not fit is never stored,
and never run.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cotiza_queue import JobType, NewJob, Status
from cotiza_queue.errors import FieldError, InvalidInput, TooLarge, UnknownJobType
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
