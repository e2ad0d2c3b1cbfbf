"""Taking jobs in: order, delays, ids, unique keys, many at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import NewJob, Queue, Status
from cotiza_queue.errors import InvalidInput, NotFound
from cotiza_queue.model.policy import JobOptions


async def run_in_order(queue: Queue, kind: str, working: Any, count: int) -> list[Any]:
    ran: list[Any] = []
    enough = asyncio.Event()

    async def note(payload: Any, context: Any) -> None:
        ran.append(payload)
        if len(ran) == count:
            enough.set()

    async with working({kind: note}, concurrency=1):
        await enough.wait()
    return ran


async def test_lower_priorities_run_first_and_none_is_normal(
    queue: Queue, kind: str, working: Any
) -> None:
    for priority in (5, 0, 1_000_000, 1, 30, 2000, 2):
        await queue.enqueue(kind, priority, options={"priority": priority})
    assert await run_in_order(queue, kind, working, 7) == [1, 2, 5, 30, 0, 2000, 1_000_000]


async def test_jobs_of_one_priority_run_in_the_order_they_came(
    queue: Queue, kind: str, working: Any
) -> None:
    await queue.enqueue_many([NewJob(type=kind, payload=n) for n in range(250)])
    assert await run_in_order(queue, kind, working, 250) == list(range(250))


async def test_a_delayed_job_never_starts_early(queue: Queue, kind: str, working: Any) -> None:
    async def echo(payload: Any, context: Any) -> None:
        return None

    async with working({kind: echo}):
        jobs = [await queue.schedule(kind, n, 40 * n) for n in range(1, 6)]
        for job in jobs:
            done = await queue.wait(job.job_id)
            assert done.due_ms is not None
            assert done.started_ms is not None
            assert done.started_ms >= done.due_ms == job.due_ms


async def test_the_same_job_id_is_the_same_job(queue: Queue, kind: str) -> None:
    answers = await asyncio.gather(
        *(queue.enqueue(kind, n, tenant=kind, options={"jobId": "order-1"}) for n in range(50))
    )
    assert len({answer.job_id for answer in answers}) == 1
    assert [answer.created for answer in answers].count(True) == 1
    assert (await queue.get("order-1", tenant=kind)).id == answers[0].job_id


async def test_two_tenants_may_choose_the_same_job_id(queue: Queue, kind: str) -> None:
    ours = await queue.enqueue(kind, "ours", tenant=f"{kind}-a", options={"jobId": "order-1"})
    theirs = await queue.enqueue(kind, "theirs", tenant=f"{kind}-b", options={"jobId": "order-1"})
    assert ours.created
    assert theirs.created
    assert (await queue.get("order-1", tenant=f"{kind}-b")).payload == "theirs"
    with pytest.raises(NotFound):
        await queue.get(ours.job_id, tenant=f"{kind}-b")


async def test_a_unique_key_admits_one_live_job(queue: Queue, kind: str, working: Any) -> None:
    async def echo(payload: Any, context: Any) -> Any:
        return payload

    options = {"uniqueKey": "nightly"}
    answers = await asyncio.gather(*(queue.enqueue(kind, n, options=options) for n in range(50)))
    assert len({answer.job_id for answer in answers}) == 1
    async with working({kind: echo}):
        await queue.wait(answers[0].job_id)
        again = await queue.enqueue(kind, "again", options=options)
        assert again.created
        assert again.job_id != answers[0].job_id


async def test_enqueue_many_answers_in_order_and_no_bad_job_stops_another(
    queue: Queue, kind: str
) -> None:
    jobs = [NewJob(type=kind, payload=n) for n in range(230)]
    jobs[7] = NewJob(type="Not A Type", payload=7)
    jobs[150] = NewJob(type=kind, payload=object())
    answers = await queue.enqueue_many(jobs)
    assert [type(a).__name__ for a in answers].count("Enqueued") == 228
    assert isinstance(answers[7], InvalidInput)
    assert isinstance(answers[150], InvalidInput)
    found = [job.payload for job in (await queue.list("default", job_type=kind, limit=500)).items]
    assert found == [n for n in reversed(range(230)) if n not in (7, 150)]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"priority": -1}, "options.priority"),
        ({"priority": 1_000_001}, "options.priority"),
        ({"priority": True}, "options.priority"),
        ({"priority": 1.5}, "options.priority"),
        ({"attempts": 0}, "options.attempts"),
        ({"attempts": 26}, "options.attempts"),
        ({"timeout": 0}, "options.timeout"),
        ({"delay": 366 * 86_400_000 + 1}, "options.delay"),
        ({"backoff": {"type": "fixed", "delay": 0}}, "options.backoff.delay"),
        ({"backoff": {"type": "linear", "delay": 1}}, "options.backoff.type"),
        ({"jobId": "a b"}, "options.jobId"),
        ({"jobId": "x" * 47}, "options.jobId"),
        ({"tags": ["x"] * 17}, "options.tags"),
        ({"prio": 1}, "options.prio"),
    ],
)
async def test_an_option_out_of_range_is_named(
    queue: Queue, kind: str, options: Any, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await queue.enqueue(kind, 1, options=options)
    assert [fault.field for fault in caught.value.fields] == [field]


@pytest.mark.parametrize("tenant", ["", "a b", "x}y", "*", "a/b", "é", "x" * 65, "a\r\nb"])
async def test_a_tenant_that_could_break_a_key_is_refused(
    queue: Queue, kind: str, tenant: str
) -> None:
    with pytest.raises(InvalidInput):
        await queue.enqueue(kind, 1, tenant=tenant)


@pytest.mark.parametrize("job_id", ["", "*", "..", "a}:job:x", "x" * 65, "a\r\nb", "{cq", "é"])
async def test_a_strange_job_id_is_simply_not_there(queue: Queue, kind: str, job_id: str) -> None:
    await queue.enqueue(kind, 1)
    for ask in (queue.get, queue.cancel, queue.replay, queue.dead_letter):
        with pytest.raises(NotFound):
            await ask(job_id)


async def test_a_job_past_its_deadline_is_never_started(
    queue: Queue, kind: str, working: Any
) -> None:
    async def echo(payload: Any, context: Any) -> None:
        raise AssertionError("it ran")

    job = await queue.enqueue(kind, 1, options=JobOptions(deadline=1))
    later = await queue.enqueue(kind, 2)
    while (await queue.get(later.job_id)).created_ms <= job.created_ms + 1:
        later = await queue.enqueue(kind, 2)
    async with working({kind: echo}):
        done = await queue.wait(job.job_id)
    assert (done.status, done.attempt) == (Status.FAILED, 0)
    assert done.failure is not None
    assert done.failure.code == "deadline_exceeded"
