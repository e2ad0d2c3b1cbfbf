"""Outcomes on their way to Redis: how many go at once."""

from __future__ import annotations

from typing import Any

import pytest

from cotiza_queue import NewJob, Queue, Status
from cotiza_queue.engine.settler import PAGE, PAGE_BYTES, Settler
from cotiza_queue.errors import QueueDamaged
from cotiza_queue.model.outcome import Complete, Fail, Failure, Hold
from cotiza_queue.store import keys
from cotiza_queue.store.commands import Commands, Delivery, Settlement
from cotiza_queue.store.ids import StoredId, stored


def job_of(n: int) -> StoredId:
    return stored(f"j{n}", "x")


def line_of(sizes: list[int]) -> Settler:
    settler = Settler(lambda: None)
    for n, size in enumerate(sizes):
        settler.add(Delivery("x", job_of(n), n, 1, 0, "t", b""), Complete(b"x" * size), 0)
    return settler


def pages_of(settler: Settler) -> list[int]:
    """How many outcomes each page has."""
    pages = []
    while page := settler.page():
        pages.append(len(page))
        settler.answered(page)
    return pages


def test_a_page_has_so_many_outcomes_and_no_more() -> None:
    assert pages_of(line_of([1] * (2 * PAGE + 1))) == [PAGE, PAGE, 1]


def test_large_results_go_few_at_a_time_and_each_goes() -> None:
    assert pages_of(line_of([PAGE_BYTES] * 3)) == [1, 1, 1]
    assert pages_of(line_of([PAGE_BYTES // 2 - 1] * 5)) == [3, 2]
    assert pages_of(line_of([0, PAGE_BYTES, 0])) == [2, 1]


def test_pages_that_are_under_way_share_nothing_and_go_back_in_their_order() -> None:
    settler = line_of([1] * 10)
    first, second = settler.page(4), settler.page(4)
    assert [s.stored for s in (*first, *second)] == list(map(job_of, range(8)))
    assert (len(settler), len(settler.ids())) == (2, 10)
    settler.unanswered(second)
    settler.answered(first)
    left = list(map(job_of, range(4, 10)))
    assert settler.ids() == [s.stored for s in settler.page(100)] == left


@pytest.mark.parametrize("size", [1, PAGE_BYTES - len("tenant")])
def test_a_hold_goes_in_the_page_of_its_outcome(size: int) -> None:
    settler = line_of([size])
    why = Failure(code="busy", message="later", at=0, attempt=1)
    settler.add(Delivery("x", job_of(9), 9, 1, 0, "t", b""), Fail(why, Hold("tenant", 50)), 0)
    page = settler.page(2)
    assert [s.kind for s in page] == ["complete", "hold", "fail"]
    assert settler.page() == []


async def test_a_hundred_results_of_nearly_a_mebibyte_all_arrive(
    queue: Queue, kind: str, working: Any
) -> None:
    async def large(payload: Any, context: Any) -> str:
        return "x" * 1_000_000

    async with working({kind: large}, concurrency=100):
        made = await queue.enqueue_many([NewJob(type=kind, payload=n) for n in range(100)])
        for job in made:
            ended = await queue.wait(job.job_id)  # type: ignore[union-attr]
            assert ended.status is Status.COMPLETED
            assert len(ended.result) == 1_000_000


async def test_a_turn_that_can_delay_no_job_notes_nothing_of_it(queue: Queue, kind: str) -> None:
    """A worker repeats it until the key is mended."""
    raw, delayed = queue._link.connection, keys.prefix(kind) + "delayed"
    commands = Commands(raw)
    made = await queue.enqueue(kind, 1)
    (job,) = (await commands.turn(kind, "w", 1, [])).deliveries
    failure = b'{"code":"busy","message":"later","at":0,"attempt":1}'
    outcomes = [Settlement("retry", job.stored, job.token, failure, 60_000)]
    await raw.command("SET", delayed, "x")
    for _ in range(2):
        with pytest.raises(QueueDamaged):
            await commands.turn(kind, "w", 0, outcomes)
    await raw.command("DEL", delayed)
    assert (await commands.turn(kind, "w", 0, outcomes)).answers == ["ok"]
    found = await queue.get(made.job_id)
    assert (found.status, len(found.failures)) == (Status.DELAYED, 1)
    assert [entry.cause for entry in await queue.history(made.job_id)][1:] == ["take", "retry"]
