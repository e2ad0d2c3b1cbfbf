"""Bulk enqueueing: thousands of jobs in a few round trips, chunk by chunk whole or absent."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cotiza_queue import JobOptions, NewJob, Queue
from cotiza_queue.engine import bulk
from cotiza_queue.engine.intake import intake_of
from cotiza_queue.errors import InvalidInput, QueueDamaged, QueueUnavailable, TooLarge
from cotiza_queue.model.job import Enqueued, JobType
from cotiza_queue.store import codec, keys
from cotiza_queue.store.asked import Intake
from cotiza_queue.store.ids import stored
from cotiza_queue.store.wire import Wire
from engine.line import Fate, line_to

ALL = 10_000
KIND = JobType[Any]("a")
PLAIN = JobOptions()
TAGS = tuple(f"tag-{n}" for n in range(16))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all that was sent: one for each round trip."""
    sizes: list[int] = []
    genuine = Wire.ask

    def count(self: Wire, packed: bytes, commands: int = 1, **how: Any) -> Any:
        sizes.append(len(packed))
        return genuine(self, packed, commands, **how)

    monkeypatch.setattr(Wire, "ask", count)
    return sizes


async def payloads(queue: Queue, kind: str) -> list[Any]:
    """Of all jobs there are, oldest first."""
    found: list[Any] = []
    cursor: str | None = None
    while True:
        page = await queue.list("default", job_type=kind, limit=500, cursor=cursor)
        found += [job.payload for job in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found[::-1]


@pytest.mark.row("A1")
async def test_ten_thousand_jobs_take_at_most_twenty_round_trips(
    queue: Queue, kind: str, sent: list[int]
) -> None:
    await queue.enqueue(kind, "the first")
    sent.clear()
    jobs = [NewJob(type=kind, payload={"n": n, "text": "x" * 100}) for n in range(ALL)]
    answers = await queue.enqueue_many(jobs)
    assert len(sent) <= 20
    assert all(isinstance(answer, Enqueued) and answer.created for answer in answers)
    assert (await queue.metrics(kind))[0].waiting == ALL + 1


async def test_jobs_of_many_types_share_round_trips(
    queue: Queue, kind: str, sent: list[int]
) -> None:
    kinds = [f"{kind}-{n}" for n in range(40)]
    jobs = [NewJob(type=kinds[n % 40], payload=n) for n in range(1000)]
    first = await queue.enqueue_many(jobs)
    sent.clear()
    second = await queue.enqueue_many(jobs)
    assert len(sent) == 2
    for answers in (first, second):
        types = [answer.type for answer in answers if isinstance(answer, Enqueued)]
        assert types == [job.type for job in jobs]


@pytest.mark.row("A1")
async def test_each_error_is_told_at_its_place_and_the_order_is_kept(
    queue: Queue, kind: str
) -> None:
    jobs = [NewJob(type=kind, payload=n) for n in range(2500)]
    known = JobOptions(job_id="known")
    jobs[3] = NewJob(type=kind, payload=3, options=known)
    jobs[1777] = NewJob(type=kind, payload=1777, options=known)
    jobs[150] = NewJob(type=kind, payload="x" * codec.MAX_PAYLOAD_BYTES)
    jobs[2400] = NewJob(type=kind, payload=object())
    answers = await queue.enqueue_many(jobs)
    assert isinstance(answers[150], TooLarge)
    assert isinstance(answers[2400], InvalidInput)
    first, again = answers[3], answers[1777]
    assert isinstance(first, Enqueued)
    assert isinstance(again, Enqueued)
    assert (first.created, again.created, first.job_id) == (True, False, again.job_id)
    assert await payloads(queue, kind) == [n for n in range(2500) if n not in (150, 1777, 2400)]


PRODUCER = """
import asyncio, sys
from cotiza_queue import NewJob, Queue
async def main():
    async with Queue(sys.argv[1]) as queue:
        print("ready", flush=True)
        while True:
            await queue.enqueue_many([
                NewJob(type=sys.argv[2], payload={"n": n, "x": "x" * 2000}) for n in range(10_000)
            ])
asyncio.run(main())
"""


@pytest.mark.row("A1")
async def test_a_producer_killed_in_the_middle_leaves_each_chunk_whole_or_absent(
    redis_url: str, queue: Queue, kind: str, tmp_path: Path
) -> None:
    script = tmp_path / "producer.py"
    script.write_text(PRODUCER)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), redis_url, kind, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    while (await queue.metrics(kind))[0].waiting < 3 * bulk.CHUNK:
        await asyncio.sleep(0)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    chunks = Counter(payload["n"] // bulk.CHUNK for payload in await payloads(queue, kind))
    assert chunks
    assert {count % bulk.CHUNK for count in chunks.values()} == {0}


async def test_only_the_chunks_that_were_refused_are_sent_again(
    redis_url: str, queue: Queue, kind: str
) -> None:
    async with line_to(redis_url) as line, Queue(line.url) as far:
        await far.enqueue(kind, "the first")
        line.seen.clear()
        line.instead(b"_enqueue", b"-ERR Function not found\r\n", times=2)
        answers = await far.enqueue_many([NewJob(type=kind, payload=n) for n in range(1000)])
        assert line.count(b"_enqueue") == 10 + 2
        assert 1 <= line.count(b"LOAD") <= 2
    assert all(isinstance(answer, Enqueued) and answer.created for answer in answers)
    assert sorted((await payloads(queue, kind))[1:]) == list(range(1000))


@pytest.mark.parametrize("fate", [Fate.CUT_BEFORE, Fate.CUT_AFTER])
async def test_a_connection_that_breaks_leaves_those_without_a_reply_in_doubt(
    redis_url: str, queue: Queue, kind: str, fate: Fate
) -> None:
    async with line_to(redis_url) as line, Queue(line.url) as far:
        await far.enqueue(kind, -1)
        line.instead(b"_enqueue", fate, times=1, after=7)
        jobs = [
            NewJob(type=kind, payload=n, options=JobOptions(job_id=f"j{n}")) for n in range(2000)
        ]
        answers = await far.enqueue_many(jobs)
        there = set(await payloads(queue, kind))
        doubtful = [n for n, answer in enumerate(answers) if not isinstance(answer, Enqueued)]
        chunks = Counter(n // bulk.CHUNK for n in doubtful)
        assert set(chunks.values()) == {bulk.CHUNK}
        for n in doubtful:
            error = answers[n]
            assert isinstance(error, QueueUnavailable)
            assert error.indeterminate or n not in there
        assert set(range(2000)) - set(doubtful) <= there
        again = await far.enqueue_many(jobs)
    assert all(isinstance(answer, Enqueued) for answer in again)
    assert set(await payloads(queue, kind)) == {-1, *range(2000)}


async def test_ten_thousand_and_not_one_more(queue: Queue, kind: str) -> None:
    with pytest.raises(InvalidInput):
        await queue.enqueue_many([NewJob(type=kind, payload=1)] * (ALL + 1))
    assert await queue.enqueue_many([]) == []


def brought(size: int, options: JobOptions = PLAIN, key: str | None = None) -> Intake:
    """A job on its way in, whose body has that size."""
    job = NewJob(type=KIND.name, payload=None, options=options, idempotency_key=key)
    return msgspec.structs.replace(
        intake_of(job, KIND, stored("an-id", KIND.name)), body=b"x" * size
    )


def packed(job: Intake, count: int) -> list[list[int]]:
    """How many of them go with each chunk of each trip."""
    packer = bulk.Packer(count)
    trips = [packer.add("a", (n, job)) for n in range(count)]
    made = [*filter(None, trips), *packer.rest()]
    places = [place for trip in made for chunk in trip for place, _ in chunk.entries]
    assert places == list(range(count))
    return [[len(chunk.entries) for chunk in trip] for trip in made]


@pytest.mark.parametrize(
    ("count", "size", "shape"),
    [
        (1, 1, [[1]]),
        (100, 10, [[100]]),
        (101, 10, [[100], [1]]),
        (2000, 10, [[100]] * 20),
        (2001, 10, [[100, 100]] * 10 + [[1]]),
        (10_000, 10, [[100] * 5] * 20),
        (9, bulk.CHUNK_BYTES // 4, [[4], [4], [1]]),
        (3, bulk.CHUNK_BYTES, [[1], [1], [1]]),
        (10_000, bulk.CHUNK_BYTES // 25 + 1, [[25, 25]] * 200),
    ],
)
def test_chunks_and_trips_end_at_a_number_or_at_their_bytes(
    count: int, size: int, shape: list[list[int]]
) -> None:
    assert packed(brought(size), count) == shape


DELAYED = JobOptions(delay=1)
TAGGED = JobOptions(tags=TAGS)
HEAVIEST = brought(10, JobOptions(delay=1, tags=TAGS), "k")


@pytest.mark.parametrize(
    ("job", "count", "shape"),
    [
        (brought(10, JobOptions(tags=TAGS[:3])), 100, [[100]]),
        (brought(10, JobOptions(tags=TAGS[:4])), 100, [[50, 50]]),
        (brought(10, DELAYED), 50, [[50]]),
        (brought(10, DELAYED), 51, [[50, 1]]),
        (brought(10, DELAYED), 500, [[50, 50]] * 5),
        (brought(10, DELAYED), 10_000, [[50] * 10] * 20),
        (brought(10, key="k"), 100, [[50, 50]]),
        (brought(10, TAGGED), 500, [[20] * 5] * 5),
        (HEAVIEST, 110, [[15] * 7, [5]]),
        (HEAVIEST, 10_000, [[15] * 20] * 33 + [[15] * 6 + [10]]),
    ],
)
def test_heavy_jobs_go_in_shorter_chunks_and_in_no_more_trips(
    job: Intake, count: int, shape: list[list[int]]
) -> None:
    assert packed(job, count) == shape


async def test_a_call_brings_no_more_than_half_a_hundred_delayed_jobs(
    redis_url: str, queue: Queue, kind: str
) -> None:
    jobs = [NewJob(type=kind, payload=n, options=JobOptions(delay=60_000)) for n in range(1000)]
    async with line_to(redis_url) as line, Queue(line.url) as far:
        answers = await far.enqueue_many(jobs)
        assert line.count(b"_enqueue") == 1000 / 50
    assert all(isinstance(answer, Enqueued) and answer.created for answer in answers)
    assert (await queue.metrics(kind))[0].delayed == 1000


async def test_a_call_that_can_delay_no_job_leaves_nothing_behind(queue: Queue, kind: str) -> None:
    """Else each new attempt would leave entries of jobs that are not there."""
    raw, prefix = queue._link.connection, keys.prefix(kind)
    await queue.enqueue_many([NewJob(type=kind, payload=0, tenant="a")])
    await raw.command("SET", prefix + "delayed", "x")
    mixed = [
        NewJob(type=kind, payload=n, tenant=f"t{n}", options=JobOptions(delay=n % 2))
        for n in range(4)
    ]
    for _ in range(2):
        refused = await queue.enqueue_many(mixed)
        assert {type(answer) for answer in refused} == {QueueDamaged}
    (lane,) = await raw.command("KEYS", prefix + "lane:*")
    assert await raw.command("XLEN", lane) == 1
    assert await raw.command("ZCARD", prefix + "class:delayed") == 0
