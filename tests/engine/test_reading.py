"""Asking about jobs: lists, events, metrics, retention, pausing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import NewJob, Queue, Status
from cotiza_queue.errors import InvalidInput, NotFound
from cotiza_queue.store.connection import Connection
from engine.records import names


async def echo(payload: Any, context: Any) -> Any:
    return payload


async def test_pages_hold_each_job_once_newest_first_over_all_types(
    queue: Queue, kind: str
) -> None:
    tenant = kind
    for n in range(23):
        await queue.enqueue(f"{kind}-{n % 3}", n, tenant=tenant)
    await queue.enqueue(f"{kind}-0", "not ours", tenant="other")
    seen, cursor = [], None
    while True:
        page = await queue.list(tenant, limit=4, cursor=cursor)
        assert len(page.items) <= 4
        seen += [job.payload for job in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == list(range(23))


async def test_lists_filter_by_status_type_and_tag(queue: Queue, kind: str, working: Any) -> None:
    async with working({kind: echo}):
        done = await queue.enqueue(kind, 1, tenant=kind, options={"tags": ["red", "blue"]})
        await queue.wait(done.job_id)
    waiting = await queue.enqueue(kind, 2, tenant=kind, options={"tags": ["red"]})

    async def ids(**filters: Any) -> list[str]:
        return [job.id for job in (await queue.list(kind, job_type=kind, **filters)).items]

    assert await ids(status=Status.COMPLETED) == [done.job_id]
    assert await ids(status=Status.WAITING) == [waiting.job_id]
    assert await ids(tag="blue") == [done.job_id]
    assert await ids(tag="red") == [waiting.job_id, done.job_id]


@pytest.mark.parametrize("bad", [{"limit": 0}, {"limit": 501}, {"cursor": "zzz"}, {"cursor": "é"}])
async def test_a_bad_page_is_refused(queue: Queue, kind: str, bad: Any) -> None:
    await queue.enqueue(kind, 1)
    with pytest.raises(InvalidInput) as caught:
        await queue.list("default", job_type=kind, **bad)
    assert caught.value.fields[0].field in bad


async def test_events_resume_without_gap_or_duplicate(
    queue: Queue, kind: str, working: Any
) -> None:
    async with working({kind: echo}):
        job = await queue.enqueue(kind, 1)
        await queue.wait(job.job_id)
    whole = [event async for event in queue.events(job.job_id, after="0-0")]
    assert [event.name for event in whole if event.name != "gap"] == [
        "waiting",
        "active",
        "completed",
    ]
    for index, event in enumerate(whole[:-1]):
        rest = [later.id async for later in queue.events(job.job_id, after=event.id)]
        assert rest == [later.id for later in whole[index + 1 :]]
    now = [event.name async for event in queue.events(job.job_id)]
    assert now == ["state"]


async def test_events_of_a_tenant_are_its_own(queue: Queue, kind: str) -> None:
    await queue.enqueue(kind, 0, tenant="a")
    stream = queue.tenant_events("a")
    first = asyncio.ensure_future(anext(stream))
    for n in range(20):
        await queue.enqueue(kind, n, tenant="b")
        job = await queue.enqueue(kind, n, tenant="a")
        if first.done():
            break
        await asyncio.sleep(0.05)
    assert (await first).tenant == "a"
    assert job.created
    await stream.aclose()


async def test_another_tenants_job_does_not_exist(queue: Queue, kind: str) -> None:
    job = await queue.enqueue(kind, 1, tenant="a")
    for ask in (queue.get, queue.cancel, queue.replay, queue.wait, queue.result, queue.dead_letter):
        with pytest.raises(NotFound):
            await ask(job.job_id, tenant="b")
    with pytest.raises(NotFound):
        [event async for event in queue.events(job.job_id, tenant="b")]
    assert (await queue.get(job.job_id, tenant="a")).status is Status.WAITING


async def test_metrics_equal_a_recount(queue: Queue, kind: str, working: Any) -> None:
    async def mixed(payload: Any, context: Any) -> None:
        if payload % 5 == 0:
            raise ValueError("five")

    options = {"attempts": 1}
    async with working({kind: mixed}):
        jobs = [await queue.enqueue(kind, n, options=options) for n in range(40)]
        for job in jobs:
            await queue.wait(job.job_id)
    await queue.schedule(kind, 1, 60_000)
    await queue.cancel((await queue.schedule(kind, 1, 60_000)).job_id)
    await queue.enqueue(kind, 1)
    metrics = (await queue.metrics(kind))[0]
    items = (await queue.list(None, job_type=kind, limit=500)).items
    for status in Status:
        if status is not Status.BLOCKED:
            assert getattr(metrics, status) == sum(job.status is status for job in items), status
    assert (metrics.completed_rate, metrics.failed_rate, metrics.dead_letters) == (80.0, 20.0, 8)


async def test_a_paused_queue_hands_nothing_out(queue: Queue, kind: str, working: Any) -> None:
    await queue.pause(kind) if (await queue.enqueue(kind, 0)) else None
    async with working({kind: echo}):
        other = await queue.enqueue(kind, 1)
        assert (await queue.metrics(kind))[0].paused
        assert (await queue.get(other.job_id)).status is Status.WAITING
        await queue.resume(kind)
        await queue.wait(other.job_id)
    assert not (await queue.metrics(kind))[0].paused


@pytest.mark.row("G2")
async def test_retention_removes_everything_of_a_job_on_an_idle_queue(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    async def sometimes(payload: Any, context: Any) -> int:
        context.progress(50, "half")
        if payload == 3:
            raise ValueError("three")
        return payload

    gone = {"age": 1}
    async with working({kind: sometimes}):
        for n in range(10):
            await queue.enqueue(
                kind, n, options={"attempts": 1, "removeOnComplete": gone, "removeOnFail": gone}
            )
        while (await queue.list(None, job_type=kind)).items:
            await asyncio.sleep(0.05)
    connection = Connection(redis_url)
    left = set(await names(connection, kind))
    await connection.close()
    idle = {"meta", "counts", "events", "events:marks", "dead", "dead:index", "tenants"}
    assert {key for key in left if not key.startswith(("lane", "metrics:"))} <= idle
    metrics = (await queue.metrics(kind))[0]
    assert (metrics.completed, metrics.failed, metrics.dead_letters) == (0, 0, 1)


@pytest.mark.row("G2")
async def test_remove_on_complete_by_count_keeps_the_newest(
    queue: Queue, kind: str, working: Any
) -> None:
    async with working({kind: echo}, concurrency=1):
        for n in range(12):
            job = await queue.enqueue(kind, n, options={"removeOnComplete": 5})
            await queue.wait(job.job_id)
    assert [job.payload for job in (await queue.list(None, job_type=kind)).items] == [
        11,
        10,
        9,
        8,
        7,
    ]


@pytest.mark.row("G2")
async def test_clean_removes_ended_jobs_only(queue: Queue, kind: str, working: Any) -> None:
    async with working({kind: echo}):
        jobs = await queue.enqueue_many([NewJob(type=kind, payload=n) for n in range(30)])
        for job in jobs:
            await queue.wait(job.job_id)  # type: ignore[union-attr]
    await queue.enqueue(kind, "waiting")
    assert await queue.clean(kind, status=Status.COMPLETED, limit=10) == 10
    assert await queue.clean(kind, status=Status.COMPLETED, grace_ms=3_600_000) == 0
    assert await queue.clean(kind, status=Status.COMPLETED) == 20
    assert [job.payload for job in (await queue.list(None, job_type=kind)).items] == ["waiting"]
    with pytest.raises(InvalidInput):
        await queue.clean(kind, status=Status.WAITING)
