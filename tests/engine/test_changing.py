"""Changing, promoting and cancelling what has not started, also while workers take it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from cotiza_queue import JobOptions, JobType, NewJob, Queue, Status
from cotiza_queue.errors import Conflict, InvalidInput, NotFound, TooLarge
from cotiza_queue.model.job import Enqueued
from cotiza_queue.store import codec
from cotiza_queue.store.commands import Delivery, Settlement, Turn

RACES = 6_000
PAGE = 500
OPERATORS = 8
VERBS = ("payload", "cancel", "priority", "promote", "delay")


class Races:
    """Jobs in a row; a taker and some operators go through it at the same time."""

    def __init__(self, queue: Queue, kind: str, ids: list[str]) -> None:
        self.queue = queue
        self.kind = kind
        self.ids = ids
        self.place = {job_id: n for n, job_id in enumerate(ids)}
        self.taken: dict[str, Delivery] = {}
        self.told: dict[str, str] = {}
        self.front = 0
        """The furthest job that was taken."""

    async def some(self, outcomes: Sequence[Settlement] = (), want: int = 3) -> Turn:
        """A few, taken by a worker that runs nothing."""
        turn = await self.queue._link.commands.turn(self.kind, "w", want, outcomes)
        for delivery in turn.deliveries:
            assert delivery.id not in self.taken
            self.taken[delivery.id] = delivery
            self.front = max(self.front, self.place[delivery.id])
        return turn

    async def take(self) -> None:
        """Everything, until nothing is left; abreast of the operators, so that they meet."""
        while len(self.told) < len(self.ids):
            if self.front < len(self.told) + OPERATORS // 2:
                await self.some(want=2)
            await asyncio.sleep(0)
        while await self._left():
            await self.some(want=100)

    async def _left(self) -> int:
        [metrics] = await self.queue.metrics(self.kind)
        return metrics.waiting + metrics.delayed

    async def operate(self, first: int) -> None:
        for n in range(first, len(self.ids), OPERATORS):
            verb = VERBS[n % len(VERBS)]
            try:
                await self._one(verb, self.ids[n])
            except Conflict as refused:
                verb = refused.code
            self.told[self.ids[n]] = verb

    async def _one(self, verb: str, job_id: str) -> None:
        match verb:
            case "payload":
                await self.queue.change(job_id, payload="new")
            case "priority":
                await self.queue.change(job_id, payload="new", priority=1)
            case "delay":
                await self.queue.change(job_id, payload="new", delay_ms=1)
            case "promote":
                await self.queue.promote(job_id)
            case _:
                await self.queue.cancel(job_id)


@pytest.mark.row("A7")
async def test_in_thousands_of_races_with_takes_each_change_wins_or_comes_too_late(
    redis_url: str, queue: Queue, kind: str
) -> None:
    delays = {"promote": 1, "cancel": 0}
    jobs = [
        NewJob(
            type=kind,
            payload="old",
            options=JobOptions(delay=delays.get(VERBS[n % len(VERBS)], 0), remove_on_fail=False),
        )
        for n in range(RACES)
    ]
    made = [each for each in await queue.enqueue_many(jobs) if isinstance(each, Enqueued)]
    async with Queue(redis_url) as other:
        races = Races(other, kind, [each.job_id for each in made])
        await races.some()
        await asyncio.gather(races.take(), *(races.operate(n) for n in range(OPERATORS)))
        done = [Settlement("complete", d.stored, d.token, b"1") for d in races.taken.values()]
        answers = [
            answer
            for start in range(0, len(done), PAGE)
            for answer in (await races.some(done[start : start + PAGE], want=0)).answers
        ]
    settled = dict(zip(races.taken, answers, strict=True))
    assert len(races.told) == RACES
    assert set(races.told.values()) <= {*VERBS, "already_started"}
    assert "already_started" in races.told.values()
    for job_id, verb in races.told.items():
        if verb == "cancel":
            assert settled.get(job_id, "lost") == "lost", "cancelled, and ended all the same"
            continue
        assert settled[job_id] == "ok", f"lost after {verb}"
        ran = codec.decode_json(codec.decode_body(races.taken[job_id].body).payload)
        assert ran == ("new" if verb in ("payload", "priority", "delay") else "old"), verb


async def test_what_has_not_started_is_changed_as_it_stands(queue: Queue, kind: str) -> None:
    waiting = await queue.enqueue(kind, 1)
    delayed = await queue.enqueue(kind, 1, options={"delay": 60_000})
    for made in (waiting, delayed):
        job = await queue.change(made.job_id, payload={"n": 2}, priority=3)
        assert (job.payload, job.priority, job.status) == ({"n": 2}, 3, made.status)
        assert (job.created_ms, job.due_ms) == (made.created_ms, made.due_ms)
    later = await queue.change(waiting.job_id, delay_ms=90_000)
    assert later.status is Status.DELAYED
    assert later.due_ms is not None
    assert later.due_ms >= later.created_ms + 90_000
    soon = await queue.change(delayed.job_id, delay_ms=0)
    assert (soon.status, soon.payload) == (Status.WAITING, {"n": 2})
    assert (await queue.promote(waiting.job_id)).status is Status.WAITING
    assert (await queue.promote(waiting.job_id)).status is Status.WAITING
    [metrics] = await queue.metrics(kind)
    assert (metrics.waiting, metrics.delayed) == (2, 0)


async def test_a_better_priority_lets_a_job_overtake(queue: Queue, kind: str, working: Any) -> None:
    ran: list[int] = []

    async def note(payload: Any, context: Any) -> None:
        ran.append(payload)

    jobs = [await queue.enqueue(kind, n) for n in range(30)]
    await queue.change(jobs[29].job_id, priority=1)
    await queue.change(jobs[0].job_id, priority=2000)
    async with working({kind: note}, concurrency=1):
        for job in jobs:
            await queue.wait(job.job_id)
    assert ran == [29, *range(1, 29), 0]


async def test_a_blocked_job_is_changed_and_promoted_too(
    queue: Queue, kind: str, working: Any
) -> None:
    began, go = asyncio.Event(), asyncio.Event()
    ran: list[Any] = []

    async def run(payload: Any, context: Any) -> None:
        ran.append(payload)
        began.set()
        await go.wait()

    options = JobOptions(unique_key="k", on_duplicate="next")
    first = await queue.enqueue(kind, 1, options=options)
    async with working({kind: run}, concurrency=2):
        await began.wait()
        behind = await queue.enqueue(kind, 2, options=options)
        changed = await queue.change(behind.job_id, payload=3, delay_ms=60_000)
        assert (changed.status, changed.payload) == (Status.BLOCKED, 3)
        assert (await queue.promote(behind.job_id)).status is not Status.BLOCKED
        go.set()
        for job in (first, behind):
            await queue.wait(job.job_id)
    assert ran == [1, 3]


async def test_a_job_that_has_started_or_ended_stays_as_it_is(
    queue: Queue, kind: str, working: Any
) -> None:
    began, go = asyncio.Event(), asyncio.Event()

    async def run(payload: Any, context: Any) -> None:
        began.set()
        await go.wait()

    async def code(job_id: str) -> list[str]:
        found = []
        for call in (queue.change(job_id, payload=2), queue.promote(job_id)):
            with pytest.raises(Conflict) as caught:
                await call
            found.append(caught.value.code)
        return found

    job = await queue.enqueue(kind, 1)
    async with working({kind: run}):
        await began.wait()
        assert await code(job.job_id) == ["already_started"] * 2
        go.set()
        await queue.wait(job.job_id)
        assert await code(job.job_id) == ["already_completed"] * 2
    assert (await queue.get(job.job_id)).payload == 1


async def test_a_new_payload_is_checked_like_the_first(redis_url: str, kind: str) -> None:
    async with Queue(redis_url, job_types=[JobType(kind, dict[str, int])]) as queue:
        job = await queue.enqueue(kind, {"n": 1}, tenant="acme")
        with pytest.raises(InvalidInput) as caught:
            await queue.change(job.job_id, payload={"n": "many"})
        assert caught.value.fields[0].field.startswith("data")
        with pytest.raises(NotFound):
            await queue.change(job.job_id, payload={"n": 2}, tenant="other")
        assert (await queue.get(job.job_id)).payload == {"n": 1}


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({}, ["data", "priority", "delay"]),
        ({"priority": -1}, ["priority"]),
        ({"priority": 1_000_001}, ["priority"]),
        ({"delay_ms": -1}, ["delay_ms"]),
        ({"delay_ms": 366 * 86_400_000 + 1}, ["delay_ms"]),
    ],
)
async def test_a_change_out_of_range_is_refused(
    queue: Queue, kind: str, change: dict[str, Any], fields: list[str]
) -> None:
    job = await queue.enqueue(kind, 1)
    with pytest.raises(InvalidInput) as caught:
        await queue.change(job.job_id, **change)
    assert [fault.field for fault in caught.value.fields] == fields


async def test_a_payload_too_large_is_refused(queue: Queue, kind: str) -> None:
    job = await queue.enqueue(kind, 1)
    with pytest.raises(TooLarge):
        await queue.change(job.job_id, payload="x" * codec.MAX_PAYLOAD_BYTES)


@pytest.mark.row("A7")
async def test_a_payload_of_another_version_is_not_replaced(
    redis_url: str, queue: Queue, kind: str
) -> None:
    job = await queue.enqueue(kind, {"name": "old"})
    newer = JobType[Any](kind, version=2, upcasts={1: lambda old: {"title": old["name"]}})
    async with Queue(redis_url, job_types=[newer]) as program:
        with pytest.raises(Conflict) as caught:
            await program.change(job.job_id, payload={"title": "new"}, priority=3)
        assert caught.value.code == "payload_version_differs"
        unchanged = await program.get(job.job_id)
        assert (unchanged.payload, unchanged.priority) == ({"name": "old"}, 0)
        assert (await program.change(job.job_id, priority=3)).priority == 3
