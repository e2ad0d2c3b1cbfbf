"""A time that the test moves, for the queue, its workers and the scripts on the server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cotiza_queue import JobType, Limits, Queue, Status
from cotiza_queue.errors import ConfigurationError, CotizaError, RetryableError
from cotiza_queue.model.policy import Defaults, KeepFor, Rate, RetryPolicy
from cotiza_queue.testing import (
    FakeChance,
    FakeClock,
    LocalQueue,
    VirtualTime,
    drain,
    queue,
    worker,
)

DAY = timedelta(days=1)
REPORT: JobType[Any] = JobType(
    "daily-report", Any, Defaults(attempts=6, backoff=RetryPolicy("exponential", 60_000))
)


async def nothing(payload: Any, context: Any) -> None:
    pass


async def a_month() -> list[tuple[str, str, int]]:
    """Thirty days of a daily report whose mail server is away now and then: when each attempt
    ended, of which job, which one it was.
    """
    time = VirtualTime("2027-03-01T00:00:00Z")
    trace: list[tuple[str, str, int]] = []

    async def report(payload: Any, context: Any) -> str:
        trace.append((str(time), context.job_id, context.attempt))
        day = int(str(time)[8:10])
        if context.attempt <= day % 4:
            raise RetryableError("the mail server is away")
        return "sent"

    async with queue({REPORT: report}, time=time) as local:
        await local.add_recurring(REPORT, {}, "30 6 * * *", timezone="America/Mexico_City")
        ended = await drain(local, until=time.after(30 * DAY))
    assert len(ended) == len(trace)
    assert [str(event.status) for event in ended].count("completed") == 30
    return trace


@pytest.mark.row("H4")
async def test_a_month_of_a_schedule_with_backoff_is_lived_through_identically_each_time() -> None:
    first = await a_month()
    starts = [moment for moment, _, attempt in first if attempt == 1]
    assert starts[:2] == ["2027-03-01T12:30:00.000Z", "2027-03-02T12:30:00.000Z"]
    assert len(starts) == len(set(starts)) == 30
    assert max(attempt for _, _, attempt in first) == 4
    for _ in range(20):
        assert await a_month() == first


@pytest.mark.row("H4")
async def test_a_delayed_job_is_due_at_its_millisecond_and_not_before() -> None:
    time = VirtualTime()
    async with queue({"t": nothing}, time=time) as local:
        job = await local.schedule("t", 1, 3_600_000)
        assert job.due_ms == time.after(timedelta(hours=1))
        await time.advance(timedelta(hours=1) - timedelta(milliseconds=1))
        assert await drain(local) == []
        await time.advance(timedelta(milliseconds=1))
        assert [event.status for event in await drain(local)] == [Status.COMPLETED]
        done = await local.get(job.job_id)
        assert done.started_ms == done.finished_ms == job.due_ms


@pytest.mark.row("H4")
async def test_retention_follows() -> None:
    kind: JobType[Any] = JobType("t", Any, Defaults(keep_completed=KeepFor(age=7 * 86_400)))
    time = VirtualTime()
    async with queue({kind: nothing}, time=time) as local:
        await local.enqueue(kind, 1)
        await drain(local, until=time.after(6 * DAY))
        assert len((await local.list(None)).items) == 1
        await drain(local, until=time.after(2 * DAY))
        assert (await local.list(None)).items == []


@pytest.mark.row("H4")
async def test_rates_follow() -> None:
    starts: list[int] = []
    time = VirtualTime()

    async def note(payload: Any, context: Any) -> None:
        starts.append(time.now_ms)

    async with queue({"t": note}, time=time) as local:
        await local.limit("t", Limits(rate=Rate(count=1, per_ms=60_000)))
        for n in range(5):
            await local.enqueue("t", n)
        await drain(local, until=time.after(DAY))
    assert [start - starts[0] for start in starts] == [n * 60_000 for n in range(5)]


@pytest.mark.row("H4")
async def test_deadlines_follow() -> None:
    time = VirtualTime()
    async with queue({"t": nothing}, time=time) as local:
        job = await local.enqueue("t", 1, options={"deadline": 1000})
        await time.advance(timedelta(milliseconds=1001))
        assert await drain(local) == []
        failed = await local.get(job.job_id)
    assert failed.failure is not None
    assert failed.failure.code == "deadline_exceeded"


@pytest.mark.row("H4")
async def test_pauses_follow() -> None:
    time = VirtualTime()
    async with queue({"t": nothing}, time=time) as local:
        await local.pause("t", tenant="acme", for_ms=60_000)
        job = await local.enqueue("t", 1, tenant="acme")
        assert await drain(local) == []
        await drain(local, until=time.after(DAY))
        assert (await local.get(job.job_id)).started_ms == time.now_ms - 86_400_000 + 60_000


@pytest.mark.row("H4")
async def test_a_live_worker_looks_at_once_when_the_time_is_moved() -> None:
    time = VirtualTime()
    async with queue({"t": nothing}, time=time) as local, worker(local):
        job = await local.schedule("t", 1, 30 * 86_400_000)
        await time.advance(30 * DAY)
        done = await local.wait(job.job_id)
    assert done.finished_ms == time.now_ms


async def test_time_does_not_go_back() -> None:
    time = VirtualTime("2027-01-01T00:00:00Z")
    await time.move_to("2027-01-01T00:00:00Z")
    with pytest.raises(ValueError, match="does not go back from 2027-01-01T00:00:00"):
        await time.move_to("2026-12-31T23:59:59Z")


async def test_a_queue_in_real_time_has_none_to_move() -> None:
    async with queue({"t": nothing}) as local:
        with pytest.raises(ConfigurationError, match="real time"):
            _ = local.time
        with pytest.raises(ConfigurationError, match="real time"):
            await drain(local, until=2**42)


async def test_both_libraries_live_on_one_server() -> None:
    time = VirtualTime("2030-01-01T00:00:00Z")
    async with queue(time=time) as moved, queue() as real:
        then = await moved.enqueue("t", 1)
        now = await real.enqueue("t", 1)
    assert then.created_ms == time.now_ms
    assert now.created_ms < time.now_ms


async def test_an_ordinary_queue_on_that_database_reads_the_server_s_clock() -> None:
    time = VirtualTime("2030-01-01T00:00:00Z")
    async with queue(time=time) as local, Queue(local.url) as ordinary:
        job = await ordinary.enqueue("t", 1)
        assert job.created_ms < time.now_ms
        assert isinstance(local, LocalQueue)


def test_fake_clocks_and_dice_do_as_they_are_told() -> None:
    clock = FakeClock("2027-01-01T00:00:00Z")
    before = clock.monotonic()
    clock.advance(timedelta(seconds=1.5))
    assert (clock.now_ms(), clock.monotonic() - before) == (1_798_761_601_500, 1.5)
    one, same, other = FakeChance(7), FakeChance(7), FakeChance(8)
    assert one.random_bytes(13) == same.random_bytes(13) != other.random_bytes(13)
    assert one.fraction() == same.fraction()


async def test_a_drain_in_which_nothing_ever_runs_ends_with_an_error() -> None:
    time = VirtualTime()
    async with queue({"t": nothing}, time=time) as local:
        await local.add_recurring("t", 1, "* * * * *")
        await local.pause("t")
        assert await drain(local, until=time.after(timedelta(minutes=5)), limit=6) == []
        with pytest.raises(CotizaError, match="7 moments were due and nothing ran"):
            await drain(local, until=time.after(timedelta(minutes=9)), limit=6)
