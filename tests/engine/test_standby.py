"""A worker with nothing to do is handed the next job by the call that brings it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cotiza_queue import JobContext, JobType, Limits, NewJob, Queue, Status, Worker, WorkerOptions
from cotiza_queue.store import keys
from cotiza_queue.store.commands import Commands, Delivery, Settlement, Stand, Turn
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.embedded import acquire
from cotiza_queue.store.hints import Hints

FRESH_MS = 2000
"""lua/lib/59_standby.lua"""


@pytest.fixture
async def raw(redis_url: str) -> AsyncIterator[Connection]:
    connection = Connection(redis_url)
    yield connection
    await connection.close()


class Idle:
    """A worker by hand: it listens, and takes turns when it is told to."""

    def __init__(self, raw: Connection, kind: str, name: str = "w1") -> None:
        self.commands, self.kind, self.name = Commands(raw), kind, name
        self.told: list[Delivery] = []
        handed = {kind: lambda delivery, _: self.told.append(delivery)}
        self._hints = Hints(raw, name, {kind: lambda _: None}, handed)

    async def __aenter__(self) -> Idle:
        await self._hints.__aenter__()
        await self.turn()
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self._hints.__aexit__(None, None, None)

    async def turn(
        self, *outcomes: Settlement, heard: int = 0, idle: bool = True, want: int = 1
    ) -> Turn:
        stand = Stand(heard, idle)
        return await self.commands.turn(self.kind, self.name, want, outcomes, stand=stand)


async def test_a_job_is_handed_over_as_a_turn_would_have_brought_it(
    queue: Queue, kind: str, raw: Connection
) -> None:
    async with Idle(raw, kind) as worker:
        job = await queue.enqueue(kind, 1, tenant="acme")
        turn = await worker.turn()
        assert turn.deliveries == worker.told
        (delivery,) = worker.told
        assert (delivery.id, delivery.tenant, delivery.attempt) == (job.job_id, "acme", 1)
        found = await queue.get(job.job_id)
        assert (found.status, found.worker) == (Status.ACTIVE, "w1")
        assert found.started_ms == found.created_ms == delivery.created_ms


async def test_what_was_heard_is_not_brought_again_and_can_be_settled_with_the_same_turn(
    queue: Queue, kind: str, raw: Connection
) -> None:
    async with Idle(raw, kind) as worker:
        job = await queue.enqueue(kind, 1)
        (delivery,) = await heard(worker)
        done = Settlement("complete", delivery.stored, delivery.token, b"1")
        turn = await worker.turn(done, heard=delivery.token)
        assert (list(turn.answers), turn.deliveries) == (["ok"], [])
        assert (await queue.get(job.job_id)).status is Status.COMPLETED
        assert [event.status for event in await queue.history(job.job_id)] == [
            Status.WAITING,
            Status.ACTIVE,
            Status.COMPLETED,
        ]
        # And the next one goes the same way.
        await queue.enqueue(kind, 2)
        assert len(await heard(worker, 2)) == 2


@pytest.mark.parametrize("before", [1, 40])
async def test_a_job_that_comes_and_goes_with_one_turn_is_in_no_listing(
    queue: Queue, kind: str, raw: Connection, before: int
) -> None:
    await queue.enqueue_many([NewJob(type=kind, payload=n, tenant="t") for n in range(before)])
    async with Idle(raw, kind) as worker:
        ends: list[Settlement] = []
        while turn := (await worker.turn(*ends, want=before)).deliveries:
            ends = [Settlement("complete", each.stored, each.token, b"1") for each in turn]
        await queue.enqueue(kind, 1, tenant="t", options={"removeOnComplete": True})
        (delivery,) = await heard(worker)
        done = Settlement("complete", delivery.stored, delivery.token, b"1")
        await worker.turn(done, heard=delivery.token)
    assert [each for each in (await queue.doctor()).findings if each.queue == kind] == []


async def heard(worker: Idle, jobs: int = 1) -> list[Delivery]:
    """What it was told, as soon as that has come."""
    async with asyncio.timeout(10):
        while len(worker.told) < jobs:
            await asyncio.sleep(0.001)
    return worker.told


async def pause(queue: Queue, worker: Idle) -> None:
    await queue.pause(worker.kind)


async def pause_tenant(queue: Queue, worker: Idle) -> None:
    await queue.pause(worker.kind, tenant="default")


async def cap(queue: Queue, worker: Idle) -> None:
    await queue.limit(worker.kind, Limits(concurrency=5))


async def cap_tenant(queue: Queue, worker: Idle) -> None:
    await queue.limit(worker.kind, Limits(concurrency=5), tenant="default")


async def rate(queue: Queue, worker: Idle) -> None:
    await queue.limit(worker.kind, {"rate": {"count": 5}})


async def another_waits(queue: Queue, worker: Idle) -> None:
    await queue.enqueue(worker.kind, 0, options={"attempts": 2, "uniqueKey": "u"})


async def another_was_handed_over(queue: Queue, worker: Idle) -> None:
    await queue.enqueue(worker.kind, 99)
    await heard(worker)
    worker.told.clear()


async def it_has_left(queue: Queue, worker: Idle) -> None:
    await worker.__aexit__()
    # The server has heard of it when it answers whoever comes after.
    while (await worker_count(worker)) > 0:
        await asyncio.sleep(0.001)


async def worker_count(worker: Idle) -> int:
    channel = keys.handed(worker.kind, worker.name)
    answer = await worker.commands._connection.command("PUBSUB", "SHARDNUMSUB", channel)
    return int(answer[1] if isinstance(answer, list) else dict(answer)[channel.encode()])


async def its_turn_withdrew_it(queue: Queue, worker: Idle) -> None:
    await worker.turn(idle=False, want=0)


WHEN_NOT: tuple[Callable[[Queue, Idle], Awaitable[None]], ...] = (
    pause,
    pause_tenant,
    cap,
    cap_tenant,
    rate,
    another_waits,
    another_was_handed_over,
    it_has_left,
    its_turn_withdrew_it,
)


@pytest.mark.parametrize("when", WHEN_NOT, ids=lambda when: when.__name__)
async def test_a_job_waits_as_ever_where_it_may_not_be_handed_over(
    queue: Queue, kind: str, raw: Connection, when: Callable[[Queue, Idle], Awaitable[None]]
) -> None:
    worker = await Idle(raw, kind).__aenter__()
    await when(queue, worker)
    job = await queue.enqueue(kind, 1)
    assert (await queue.get(job.job_id)).status is Status.WAITING
    assert worker.told == []
    if when is not it_has_left:
        await worker.__aexit__()


async def test_a_payload_that_the_worker_does_not_know_is_not_handed_to_it(
    queue: Queue, kind: str, raw: Connection
) -> None:
    async with Idle(raw, kind) as worker:
        job = await queue.enqueue(JobType(kind, Any, version=2), 1)
        assert (await queue.get(job.job_id)).status is Status.WAITING
        assert worker.told == []


async def test_one_worker_is_on_standby_until_it_has_been_silent_for_too_long(
    queue: Queue, kind: str, raw: Connection
) -> None:
    field = (keys.meta(kind), "standby")
    async with Idle(raw, kind, "w1") as first, Idle(raw, kind, "w2") as second:
        once = await queue.enqueue(kind, 1)
        assert (await heard(first), second.told) == (first.told, [])
        await first.turn(idle=False)
        await second.turn()
        long_ago = b"".join(msgspec.msgpack.encode(part) for part in ("w2", 1, 1000))
        await raw.command("HSET", *field, long_ago)
        job = await queue.enqueue(kind, 2)
        assert (await queue.get(job.job_id)).status is Status.WAITING
        assert second.told == []
        await first.turn(want=5)
        await first.turn()
        last = await queue.enqueue(kind, 3)
        assert [each.id for each in await heard(first, 2)] == [once.job_id, last.job_id]


@pytest.mark.parametrize("said", [b"", b"x", b"\xa1w", b"\xa1w\xa11\xa11", b"\x93\xa1w\x01\x01"])
async def test_what_says_nothing_of_a_worker_stops_nobody(
    queue: Queue, kind: str, raw: Connection, said: bytes
) -> None:
    async with Idle(raw, kind) as worker:
        await raw.command("HSET", keys.meta(kind), "standby", said)
        job = await queue.enqueue(kind, 1)
        assert (await queue.get(job.job_id)).status is Status.WAITING
        (delivery,) = (await worker.turn()).deliveries
        assert delivery.id == job.job_id


async def test_a_job_that_is_cancelled_before_its_worker_has_heard_of_it_does_not_come(
    queue: Queue, kind: str, raw: Connection
) -> None:
    async with Idle(raw, kind) as worker:
        job = await queue.enqueue(kind, 1)
        assert (await queue.cancel(job.job_id)).status is Status.CANCELLED
        assert (await worker.turn()).deliveries == []


async def test_what_came_while_a_job_was_being_handed_over_is_told_to_all_who_are_idle(
    queue: Queue, kind: str, raw: Connection
) -> None:
    hints: list[str] = []
    async with Idle(raw, kind):
        other = Hints(raw, "w2", {kind: hints.append}, {})
        async with other:
            await queue.enqueue(kind, 1)
            job = await queue.enqueue(kind, 2)
            assert hints == []
            assert (await queue.get(job.job_id)).status is Status.WAITING
            while not hints:
                await asyncio.sleep(0.001)


async def test_a_job_whose_worker_is_gone_runs_with_another_when_its_lease_is_over(
    queue: Queue, kind: str, raw: Connection, working: Any
) -> None:
    async def work(payload: Any, context: JobContext) -> int:
        return 1

    async with Idle(raw, kind):
        job = await queue.enqueue(kind, 1)
    async with working({kind: work}, lease_ms=200):
        end = await queue.wait(job.job_id)
    assert (end.status, end.stalls) == (Status.COMPLETED, 1)


# with workers of ours


async def on_standby(raw: Connection, kind: str, there: bool = True) -> None:
    """Wait until some worker is, and listens; or until none is."""
    async with asyncio.timeout(10):
        while bool(await raw.command("HEXISTS", keys.meta(kind), "standby")) is not there:
            await asyncio.sleep(0.001)
        while there and not await raw.command("PUBSUB", "SHARDCHANNELS", keys.handed(kind, "*")):
            await asyncio.sleep(0.001)


async def test_a_job_starts_without_a_turn(
    queue: Queue, kind: str, working: Any, raw: Connection
) -> None:
    """All turns that come after the job are held back: it runs nevertheless."""
    began, go_on = asyncio.Event(), asyncio.Event()
    genuine = Commands.turn

    async def held_back(self: Commands, *args: Any, **named: Any) -> Turn:
        if came.is_set():
            await go_on.wait()
        return await genuine(self, *args, **named)

    async def work(payload: Any, context: Any) -> None:
        began.set()

    came = asyncio.Event()
    async with working({kind: work}):
        await on_standby(raw, kind)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Commands, "turn", held_back)
            came.set()
            job = await queue.enqueue(kind, 1)
            async with asyncio.timeout(10):
                await began.wait()
            go_on.set()
            assert (await queue.wait(job.job_id)).status is Status.COMPLETED


async def test_a_job_is_not_lost_and_runs_once_if_nobody_hears_of_it(
    queue: Queue, kind: str, working: Any
) -> None:
    ran: list[int] = []

    async def work(payload: int, context: Any) -> None:
        ran.append(payload)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cotiza_queue.store.hints.delivery_of", lambda job_type, said: None)
        async with working({kind: work}):
            for n in range(3):
                job = await queue.enqueue(kind, n)
                assert (await queue.wait(job.job_id)).attempt == 1
    assert ran == [0, 1, 2]


async def test_callers_one_after_the_other_never_give_a_worker_more_than_it_can_hold(
    queue: Queue, kind: str, working: Any
) -> None:
    at_once, most, ran = 0, 0, []

    async def work(payload: list[int], context: Any) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.0005 * (payload[1] % 3))
        ran.append((*payload, context.attempt))
        at_once -= 1

    async def call(caller: int) -> None:
        for n in range(60):
            job = await queue.enqueue(kind, [caller, n])
            if n % 4:
                await queue.wait(job.job_id)

    async with working({kind: work}, concurrency=1):
        await asyncio.gather(*(call(n) for n in range(4)))
        async with asyncio.timeout(30):
            while len(ran) < 240:
                await asyncio.sleep(0.01)
    assert most == 1
    assert sorted(ran) == [(c, n, 1) for c in range(4) for n in range(60)]


async def test_a_worker_that_stops_is_handed_nothing_more(
    queue: Queue, kind: str, working: Any, raw: Connection
) -> None:
    async def work(payload: Any, context: Any) -> None:
        pass

    async with working({kind: work}) as worker:
        done = await queue.enqueue(kind, 1)
        await queue.wait(done.job_id)
        await on_standby(raw, kind)
        worker.stop()
        await on_standby(raw, kind, False)
        job = await queue.enqueue(kind, 2)
    assert (await queue.get(job.job_id)).status is Status.WAITING


async def test_a_hook_that_fails_stops_no_job_that_was_handed_over(
    queue: Queue, kind: str, working: Any
) -> None:
    async def work(payload: Any, context: Any) -> int:
        return 1

    def broken(transition: Any) -> None:
        raise RuntimeError("a hook of somebody's")

    async with working({kind: work}, hooks=[broken]):
        for n in range(3):
            job = await queue.enqueue(kind, n)
            assert (await queue.wait(job.job_id)).status is Status.COMPLETED


async def test_a_worker_on_standby_that_has_lost_its_server_can_stop(
    kind: str, tmp_path: Path
) -> None:
    async def work(payload: Any, context: Any) -> None:
        pass

    server = await acquire(tmp_path)
    options = WorkerOptions(handle_signals=False, drain_ms=600_000)
    worker = Worker({kind: work}, server.url, options=options)
    running = asyncio.ensure_future(worker.run())
    await worker.ready.wait()
    raw = Connection(server.url)
    await on_standby(raw, kind)
    await raw.close()
    await server.release()
    async with asyncio.timeout(20):
        while worker.healthy:
            await asyncio.sleep(0.01)
    worker.stop()
    async with asyncio.timeout(30):
        await running
