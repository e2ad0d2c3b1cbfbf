"""Listings: by tenant, type, status and tag, page by page, while the queue goes on working."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cotiza_queue import NewJob, Queue, Status
from cotiza_queue.errors import InvalidInput
from cotiza_queue.store.connection import Connection
from engine.records import names

LUA = Path(__file__).parents[2] / "src/cotiza_queue/lua"


async def echo(payload: Any, context: Any) -> Any:
    if payload == "bad":
        raise ValueError("bad")
    return payload


async def everything(queue: Queue, kind: str, **asked: Any) -> list[str]:
    """The ids of a whole listing, three a page."""
    seen: list[str] = []
    cursor = None
    while True:
        page = await queue.list(kind, job_type=kind, limit=3, cursor=cursor, **asked)
        seen += [job.id for job in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return seen


@pytest.mark.row("A15")
async def test_a_list_by_tenant_type_status_and_tag_shows_exactly_what_fits(
    queue: Queue, kind: str, working: Any
) -> None:
    tags = [["even"] if n % 2 == 0 else ["odd", "red"] for n in range(20)]
    jobs = [
        NewJob(
            type=kind,
            payload="bad" if n % 5 == 0 else n,
            tenant=kind,
            options={"tags": tags[n], "attempts": 1},  # type: ignore[arg-type]
        )
        for n in range(20)
    ]
    for job in jobs:
        await queue.enqueue(kind, job.payload, tenant=kind, options=job.options)
    await queue.enqueue(kind, 1, tenant=f"{kind}-other", options={"tags": ["even"]})
    later = await queue.schedule(kind, 1, 60_000, tenant=kind, options={"tags": ["even"]})
    async with working({kind: echo}):
        while len(await everything(queue, kind, status=Status.COMPLETED)) < 16:
            await asyncio.sleep(0.02)
        while len(await everything(queue, kind, status=Status.FAILED)) < 4:
            await asyncio.sleep(0.02)
    all_ = {job.id: job for job in (await queue.list(kind, job_type=kind, limit=500)).items}
    assert len(all_) == 21
    for status in (None, *Status):
        for tag in (None, "even", "odd", "red", "none"):
            wanted = [
                id_
                for id_, job in all_.items()
                if status in (None, job.status) and (tag is None or tag in job.tags)
            ]
            assert await everything(queue, kind, status=status, tag=tag) == wanted, (status, tag)
    assert await everything(queue, kind, status=Status.DELAYED, tag="even") == [later.job_id]


@pytest.mark.row("A15")
async def test_while_jobs_come_run_and_end_no_job_that_stays_is_shown_twice_or_skipped(
    queue: Queue, kind: str, working: Any
) -> None:
    waiting = [await queue.schedule(kind, n, 3_600_000, tenant=kind) for n in range(60)]
    for n in range(100):
        await queue.enqueue(kind, n, tenant=kind)
    seen: list[str] = []
    cursor = None
    async with working({kind: echo}, concurrency=3):
        while True:
            page = await queue.list(kind, job_type=kind, limit=7, cursor=cursor)
            seen += [job.id for job in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
            await queue.enqueue(kind, "new", tenant=kind)
    assert len(seen) == len(set(seen)) == 160
    assert {job.job_id for job in waiting} <= set(seen)


@pytest.mark.row("A15")
async def test_what_is_active_is_found_without_a_look_at_what_waits(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    go = asyncio.Event()

    async def hold(payload: Any, context: Any) -> None:
        await go.wait()

    first = [await queue.enqueue(kind, n, tenant=kind, options={"tags": ["a"]}) for n in range(3)]
    await queue.enqueue_many([NewJob(type=kind, payload=n, tenant=kind) for n in range(2000)])
    connection = Connection(redis_url)
    async with working({kind: hold}, concurrency=3):
        while (await queue.metrics(kind))[0].active < 3:
            await asyncio.sleep(0.02)
        before = await _calls(connection)
        page = await queue.list(kind, job_type=kind, status=Status.ACTIVE)
        assert {job.id for job in page.items} == {job.job_id for job in first}
        assert page.next_cursor is None
        assert 0 < await _calls(connection) - before < 100
        assert await everything(queue, kind, status=Status.ACTIVE, tag="a") == [
            job.job_id for job in reversed(first)
        ]
        assert await everything(queue, kind, status=Status.ACTIVE, tag="b") == []
        go.set()
    await connection.close()


@pytest.mark.row("A15")
async def test_a_rare_status_or_tag_among_thousands_costs_a_page_and_nothing_is_scanned(
    redis_url: str, queue: Queue, kind: str
) -> None:
    rare = await queue.enqueue(kind, 0, tenant=kind, options={"tags": ["rare"]})
    gone = await queue.enqueue(kind, 0, tenant=kind)
    await queue.cancel(gone.job_id, tenant=kind)
    await queue.enqueue_many([NewJob(type=kind, payload=n, tenant=kind) for n in range(5000)])
    connection = Connection(redis_url)
    before = await _calls(connection)
    assert await everything(queue, kind, tag="rare") == [rare.job_id]
    assert await everything(queue, kind, status=Status.CANCELLED) == [gone.job_id]
    assert await everything(queue, kind, status=Status.CANCELLED, tag="rare") == []
    assert 0 < await _calls(connection) - before < 100
    await connection.close()
    code = "\n".join(path.read_text() for path in LUA.rglob("*.lua"))
    assert "'KEYS'" not in code
    assert "SCAN'" not in code


async def test_a_removed_job_leaves_no_index_behind(
    redis_url: str, queue: Queue, kind: str
) -> None:
    job = await queue.enqueue(
        kind, 1, tenant=kind, options={"tags": ["a", "b"], "removeOnFail": True}
    )
    await queue.cancel(job.job_id, tenant=kind)
    connection = Connection(redis_url)
    left = await names(connection, kind)
    await connection.close()
    assert [name for name in left if name.startswith(("index", "tag"))] == []


async def _calls(connection: Connection) -> int:
    """Commands that the server has executed, those of scripts too."""
    stats = await connection.command("INFO", "commandstats")
    rows = stats if isinstance(stats, dict) else {}
    return sum(row["calls"] for row in rows.values())


async def test_a_status_may_be_a_word_and_a_wrong_one_is_named(queue: Queue, kind: str) -> None:
    made = await queue.enqueue(kind, {}, tenant=kind)
    page = await queue.list(kind, job_type=kind, status="waiting")
    assert [job.id for job in page.items] == [made.job_id]
    assert await queue.clean(kind, status="completed") == 0
    for ask in (queue.list, queue.clean):
        with pytest.raises(InvalidInput, match="'runing' is not a status") as caught:
            await ask(kind, status="runing")
        assert [field.field for field in caught.value.fields] == ["status"]
    with pytest.raises(InvalidInput, match="only ended jobs"):
        await queue.clean(kind, status="waiting")
