"""Workers killed amid steps and loops, as real processes: what was saved is not done again."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from chaos.test_crashes import Crew, until
from cotiza_queue import Queue

pytestmark = pytest.mark.row("C14")
SCRIPT = str(Path(__file__).with_name("checkpoint_worker.py"))
EVERY = 100


class Lives(Crew):
    """One worker at a time; only the first one is held up at a step."""

    async def live(self, *, first: bool) -> None:
        import asyncio

        environment = {**os.environ, **({"FIRST_LIFE": "1"} if first else {})}
        process = await asyncio.create_subprocess_exec(
            sys.executable, SCRIPT, *self.arguments, env=environment
        )
        self.processes.append(process)

    async def die(self) -> None:
        self.processes[-1].kill()
        await self.processes[-1].wait()


async def test_a_kill_at_step_3_of_5_runs_steps_1_and_2_no_more(
    redis_url: str, queue: Queue, kind: str, tmp_path: Path
) -> None:
    lives = Lives(redis_url, kind, tmp_path / "log")
    job = await queue.enqueue(kind, {"hold": 3})
    await lives.live(first=True)
    await until(lambda: ["step", "3"] in lives.lines("step"))
    await lives.die()
    await lives.live(first=False)
    result = await queue.result(job.job_id, timeout_ms=60_000)
    await lives.die()
    assert result == [10, 20, 30, 40, 50]
    assert Counter(line[1] for line in lives.lines("step")) == {
        "1": 1, "2": 1, "3": 2, "4": 1, "5": 1,
    }  # fmt: skip


async def test_a_loop_of_10000_does_at_most_one_flush_interval_again(
    redis_url: str, queue: Queue, kind: str, tmp_path: Path
) -> None:
    lives = Lives(redis_url, kind, tmp_path / "log")
    job = await queue.enqueue(kind, {"items": 10_000, "every": EVERY, "stop_at": 3050})
    await lives.live(first=True)
    await until(lambda: len(lives.lines("item")) == 3050)
    await lives.die()
    await lives.live(first=False)
    began = await queue.result(job.job_id, timeout_ms=60_000)
    await lives.die()
    items = [int(line[1]) for line in lives.lines("item")]
    assert set(items) == set(range(10_000))
    assert began == 3000
    assert len(items) - 10_000 == 50 <= EVERY
