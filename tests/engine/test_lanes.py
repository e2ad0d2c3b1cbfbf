"""Between priorities: strict, by weight, and nobody waits for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cotiza_queue import JobOptions, Limits, NewJob, Queue
from cotiza_queue.engine.intake import intake_of
from cotiza_queue.errors import InvalidInput
from cotiza_queue.model.job import JobType
from cotiza_queue.model.policy import MAX_DELAY_MS
from cotiza_queue.store.commands import Commands, Settlement
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import stored
from stateful.server import TimedServer

SHARES = {"1": 70, "1000": 20, "5000": 10}


class Feeder:
    """Keeps lanes full, and takes. ``order``: the priorities in the order of their starts."""

    def __init__(self, connection: Connection, kind: str) -> None:
        self.commands = Commands(connection)
        self.type = JobType[Any](kind)
        self.order: list[int] = []
        self._made = 0
        self._outcomes: list[Settlement] = []

    async def add(self, priority: int, count: int, tenant: str = "t") -> None:
        options = JobOptions(priority=priority, remove_on_complete=True)
        job = NewJob(type=self.type.name, payload=priority, tenant=tenant, options=options)
        for start in range(0, count, 100):
            ids = range(self._made, self._made + min(100, count - start))
            jobs = [
                intake_of(job, self.type, stored(f"{priority}-{n}", self.type.name)) for n in ids
            ]
            self._made += len(ids)
            await self.commands.enqueue(self.type.name, jobs)

    async def take(self, want: int) -> list[int]:
        turn = await self.commands.turn(self.type.name, "w", want, self._outcomes)
        self._outcomes = [Settlement("complete", d.stored, d.token) for d in turn.deliveries]
        started = [int(d.id.split("-")[0]) for d in turn.deliveries]
        self.order += started
        return started


@pytest.fixture
async def feeder(redis_url: str, kind: str) -> AsyncIterator[Feeder]:
    connection = Connection(redis_url)
    yield Feeder(connection, kind)
    await connection.close()


@pytest.mark.row("A8")
async def test_under_saturation_every_lane_gets_its_share_of_ten_thousand_starts(
    queue: Queue, kind: str, feeder: Feeder
) -> None:
    await queue.limit(kind, Limits(shares=SHARES))
    for priority in (1, 1000, 5000):
        await feeder.add(priority, 400)
    wants = [10, 1, 3, 7, 25]
    while len(feeder.order) < 10_000:
        for priority, count in Counter(await feeder.take(wants[len(feeder.order) % 5])).items():
            await feeder.add(priority, count)
    got = Counter(feeder.order)
    for priority, weight in SHARES.items():
        assert 100 * got[int(priority)] / len(feeder.order) == pytest.approx(weight, abs=3)


@pytest.mark.row("A8")
async def test_strict_is_the_default_and_can_be_chosen_live(
    queue: Queue, kind: str, feeder: Feeder
) -> None:
    for priority in (1, 1000, 5000):
        await feeder.add(priority, 400)
    assert await feeder.take(50) == [1] * 50
    await queue.limit(kind, {"shares": {1: 1, 1000: 1}})
    assert Counter(await feeder.take(60)) == {1: 20, 1000: 20, 5000: 20}  # unnamed weighs 1
    await queue.limit(kind, {})
    assert await feeder.take(50) == [1] * 50


@pytest.mark.row("A8")
async def test_a_lane_that_was_empty_has_saved_nothing_up_and_no_slot_idles(
    queue: Queue, kind: str, feeder: Feeder
) -> None:
    await queue.limit(kind, {"shares": {"1": 1, "1000": 1}})
    await feeder.add(1, 300)
    assert await feeder.take(200) == [1] * 200
    await feeder.add(1000, 100)
    assert Counter(await feeder.take(20)) == {1: 10, 1000: 10}
    assert len(await feeder.take(1000)) == 180


@pytest.mark.row("A8")
async def test_returned_jobs_go_first_also_by_shares(
    queue: Queue, kind: str, feeder: Feeder
) -> None:
    await queue.limit(kind, {"shares": {"1": 99, "5000": 1}})
    await feeder.add(5000, 1)
    turn = await feeder.commands.turn(kind, "w", 1, [])
    await feeder.add(1, 50)
    release = Settlement("release", turn.deliveries[0].stored, turn.deliveries[0].token)
    await feeder.commands.turn(kind, "w", 0, [release])
    assert await feeder.take(1) == [5000]


@pytest.fixture
async def aging(timed: TimedServer, kind: str) -> AsyncIterator[Feeder]:
    connection = Connection(timed.url)
    yield Feeder(connection, kind)
    await connection.close()


@pytest.mark.row("A9")
@pytest.mark.parametrize("want", [1, 2, 5])
async def test_no_job_waits_longer_than_max_wait_behind_an_endless_feed_of_better_ones(
    timed: TimedServer, aging: Feeder, want: int
) -> None:
    kind = aging.type.name
    await aging.commands.limit(kind, "", {"max_wait": 10_000})
    await aging.add(5000, 40)
    waited = 0
    while 5000 not in aging.order:
        await aging.add(1, want)
        await aging.take(want)
        timed.clock.now_ms += 500
        waited += 500
    assert waited == 10_000 + 2 * 500  # the first look after it has waited longer
    takes = 1
    while aging.order.count(5000) < 40:
        await aging.add(1, want)
        await aging.take(want)
        takes += 1
    # All forty were late at once: they get every other start, and the better jobs the rest.
    late = aging.order[aging.order.index(5000) :]
    assert takes <= 80 // want + 2
    assert abs(late.count(5000) - late.count(1)) <= 2


@pytest.mark.row("A9")
async def test_the_longest_wait_comes_first_also_from_a_backlog(
    timed: TimedServer, aging: Feeder
) -> None:
    kind = aging.type.name
    await aging.commands.limit(kind, "", {"max_wait": 10_000})
    await aging.add(5000, 20, "a")  # two stand in the lane, the others in the tenant's line
    timed.clock.now_ms += 1000
    await aging.add(1000, 20, "b")
    timed.clock.now_ms += 10_001
    await aging.add(1, 100)
    assert await aging.take(6) == [5000, 5000, 5000, 1, 1, 1]
    for _ in range(6):
        await aging.take(6)
    assert aging.order.count(5000) == 20
    assert aging.order.index(1000) > max(i for i, p in enumerate(aging.order) if p == 5000)


@pytest.mark.row("A9")
async def test_without_max_wait_better_jobs_go_first_however_long(
    timed: TimedServer, aging: Feeder
) -> None:
    await aging.add(5000, 2)
    timed.clock.now_ms += 3_600_000
    await aging.add(1, 30)
    assert await aging.take(31) == [1] * 30 + [5000]


@pytest.mark.parametrize(
    ("limits", "tenant", "field"),
    [
        ({"shares": {"1": 0}}, None, "limits.shares"),
        ({"shares": {"high": 1}}, None, "limits.shares.high"),
        ({"shares": {"1000001": 1}}, None, "limits.shares.1000001"),
        ({"shares": {"1000": 1, "1001": 1}}, None, "limits.shares.1001"),
        ({"shares": {"1": 1}}, "t", "limits.shares"),
        ({"max_wait": 1}, "t", "limits.maxWait"),
        ({"maxWait": 0}, None, "limits.maxWait"),
        ({"maxWait": MAX_DELAY_MS + 1}, None, "limits.maxWait"),
    ],
)
async def test_a_setting_of_lanes_out_of_range_is_named(
    queue: Queue, kind: str, limits: Any, tenant: str | None, field: str
) -> None:
    given = Limits(max_wait=1) if "max_wait" in limits else limits
    with pytest.raises(InvalidInput) as caught:
        await queue.limit(kind, given, tenant=tenant)
    assert caught.value.fields[0].field.startswith(field)
