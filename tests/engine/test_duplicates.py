"""Throttle, debounce, keep the last: what becomes of a call whose unique key is held."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from cotiza_queue import Job, JobOptions, NewJob, Queue, Status
from cotiza_queue.errors import Conflict, InvalidInput, PermanentError
from cotiza_queue.model.job import Enqueued
from cotiza_queue.store import keys

NEXT = JobOptions(unique_key="k", on_duplicate="next")


class Runs:
    """A processor that notes its payloads and ends when it is told to."""

    def __init__(self) -> None:
        self.payloads: list[Any] = []
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.fails = False

    async def __call__(self, payload: Any, context: Any) -> None:
        self.payloads.append(payload)
        self.began.set()
        await self.go.wait()
        if self.fails:
            raise PermanentError("no")


async def only(queue: Queue, kind: str, status: Status) -> Job:
    """The only job of a type in a status."""
    [job] = (await queue.list("default", job_type=kind, status=status)).items
    return job


@pytest.mark.row("A5")
async def test_a_hundred_adds_during_a_run_make_one_more_run_which_sees_the_last(
    queue: Queue, kind: str, working: Any
) -> None:
    runs = Runs()
    first = await queue.enqueue(kind, 0, options=NEXT)
    async with working({kind: runs}):
        await runs.began.wait()
        adds = [await queue.enqueue(kind, n, options=NEXT) for n in range(1, 101)]
        assert {add.status for add in adds} == {Status.BLOCKED}
        assert len({add.job_id for add in adds} - {first.job_id}) == 1
        assert [add.created for add in adds].count(True) == 1
        blocked = await only(queue, kind, Status.BLOCKED)
        assert (blocked.id, blocked.payload) == (adds[0].job_id, 100)
        assert (await queue.metrics(kind))[0].blocked == 1
        runs.go.set()
        assert (await queue.wait(adds[0].job_id)).status is Status.COMPLETED
    assert runs.payloads == [0, 100]
    assert (await queue.enqueue(kind, 101, options=NEXT)).created


HANGING = """
import asyncio, sys
from cotiza_queue import Worker
async def hang(payload, context):
    print("began", flush=True)
    await asyncio.Event().wait()
asyncio.run(Worker({sys.argv[2]: hang}, sys.argv[1]).run())
"""


@pytest.mark.row("A5")
async def test_the_last_of_a_hundred_adds_survives_the_death_of_the_worker(
    redis_url: str, queue: Queue, kind: str, working: Any, tmp_path: Path
) -> None:
    script = tmp_path / "hanging.py"
    script.write_text(HANGING)
    first = await queue.enqueue(kind, 0, options=NEXT)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), redis_url, kind, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"began\n"
    adds = [await queue.enqueue(kind, n, options=NEXT) for n in range(1, 101)]
    process.send_signal(signal.SIGKILL)
    await process.wait()
    runs = Runs()
    runs.go.set()
    async with working({kind: runs}, lease_ms=1000):
        await queue.wait(first.job_id)
        await queue.wait(adds[-1].job_id)
    assert runs.payloads == [0, 100]


@pytest.mark.row("A5")
async def test_a_debounced_job_starts_its_delay_anew_with_each_call(
    queue: Queue, kind: str, working: Any
) -> None:
    options = JobOptions(unique_key="k", on_duplicate="replace", delay=150)
    runs = Runs()
    runs.go.set()
    async with working({kind: runs}):
        adds = [await queue.enqueue(kind, n, options=options) for n in range(20)]
        ended = await queue.wait(adds[0].job_id)
    assert len({add.job_id for add in adds}) == 1
    moments = [add.due_ms or 0 for add in adds]
    assert moments == sorted(moments)
    assert ended.started_ms is not None
    assert adds[-1].due_ms is not None
    assert ended.started_ms >= adds[-1].due_ms
    assert runs.payloads == [19]


async def test_a_replaced_job_is_all_that_the_last_call_asked_for(queue: Queue, kind: str) -> None:
    first = await queue.enqueue(
        kind, "old", options=JobOptions(unique_key="k", tags=("old",), priority=9)
    )
    again = JobOptions(
        unique_key="k", on_duplicate="replace", tags=("new",), priority=1, attempts=9, timeout=500
    )
    assert not (await queue.enqueue(kind, "new", options=again)).created
    job = await queue.get(first.job_id)
    assert (job.payload, job.tags, job.priority) == ("new", ("new",), 1)
    assert (job.max_attempts, job.timeout_ms, job.created_ms) == (9, 500, first.created_ms)
    assert not (await queue.list("default", job_type=kind, tag="old")).items
    assert (await queue.list("default", job_type=kind, tag="new")).items[0].id == first.job_id


@pytest.mark.parametrize(("delay", "there"), [(0, 0), (500_000, 1)])
async def test_what_is_delayed_and_replaced_by_one_call_stands_once(
    queue: Queue, kind: str, delay: int, there: int
) -> None:
    first = JobOptions(unique_key="k", delay=3_600_000)
    then = JobOptions(unique_key="k", delay=delay, on_duplicate="replace")
    made, again = await queue.enqueue_many(
        [NewJob(type=kind, payload=n, options=options) for n, options in enumerate((first, then))]
    )
    assert isinstance(made, Enqueued)
    assert isinstance(again, Enqueued)
    assert made.job_id == again.job_id
    status = Status.DELAYED if delay else Status.WAITING
    job = await only(queue, kind, status)
    assert (job.payload, job.due_ms) == (1, again.due_ms)
    key = keys.prefix(kind) + "delayed"
    scores = await queue._link.connection.command("ZRANGE", key, 0, -1, "WITHSCORES")
    assert len(scores) == there
    [counts] = await queue.metrics(kind)
    assert (counts.delayed, counts.waiting) == (there, 1 - there)


async def test_a_running_job_is_not_replaced(queue: Queue, kind: str, working: Any) -> None:
    runs = Runs()
    options = JobOptions(unique_key="k", on_duplicate="replace")
    first = await queue.enqueue(kind, 1, options=options)
    async with working({kind: runs}):
        await runs.began.wait()
        again = await queue.enqueue(kind, 2, options=options)
        assert (again.job_id, again.created) == (first.job_id, False)
        assert again.status is Status.ACTIVE
        runs.go.set()
        await queue.wait(first.job_id)
    assert runs.payloads == [1]


@pytest.mark.row("A5")
async def test_a_throttled_key_is_held_for_its_span_whatever_becomes_of_the_job(
    queue: Queue, kind: str, working: Any
) -> None:
    options = JobOptions(unique_key="k", unique_for=700, remove_on_complete=True)
    runs = Runs()
    runs.go.set()
    first = await queue.enqueue(kind, 1, options=options)
    answers = [first]
    async with working({kind: runs}):
        while not (answer := await queue.enqueue(kind, len(answers), options=options)).created:
            answers.append(answer)
            await asyncio.sleep(0.005)
    assert {answer.job_id for answer in answers} == {first.job_id}
    assert answers[-1].status is Status.COMPLETED
    assert {answer.created_ms for answer in answers} == {first.created_ms}
    assert answer.created_ms > first.created_ms + 700


@pytest.mark.parametrize("end", ["failed", "cancelled"])
async def test_who_waits_behind_a_job_goes_on_however_that_ends(
    queue: Queue, kind: str, working: Any, end: str
) -> None:
    runs = Runs()
    runs.fails = end == "failed"
    first = await queue.enqueue(kind, 1, options=NEXT)
    async with working({kind: runs}):
        await runs.began.wait()
        behind = await queue.enqueue(kind, 2, options=NEXT)
        if end == "cancelled":
            await queue.cancel(first.job_id)
        runs.go.set()
        assert (await queue.wait(first.job_id)).status == end
        await queue.wait(behind.job_id)
    assert runs.payloads == [1, 2]
    with pytest.raises(Conflict) as caught:
        await _replay_while_held(queue, kind, first.job_id)
    assert caught.value.code == "unique_key_taken"


async def _replay_while_held(queue: Queue, kind: str, job_id: str) -> None:
    await queue.enqueue(kind, 3, options=NEXT)
    await queue.replay(job_id)


async def test_a_delay_begins_when_the_job_before_has_ended(
    queue: Queue, kind: str, working: Any
) -> None:
    runs = Runs()
    first = await queue.enqueue(kind, 1, options=NEXT)
    async with working({kind: runs}):
        await runs.began.wait()
        later = JobOptions(unique_key="k", on_duplicate="next", delay=60_000)
        behind = await queue.enqueue(kind, 2, options=later)
        assert (behind.status, behind.due_ms) == (Status.BLOCKED, None)
        runs.go.set()
        ended = await queue.wait(first.job_id)
    job = await queue.get(behind.job_id)
    assert job.status is Status.DELAYED
    assert job.due_ms is not None
    assert ended.finished_ms is not None
    assert job.due_ms >= ended.finished_ms + 60_000


async def test_a_cancelled_follower_makes_room_for_another(
    queue: Queue, kind: str, working: Any
) -> None:
    runs = Runs()
    await queue.enqueue(kind, 1, options=NEXT)
    async with working({kind: runs}):
        await runs.began.wait()
        behind = await queue.enqueue(kind, 2, options=NEXT)
        await queue.cancel(behind.job_id)
        another = await queue.enqueue(kind, 3, options=NEXT)
        assert another.created
        assert another.status is Status.BLOCKED
        runs.go.set()
        await queue.wait(another.job_id)
    assert runs.payloads == [1, 3]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"uniqueFor": 5}, "options.uniqueFor"),
        ({"onDuplicate": "next"}, "options.onDuplicate"),
        ({"uniqueKey": "k", "onDuplicate": "other"}, "options.onDuplicate"),
        ({"uniqueKey": "k", "uniqueFor": 0}, "options.uniqueFor"),
        ({"uniqueKey": "k", "uniqueFor": 366 * 86_400_000 + 1}, "options.uniqueFor"),
        ({"uniqueKey": "k", "uniqueFor": 5, "onDuplicate": "next"}, "options.onDuplicate"),
        (
            {"uniqueKey": "k", "uniqueFor": 5, "uniqueWhile": ["blocked", "delayed", "waiting"]},
            "options.uniqueWhile",
        ),
    ],
)
async def test_what_can_not_be_meant_is_refused(
    queue: Queue, kind: str, options: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await queue.enqueue(kind, {}, options=options)
    assert [fault.field for fault in caught.value.fields] == [field]


async def test_a_repeated_replacement_under_an_idempotency_key_changes_nothing(
    queue: Queue, kind: str
) -> None:
    options = JobOptions(unique_key="k", on_duplicate="replace")
    job = await queue.enqueue(kind, 1, options=options)
    for payload in (2, 3, 2):
        await queue.enqueue(kind, payload, options=options, idempotency_key=f"{kind}-{payload}")
    assert (await queue.get(job.job_id)).payload == 3
