"""Steps and cursors: what an attempt saves, later ones find, as long as the job may go on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cotiza_queue import Queue, Status
from cotiza_queue.engine.checkpoints import MAX_NAME, MAX_NAMES, MAX_VALUE_BYTES, Checkpoints
from cotiza_queue.errors import PermanentError, RetryableError
from cotiza_queue.store.commands import Commands
from cotiza_queue.store.connection import Connection
from cotiza_queue.testing import FakeContext, run_job

pytestmark = pytest.mark.row("C14")
QUICK = {"backoff": {"type": "fixed", "delay": 1}}


async def _kept(redis_url: str, kind: str) -> int:
    connection = Connection(redis_url)
    found = await connection.command("KEYS", f"{{cq:{kind}}}:checkpoints:*")
    await connection.close()
    return len(found)


async def test_a_later_attempt_gets_what_a_step_returned_and_does_not_call_it(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    calls: list[Any] = []

    async def fetch(what: str) -> Any:
        calls.append(what)
        return {"what": what, "n": (1, None)}

    async def work(payload: Any, context: Any) -> Any:
        first = await context.step("fetch", fetch, "price")
        if context.attempt < 3:
            raise RetryableError("not yet")
        return [first, await context.step("again", fetch, "stock")]

    async with working({kind: work}):
        job = await queue.enqueue(kind, 1, options=QUICK)
        result = await queue.result(job.job_id)
    assert calls == ["price", "stock"]
    assert result == [{"what": "price", "n": [1, None]}, {"what": "stock", "n": [1, None]}]
    assert await _kept(redis_url, kind) == 0


async def test_a_replay_goes_on_from_the_last_good_step(
    redis_url: str, queue: Queue, kind: str, working: Any
) -> None:
    calls, mended = [], False

    async def part(n: int) -> None:
        calls.append(n)
        if n == 2 and not mended:
            raise PermanentError("the printer is broken")

    async def work(payload: Any, context: Any) -> None:
        for n in range(4):
            await context.step(f"part {n}", part, n)

    async with working({kind: work}):
        job = await queue.enqueue(kind, 1)
        assert (await queue.wait(job.job_id)).status is Status.FAILED
        assert await _kept(redis_url, kind) == 1
        mended = True
        await queue.replay(job.job_id)
        while (await queue.get(job.job_id)).status is not Status.COMPLETED:
            await asyncio.sleep(0.01)
    assert calls == [0, 1, 2, 2, 3]
    assert await _kept(redis_url, kind) == 0


@pytest.mark.parametrize("how", ["cancel", "remove"])
async def test_checkpoints_go_with_a_cancelled_and_with_a_removed_job(
    redis_url: str, queue: Queue, kind: str, working: Any, how: str
) -> None:
    async def work(payload: Any, context: Any) -> None:
        await context.save_cursor("c", 1)
        if how == "remove":
            raise PermanentError("no")
        await asyncio.Event().wait()

    async with working({kind: work}):
        job = await queue.enqueue(kind, 1, options={"removeOnFail": how == "remove"})
        if how == "cancel":
            while not await _kept(redis_url, kind):
                await asyncio.sleep(0.01)
            await queue.cancel(job.job_id)
        else:
            while not (await queue.dead_letters(job_type=kind))[0]:
                await asyncio.sleep(0.01)
    assert await _kept(redis_url, kind) == 0


async def test_a_cursor_that_is_saved_now_and_then_is_whole_after_a_failure_or_a_stop(
    queue: Queue, kind: str, working: Any
) -> None:
    began: list[int] = []

    async def loop(payload: Any, context: Any) -> None:
        first = await context.cursor("n", 0)
        began.append(first)
        for n in range(first, 100):
            await context.save_cursor("n", n + 1, every=30)
            assert await context.cursor("n") == n + 1
            if n == 41:
                raise RetryableError("now")
            if n == 77:
                await asyncio.Event().wait()

    async with working({kind: loop}):
        options = {**QUICK, "timeout": 300, "attempts": 5}
        job = await queue.enqueue(kind, 1, options=options)
        done = await queue.wait(job.job_id)
    assert done.status is Status.COMPLETED
    assert began == [0, 42, 78]


async def test_a_plain_job_asks_redis_for_no_checkpoints(
    queue: Queue, kind: str, working: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    verbs: list[str] = []
    genuine = Connection.call

    async def listening(self: Connection, verb: str, job_type: str, *args: Any) -> Any:
        verbs.append(verb)
        return await genuine(self, verb, job_type, *args)

    monkeypatch.setattr(Connection, "call", listening)

    async def work(payload: Any, context: Any) -> Any:
        return await context.cursor("nothing")

    async with working({kind: work}):
        job = await queue.enqueue(kind, 1)
        assert await queue.result(job.job_id) is None
    assert not {"save", "saved"} & set(verbs)


async def test_a_stale_attempt_can_save_nothing_and_is_stopped(
    redis_url: str, queue: Queue, kind: str
) -> None:
    connection = Connection(redis_url)
    commands = Commands(connection)
    await queue.enqueue(kind, 1)
    [old] = (await commands.turn(kind, "w1", 1, [])).deliveries
    assert await commands.save(kind, old, "step:a", b"1") == "ok"
    await asyncio.sleep(0.01)
    await commands.reclaim(kind, "w2", 1, 9, await commands.stale(kind, 1))
    [new] = (await commands.turn(kind, "w2", 1, [])).deliveries
    assert (old.saved, new.saved) == (False, True)
    lost = asyncio.Event()
    zombie = Checkpoints(commands, kind, old, lost.set)
    with pytest.raises(PermanentError) as caught:
        await zombie.save_cursor("c", 1, 1)
    assert caught.value.code == "lease_lost"
    assert lost.is_set()
    assert await commands.saved(kind, new) == {"step:a": b"1"}
    await connection.close()


async def test_names_and_values_have_limits(redis_url: str, queue: Queue, kind: str) -> None:
    connection = Connection(redis_url)
    commands = Commands(connection)
    await queue.enqueue(kind, 1)
    [delivery] = (await commands.turn(kind, "w", 1, [])).deliveries
    mine = Checkpoints(commands, kind, delivery, lambda: None)

    async def none() -> None:
        return None

    async def refused(code: str, name: str, value: Any) -> None:
        with pytest.raises(PermanentError) as caught:
            await mine.save_cursor(name, value, 1)
        assert caught.value.code == code

    await mine.save_cursor("x" * MAX_NAME, "y" * (MAX_VALUE_BYTES - 2), 1)
    await refused("checkpoint_too_large", "big", "y" * (MAX_VALUE_BYTES - 1))
    await refused("invalid_checkpoint", "x" * (MAX_NAME + 1), 1)
    await refused("invalid_checkpoint", "", 1)
    await refused("invalid_checkpoint", "odd", object())
    for n in range(MAX_NAMES - 1):
        await mine.step(f"s{n}", none, ())
    await refused("too_many_checkpoints", "one more", 1)
    await mine.save_cursor("x" * MAX_NAME, "known names go on", 1)
    with pytest.raises(PermanentError) as caught:
        await mine.step("s0", none, ())
    assert caught.value.code == "step_used_twice"
    await connection.close()


async def test_a_processor_with_steps_can_be_tested_alone() -> None:
    calls = []

    async def part(n: int) -> int:
        calls.append(n)
        return n

    async def work(payload: Any, context: Any) -> int:
        return int(await context.step("a", part, 1)) + int(await context.cursor("c", 5))

    context = FakeContext(saved={"c": 7})
    assert await run_job(work, {}, context=context) == 8
    assert await run_job(work, {}, context=FakeContext(saved=context.saved)) == 8
    assert calls == [1]
