"""The event stream: resumed where it was left, no gap, no duplicate; what was lost is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from cotiza_queue import JobOptions, JobType, NewJob, Queue
from cotiza_queue.model.job import Event
from cotiza_queue.store import events as events_module
from cotiza_queue.store.events import Listener, order

pytestmark = pytest.mark.row("F4")


async def take(stream: AsyncIterator[Event], n: int) -> list[Event]:
    """The next so many events."""
    return [await anext(stream) for _ in range(n)]


async def enqueue(queue: Queue, kind: str, n: int) -> list[str]:
    """So many jobs of the test's own tenant; their ids."""
    jobs = [NewJob(type=kind, payload=i, tenant=kind) for i in range(n)]
    return [made.job_id for made in await queue.enqueue_many(jobs)]  # type: ignore[union-attr]


async def test_who_comes_back_with_the_last_id_misses_nothing_and_sees_nothing_twice(
    queue: Queue, kind: str, working: Any
) -> None:
    wanted = await enqueue(queue, kind, 1)
    place = (await queue.get(wanted[0], tenant=kind)).created_ms
    last = f"{place - 1}-0"
    code = wanted[0][-4:]
    seen: list[Event] = []
    after = f"{code}:{last}"
    for size in (1, 250, 3, 700, 46):
        wanted += await enqueue(queue, kind, size)
        async with aclosing(queue.tenant_events(kind, after=after)) as stream:  # type: ignore[type-var]
            while len(seen) < len(wanted):
                seen += await take(stream, 1)
        after = seen[-1].id
    assert [event.name for event in seen] == ["waiting"] * 1001
    assert [event.job_id for event in seen] == wanted
    assert len({event.id for event in seen}) == 1001


async def test_what_is_no_longer_kept_is_told_as_a_gap_and_the_rest_follows_in_order(
    queue: Queue, kind: str
) -> None:
    first = (await enqueue(queue, kind, 1))[0]
    created = (await queue.get(first, tenant=kind)).created_ms
    await enqueue(queue, kind, 10_000)
    ids = await enqueue(queue, kind, 2_000)
    seen: list[Event] = []
    after = f"{first[-4:]}:{created}-0"
    async with aclosing(queue.tenant_events(kind, after=after)) as stream:  # type: ignore[type-var]
        while not seen or seen[-1].job_id != ids[-1]:
            seen += await take(stream, 1)
    assert seen[0].name == "gap"
    rest = [event.job_id for event in seen[1:]]
    assert len(rest) == len(set(rest)) >= 10_000 - 2_000
    assert rest[-2_000:] == ids


async def test_a_resume_shows_nothing_of_before_the_listener_came_first(
    redis_url: str, kind: str
) -> None:
    busy, quiet = f"{kind}-a", f"{kind}-b"
    async with Queue(redis_url, job_types=[JobType(busy), JobType(quiet)]) as queue:
        old = [(await queue.enqueue(quiet, n, tenant=kind)).job_id for n in range(3)]
        async with aclosing(queue.tenant_events(kind)) as stream:  # type: ignore[type-var]
            first = asyncio.ensure_future(anext(stream))
            while not first.done():  # the stream begins at a moment that nobody tells
                await queue.enqueue(busy, "first", tenant=kind)
                await asyncio.sleep(0.02)
            after = (await first).id
        last = [(await queue.enqueue(name, "last", tenant=kind)).job_id for name in (busy, quiet)]
        seen: list[str] = []
        async with aclosing(queue.tenant_events(kind, after=after)) as stream:  # type: ignore[type-var]
            while not set(last) <= set(seen):
                seen.append((await anext(stream)).job_id)
    assert not set(old) & set(seen)


async def test_of_what_one_call_announces_each_tenant_hears_its_own_in_order(
    queue: Queue, kind: str
) -> None:
    tenants = [f"{kind}-{n}" for n in (0, 0, 1, 0, 2, 2, 1)]
    jobs = [
        NewJob(type=kind, payload=0, tenant=tenant, options=JobOptions(delay=n % 2 * 3600))
        for n, tenant in enumerate(tenants)
    ]
    made = await queue.enqueue_many(jobs)
    for tenant in sorted(set(tenants)):
        told = [
            (job.job_id, ("waiting", "delayed")[n % 2])  # type: ignore[union-attr]
            for n, job in enumerate(made)
            if tenants[n] == tenant
        ]
        after = f"{told[0][0][-4:]}:0-0"
        async with aclosing(queue.tenant_events(tenant, after=after)) as stream:  # type: ignore[type-var]
            seen = await take(stream, len(told))
        assert [(event.job_id, event.name) for event in seen] == told


async def test_a_listener_hears_of_the_types_it_asked_for_whatever_else_is_read(
    redis_url: str, kind: str
) -> None:
    both, one = Queue(redis_url), Queue(redis_url, job_types=[JobType(f"{kind}-a")])
    async with both, one:
        reader = one._link.events
        hears, follows = Listener([f"{kind}-a"], tenant=kind), Listener([f"{kind}-b"], tenant=kind)
        await reader.join(hears)
        await reader.join(follows)
        for name in ("b", "a", "b"):
            await both.enqueue(f"{kind}-{name}", name, tenant=kind)
        assert [(await follows.next()).type for _ in range(2)] == [f"{kind}-b"] * 2
        assert (await hears.next()).type == f"{kind}-a"
        reader.leave(hears)
        reader.leave(hears)
        reader.leave(follows)


async def test_a_listener_that_falls_behind_is_told_of_the_gap_even_if_nothing_more_comes() -> None:
    listener, most = Listener(), events_module._BACKLOG
    for n in range(most + 5):
        listener.offer(
            Event(id=f"{n + 1}-0", name="waiting", job_id=f"j{n}", type="t", tenant="a", at_ms=n)
        )
    heard = [await listener.next() for _ in range(most + 1)]
    assert [event.job_id for event in heard[:-1]] == [f"j{n}" for n in range(most)]
    assert (heard[-1].name, heard[-1].id) == ("gap", f"{most + 5}-0")
    later = Event(id=f"{most + 6}-0", name="waiting", job_id="z", type="t", tenant="a", at_ms=0)
    listener.offer(later)
    assert order((await listener.next()).id) > order(heard[-1].id)
