"""What a plain job costs the server and the wire, held by counts, which are alike on all machines.

Whoever adds a call of Redis to the path of a plain job fails here, and either does without or
raises the number and says why in a decision record. Times are measured by ``./run bench``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cotiza_queue import JobOptions, NewJob, Queue, Worker, WorkerOptions
from cotiza_queue.engine.intake import intake_of
from cotiza_queue.engine.runs import JOBS, Runs
from cotiza_queue.model.ids import new_parts
from cotiza_queue.model.job import JobType
from cotiza_queue.store import keys
from cotiza_queue.store.asked import Intake
from cotiza_queue.store.commands import Commands, Settlement
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.embedded import acquire
from cotiza_queue.store.ids import laid
from cotiza_queue.testing.virtual import FakeChance

KIND = JobType[Any]("plain")
PAYLOAD = {"text": "x" * 289}
"""300 bytes as JSON."""
ENQUEUE_COMMANDS = 1 / 16 + 2 / JOBS
"""For each further job of a call: places go in pages, bodies by blocks of sixteen, and records are
looked for and written by runs.
"""
LONE_COMMANDS = 5
"""A call for one job: itself, the bounds, the time, the length of the inbox, the job."""
LIFE_COMMANDS = 1 + 1 / 16 + 4 / JOBS
"""Take and settle: the entry in its lane, bodies by blocks, and twice the records of runs."""
NOW_MS = 1_800_000_000_000
ENQUEUE_BYTES = 400
LIFE_BYTES = 470
ROUND_TRIPS = 0.2
SLOTS = 32
USED = 30
"""Jobs that were there before: more than a tenant's record names."""
NOT_A_JOBS = ("cmdstat_info", "cmdstat_ping")


class Spent(NamedTuple):
    """What the server has counted: commands (also inside scripts), reads of sockets, bytes both
    ways.
    """

    commands: int
    reads: int
    wire_bytes: int

    def since(self, before: Spent) -> Spent:
        return Spent(*(now - then for now, then in zip(self, before, strict=True)))


class Meter:
    """A server of the test's own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = Connection(url)
        self.commands = Commands(self.connection)
        self.runs = Runs(FakeChance())

    async def spent(self) -> Spent:
        await self.connection.command("PING")  # The bytes of an INFO are counted after its answer.
        calls: dict[str, Any] = await self.connection.command("INFO", "commandstats")
        stats: dict[str, Any] = await self.connection.command("INFO", "stats")
        commands = sum(row["calls"] for name, row in calls.items() if name not in NOT_A_JOBS)
        wire_bytes = stats["total_net_input_bytes"] + stats["total_net_output_bytes"]
        return Spent(commands, stats["total_reads_processed"], wire_bytes)

    async def cost(self, work: Callable[[int], Awaitable[None]], count: int) -> Spent:
        before = await self.spent()
        await work(count)
        return (await self.spent()).since(before)

    async def ended(self, job_type: str) -> int:
        counts = keys.prefix(job_type) + "counts"
        return int(await self.connection.command("HGET", counts, "completed") or 0)

    def _new(self, *, own_id: bool = False, delay: int = 0) -> Intake:
        options = JobOptions(delay=delay)
        job = NewJob(type=KIND.name, payload=PAYLOAD, tenant="acme", options=options)
        parts = new_parts(NOW_MS, self.runs.chance(NOW_MS), KIND.name, "acme")
        return intake_of(job, KIND, parts if own_id else laid(parts, KIND.name))

    async def enqueue(self, count: int, delay: int = 0) -> None:
        await self.commands.enqueue(KIND.name, [self._new(delay=delay) for _ in range(count)])

    async def enqueue_delayed(self, count: int) -> None:
        await self.enqueue(count, delay=60_000)

    async def enqueue_alone(self, count: int) -> None:
        """One after the other."""
        for _ in range(count):
            await self.commands.enqueue(KIND.name, [self._new(own_id=True)])

    async def run(self, count: int) -> None:
        """A call that takes ``count`` jobs, and one that settles them."""
        turn = await self.commands.turn(KIND.name, "w", count, [])
        assert len(turn.deliveries) == count
        done = [Settlement("complete", d.stored, d.token, b"1") for d in turn.deliveries]
        turn = await self.commands.turn(KIND.name, "w", 0, done)
        assert turn.answers == ["ok"] * count


@pytest.fixture
async def meter(tmp_path: Path) -> AsyncIterator[Meter]:
    server = await acquire(tmp_path)
    found = Meter(server.url)
    await found.connection.load()
    await found.enqueue(USED)
    for _ in range(USED):
        await found.run(1)
    yield found
    await found.connection.close()
    await server.release()


async def marginal(meter: Meter) -> tuple[Spent, Spent]:
    """What one more job costs where forty more go with a call: entering, and the rest of its life.
    The fixed part of a call falls out.
    """
    costs = []
    for count in (20, 60):
        entering = await meter.cost(meter.enqueue, count)
        living = await meter.cost(meter.run, count)
        costs.append((entering, living))
    (few_in, few), (many_in, many) = costs
    return many_in.since(few_in), many.since(few)


async def test_a_plain_job_costs_the_server_no_more_commands_than_are_written_here(
    meter: Meter,
) -> None:
    entering, living = await marginal(meter)
    assert entering.commands / 40 <= ENQUEUE_COMMANDS
    assert living.commands / 40 <= LIFE_COMMANDS


async def test_a_further_delayed_job_costs_the_server_no_more_commands_than_a_plain_one(
    meter: Meter,
) -> None:
    await meter.enqueue_delayed(USED)
    few = await meter.cost(meter.enqueue_delayed, 20)
    many = await meter.cost(meter.enqueue_delayed, 60)
    assert many.since(few).commands / 40 <= ENQUEUE_COMMANDS


async def test_a_plain_job_alone_costs_the_server_no_more_commands_than_are_written_here(
    meter: Meter,
) -> None:
    few, many = await meter.cost(meter.enqueue_alone, 1), await meter.cost(meter.enqueue_alone, 41)
    assert (many.commands - few.commands) / 40 <= LONE_COMMANDS


async def test_a_plain_job_of_300_bytes_costs_the_wire_no_more_than_is_written_here(
    meter: Meter,
) -> None:
    entering, living = await marginal(meter)
    assert entering.wire_bytes / 40 <= ENQUEUE_BYTES
    assert living.wire_bytes / 40 <= LIFE_BYTES


async def test_a_busy_worker_with_32_slots_pays_a_fifth_of_a_round_trip_for_a_job(
    meter: Meter, capsys: pytest.CaptureFixture[str]
) -> None:
    count = 2_000
    options = WorkerOptions(concurrency=SLOTS, handle_signals=False)
    worker = Worker({"busy": nothing}, meter.url, options=options)
    async with Queue(meter.url) as queue:
        await queue.enqueue_many([NewJob(type="busy", payload=PAYLOAD)] * count)
    async with asyncio.TaskGroup() as group:
        before, cpu = await meter.spent(), time.process_time()
        group.create_task(worker.run())
        looks = 0
        while await meter.ended("busy") < count:
            looks += 1
            await asyncio.sleep(0.02)
        spent, cpu = (await meter.spent()).since(before), time.process_time() - cpu
        worker.stop()
    assert (spent.reads - looks) / count <= ROUND_TRIPS
    with capsys.disabled():
        print(f" [a job: {cpu / count / reference():.2f} reference loops of CPU] ", end="")


async def nothing(payload: Any, context: Any) -> int:
    return 1


def reference() -> float:
    """CPU seconds of a fixed piece of Python, as a measure of the machine."""
    began = time.process_time()
    for _ in range(200):
        sum(n * n for n in range(1000))
    return (time.process_time() - began) / 200
