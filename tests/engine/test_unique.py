"""Unique keys: one job for many calls, and the key free again exactly when its caller said."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import JobOptions, Queue, Status
from cotiza_queue.errors import Conflict, InvalidInput, PermanentError, RetryableError

WAITING = ("blocked", "delayed", "waiting")
ENDS = ("completed", "failed", "cancelled")


def keyed(*more: str, **options: Any) -> dict[str, Any]:
    """Options with the key "k", held while a job waits and in these statuses."""
    return {"uniqueKey": "k", "uniqueWhile": [*WAITING, *more], **options}


async def free(queue: Queue, kind: str) -> bool:
    """True if a call with the key would make a job; the one it makes is removed at once, before a
    worker can have it.
    """
    options = keyed("active", removeOnFail=True, delay=60_000)
    asked = await queue.enqueue(kind, {}, options=options)
    if asked.created:
        await queue.cancel(asked.job_id)
    return asked.created


@pytest.mark.row("A3")
async def test_a_thousand_concurrent_adds_with_one_key_make_one_job(
    redis_url: str, queue: Queue, kind: str
) -> None:
    async with Queue(redis_url) as second, Queue(redis_url) as third:
        calls = [
            each.enqueue(kind, n, options={"uniqueKey": "k"})
            for n, each in enumerate([queue, second, third, queue] * 250)
        ]
        answers = await asyncio.gather(*calls)
    assert len(answers) == 1000
    assert len({answer.job_id for answer in answers}) == 1
    assert [answer.created for answer in answers].count(True) == 1
    assert len((await queue.list("default", job_type=kind)).items) == 1


@pytest.mark.row("A3")
@pytest.mark.parametrize("kept", [(), ("active",), ENDS, ("active", "failed"), ("completed",)])
@pytest.mark.parametrize("end", ENDS)
async def test_a_key_is_free_again_exactly_in_the_statuses_that_were_not_named(
    queue: Queue, kind: str, working: Any, kept: tuple[str, ...], end: str
) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    async def run(payload: Any, context: Any) -> None:
        started.set()
        await go.wait()
        if end == "failed":
            raise PermanentError("no")

    options = keyed(*kept, delay=1)
    job = await queue.enqueue(kind, {}, options=options)
    assert not await free(queue, kind)
    async with working({kind: run}):
        await started.wait()
        assert await free(queue, kind) is ("active" not in kept)
        if end == "cancelled":
            await queue.cancel(job.job_id)
        go.set()
        assert (await queue.wait(job.job_id)).status == end
        assert await free(queue, kind) is (end not in kept)


@pytest.mark.row("A3")
async def test_a_key_kept_past_the_end_is_free_once_the_dead_letter_is_purged(
    queue: Queue, kind: str, working: Any
) -> None:
    async def fail(payload: Any, context: Any) -> None:
        raise PermanentError("no")

    job = await queue.enqueue(kind, {}, options=keyed("active", *ENDS))
    async with working({kind: fail}):
        await queue.wait(job.job_id)
    assert not await free(queue, kind)
    await queue.purge_dead_letter(job.job_id)
    assert await free(queue, kind)


@pytest.mark.parametrize("status", ENDS)
async def test_a_key_kept_past_the_end_is_free_once_its_job_is_removed(
    queue: Queue, kind: str, working: Any, status: str
) -> None:
    async def run(payload: Any, context: Any) -> None:
        if status == "failed":
            raise PermanentError("no")

    job = await queue.enqueue(kind, {}, options=keyed("active", *ENDS))
    if status == "cancelled":
        await queue.cancel(job.job_id)
    async with working({kind: run}):
        await queue.wait(job.job_id)
    assert not await free(queue, kind)
    assert await queue.clean(kind, status=Status(status)) == 1
    assert await free(queue, kind)


async def test_a_job_that_lost_its_key_while_it_ran_goes_on_without_it(
    queue: Queue, kind: str, working: Any
) -> None:
    runs: list[Any] = []
    started, go = asyncio.Event(), asyncio.Event()

    async def run(payload: Any, context: Any) -> None:
        runs.append(payload)
        started.set()
        await go.wait()
        if runs == ["first"]:
            raise RetryableError("again", retry_after_ms=1)

    first = await queue.enqueue(kind, "first", options=keyed())
    async with working({kind: run}, concurrency=1):
        await started.wait()
        second = await queue.enqueue(kind, "second", options=keyed())
        assert second.created
        go.set()
        ended = [await queue.wait(job.job_id) for job in (first, second)]
    assert [job.status for job in ended] == ["completed", "completed"]
    assert sorted(runs) == ["first", "first", "second"]
    assert await free(queue, kind)


async def test_a_retry_takes_the_key_again_if_it_is_free(
    queue: Queue, kind: str, working: Any
) -> None:
    async def fail(payload: Any, context: Any) -> None:
        raise RetryableError("again", retry_after_ms=60_000)

    job = await queue.enqueue(kind, {}, options=keyed())
    async with working({kind: fail}):
        while (await queue.get(job.job_id)).status is not Status.DELAYED:
            await asyncio.sleep(0.005)
    assert not await free(queue, kind)
    await queue.cancel(job.job_id)
    assert await free(queue, kind)


async def test_a_replay_is_refused_while_another_job_has_the_key(queue: Queue, kind: str) -> None:
    first = await queue.enqueue(kind, {}, options=keyed())
    await queue.cancel(first.job_id)
    second = await queue.enqueue(kind, {}, options=keyed())
    with pytest.raises(Conflict) as caught:
        await queue.replay(first.job_id)
    assert caught.value.code == "unique_key_taken"
    await queue.cancel(second.job_id)
    await queue.replay(first.job_id)
    assert not await free(queue, kind)


async def test_a_job_that_keeps_its_key_past_the_end_can_be_replayed(
    queue: Queue, kind: str
) -> None:
    job = await queue.enqueue(kind, {}, options=keyed(*ENDS))
    await queue.cancel(job.job_id)
    assert (await queue.replay(job.job_id)).status is Status.WAITING
    assert not await free(queue, kind)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"uniqueWhile": ["blocked", "delayed", "waiting"]}, "options.uniqueWhile"),
        ({"uniqueKey": "k", "uniqueWhile": []}, "options.uniqueWhile"),
        ({"uniqueKey": "k", "uniqueWhile": ["waiting", "active"]}, "options.uniqueWhile"),
        ({"uniqueKey": "k", "uniqueWhile": ["sleeping"]}, "options.uniqueWhile[0]"),
        ({"uniqueKey": "k", "uniqueWhile": ["waiting"] * 8}, "options.uniqueWhile"),
        ({"uniqueKey": ""}, "options.uniqueKey"),
        ({"uniqueKey": "k" * 201}, "options.uniqueKey"),
    ],
)
async def test_a_key_that_could_not_hold_is_refused(
    queue: Queue, kind: str, options: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await queue.enqueue(kind, {}, options=options)
    assert [fault.field for fault in caught.value.fields] == [field]


async def test_a_key_of_200_characters_and_all_seven_statuses_are_taken(
    queue: Queue, kind: str
) -> None:
    options = JobOptions(unique_key="k" * 200, unique_while=tuple(Status))
    answers = [await queue.enqueue(kind, {}, options=options) for _ in range(2)]
    assert [answer.created for answer in answers] == [True, False]
