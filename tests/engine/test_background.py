"""Tasks that outlive the call that starts them (engine/loop.py)."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from cotiza_queue.engine.loop import Background


async def name_of_its_task(said: list[str]) -> None:
    task = asyncio.current_task()
    assert task is not None
    said.append(task.get_name())


async def test_what_is_started_after_preparations_runs_like_anything_else() -> None:
    said: list[str] = []
    tasks = Background()
    tasks.prepare()
    tasks.prepare()
    before = asyncio.all_tasks()

    first = tasks.start(name_of_its_task(said), "first")
    second = tasks.start(name_of_its_task(said), "second")
    assert first in before
    assert second not in before
    await tasks.finished()

    assert sorted(said) == ["first", "second"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_task_that_waits_for_work_is_not_waited_for_and_ends_with_the_rest() -> None:
    tasks = Background()
    tasks.prepare()
    await asyncio.sleep(0)
    await tasks.finished()
    assert len(asyncio.all_tasks()) == 2

    await tasks.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("turns", [0, 1])
async def test_work_that_is_ended_before_it_has_begun_leaves_nothing_behind(turns: int) -> None:
    said: list[str] = []
    tasks = Background()
    tasks.prepare()
    for _ in range(turns):  # its task has begun to wait, or has not
        await asyncio.sleep(0)
    work = name_of_its_task(said)
    task = tasks.start(work, "late")
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED
    assert not said
