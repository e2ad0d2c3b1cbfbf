"""What users' tests are given: inline, manual and live runs, assertions, a fixture."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cotiza_queue import JobType, NewJob, Queue, Status
from cotiza_queue.batch import Batched, BatchItem
from cotiza_queue.errors import ConfigurationError, CotizaError, InvalidInput, RetryableError
from cotiza_queue.middleware import Transition
from cotiza_queue.model.context import Processor
from cotiza_queue.testing import (
    Around,
    FakeContext,
    LocalQueue,
    assert_enqueued,
    drain,
    queue,
    refute_enqueued,
    run_job,
    worker,
)
from cotiza_queue.testing.databases import DATABASES

ROOT = Path(__file__).parents[2]


class Greeting(msgspec.Struct):
    """A payload."""

    name: str
    times: int = 1


GREET: JobType[Greeting] = JobType("greet", Greeting)


async def greet(payload: Greeting, context: Any) -> str:
    context.progress(50, "writing", "half way", name=payload.name)
    return " ".join([f"hello {payload.name}"] * payload.times)


def square(report: Any, number: int) -> int:
    report(100, "squared")
    return number * number


# -- inline


@pytest.mark.row("H3")
async def test_a_processor_runs_inline_with_a_checked_payload_and_a_context_that_records() -> None:
    context = FakeContext(attempt=2, tenant="acme")
    assert await run_job(greet, {"name": "ana"}, job_type=GREET, context=context) == "hello ana"
    assert context.steps == ["writing"]
    assert (context.reports[0].percentage, context.reports[0].message) == (50, "half way")
    assert context.reports[0].metadata == {"name": "ana"}
    with pytest.raises(InvalidInput, match=r"data\.name"):
        await run_job(greet, {"times": 2}, job_type=GREET)


async def test_inline_a_payload_without_a_type_is_handed_over_as_it_is() -> None:
    assert await run_job(greet, Greeting("ana", 2)) == "hello ana hello ana"


async def test_inline_an_error_is_raised_and_a_result_must_be_json() -> None:
    async def fail(payload: Any, context: Any) -> None:
        raise RetryableError("later")

    async def odd(payload: Any, context: Any) -> Any:
        return object()

    with pytest.raises(RetryableError, match="later"):
        await run_job(fail, 1)
    with pytest.raises(TypeError):
        await run_job(odd, 1)


async def test_inline_child_process_work_runs_too() -> None:
    async def work(payload: int, context: Any) -> Any:
        return await context.run_in_process(square, payload, memory_bytes=1)

    context = FakeContext()
    assert await run_job(work, 7, context=context) == 49
    assert context.steps == ["squared"]


# -- manual


@pytest.mark.row("H3")
async def test_drain_runs_all_that_is_due_with_the_jobs_that_jobs_make() -> None:
    ran: list[str] = []

    async def parent(payload: Any, context: Any) -> None:
        ran.append("parent")
        await local.enqueue("child", payload)

    async def child(payload: Any, context: Any) -> None:
        ran.append(f"child {payload}")
        if payload == 2 and context.attempt == 1:
            raise RetryableError("again", retry_after_ms=3_600_000)

    async with queue({"parent": parent, "child": child}) as local:
        for n in (1, 2):
            await local.enqueue("parent", n)
        later = await local.schedule("child", 3, 60_000)
        ended = await drain(local)
        assert await drain(local) == []
        assert (await local.get(later.job_id)).status is Status.DELAYED
    assert ran == ["parent", "child 1", "parent", "child 2"]
    assert [(event.job_type, str(event.status), event.code) for event in ended] == [
        ("parent", "completed", ""),
        ("child", "completed", ""),
        ("parent", "completed", ""),
        ("child", "delayed", "retryable_error"),
    ]


async def test_drain_fills_the_batches_of_a_batch_processor() -> None:
    sizes: list[int] = []

    async def note(items: Sequence[BatchItem[Any]]) -> list[None]:
        sizes.append(len(items))
        return [None] * len(items)

    async with queue({"t": Batched(note, size=4, wait_ms=10)}) as local:
        await local.enqueue_many([NewJob(type="t", payload=n) for n in range(9)])
        assert len(await drain(local)) == 9
    assert sizes == [4, 4, 1]


async def test_drain_of_jobs_that_make_jobs_for_ever_ends_with_an_error() -> None:
    async def again(payload: Any, context: Any) -> None:
        await local.enqueue("t", payload + 1)

    async with queue({"t": again}) as local:
        await local.enqueue("t", 0)
        with pytest.raises(CotizaError, match="20 attempts were run and there is more"):
            await drain(local, limit=20)


async def test_drain_up_to_its_limit_is_no_error() -> None:
    async with queue({"greet": greet}) as local:
        for _ in range(3):
            await local.enqueue(GREET, {"name": "ana"})
        assert len(await drain(local, limit=3)) == 3


async def test_middleware_and_hooks_stand_around_drained_jobs_too() -> None:
    heard: list[str] = []

    class Ears:
        def on_transition(self, event: Transition) -> None:
            heard.append(str(event.status))

    async def shout(payload: Any, context: Any, call_next: Processor) -> Any:
        return (await call_next(payload, context)).upper()

    async with queue({GREET: greet}, around=Around(runs=[shout], hooks=[Ears()])) as local:
        job = await local.enqueue(GREET, Greeting("ana"))
        await drain(local)
        assert await local.result(job) == "HELLO ANA"
    assert heard == ["waiting", "active", "completed"]


# -- assertions


@pytest.mark.row("H3")
async def test_assert_and_refute_enqueued_look_at_type_payload_and_tenant() -> None:
    async with queue() as local:
        await local.enqueue("t", {"a": {"b": 1, "c": [1, 2]}, "d": 4}, tenant="acme")
        await local.enqueue("t", {"a": {"b": 2}})
        jobs = await assert_enqueued(local, "t", count=2)
        assert [job.payload["a"]["b"] for job in jobs] == [1, 2]
        for payload in ({"a": {"b": 1}}, {"d": 4}, {"a": {"c": [1, 2]}}):
            assert len(await assert_enqueued(local, "t", payload, count=1)) == 1
        await assert_enqueued(local, "t", {"d": 4}, tenant="acme")
        for payload in ({"a": {"b": 3}}, {"e": 1}, {"a": {"c": [1]}}, 4):
            await refute_enqueued(local, "t", payload)
        await refute_enqueued(local, "t", tenant="other")
        await refute_enqueued(local, "u")


async def test_an_assertion_that_fails_says_what_is_there() -> None:
    async with queue() as local:
        with pytest.raises(AssertionError, match=r"at least one job expected.*no others are there"):
            await assert_enqueued(local, "t")
        for n in range(12):
            await local.enqueue("t", {"n": n})
        with pytest.raises(
            AssertionError, match=r"at least one.*of type t with {'n': 99}"
        ) as wrong:
            await assert_enqueued(local, "t", {"n": 99})
        assert "waiting default {'n': 0}" in str(wrong.value)
        assert "and 2 more" in str(wrong.value)
        with pytest.raises(AssertionError, match=r"3 jobs expected, 1 found"):
            await assert_enqueued(local, "t", {"n": 4}, count=3)
        with pytest.raises(AssertionError, match=r"no job expected of type t with {'n': 4}"):
            await refute_enqueued(local, "t", {"n": 4})


async def test_a_struct_is_compared_whole_and_ended_jobs_count_no_more() -> None:
    async with queue({GREET: greet}) as local:
        await local.enqueue(GREET, Greeting("ana"))
        await assert_enqueued(local, GREET, Greeting("ana"), count=1)
        await refute_enqueued(local, GREET, Greeting("ana", 2))
        await drain(local)
        await refute_enqueued(local, GREET)


# -- live


@pytest.mark.row("H3")
async def test_a_live_worker_runs_beside_the_test() -> None:
    async with queue({GREET: greet}) as local, worker(local):
        job = await local.enqueue(GREET, {"name": "ana"})
        assert await local.result(job.job_id) == "hello ana"


# -- each queue is alone


@pytest.mark.row("H3")
async def test_queues_do_not_see_each_other_and_each_begins_empty() -> None:
    async with queue() as one, queue() as other:
        mine, theirs = await one.enqueue("t", 1), await other.enqueue("t", 1)
        assert mine.job_id != theirs.job_id
        assert [job.id for job in (await other.list(None)).items] == [theirs.job_id]
    async with queue() as again:
        assert (await again.list(None)).items == []


async def test_as_many_queues_as_databases_may_be_open() -> None:
    async def hold(gate: asyncio.Barrier) -> None:
        async with queue():
            await gate.wait()
            await gate.wait()

    gate = asyncio.Barrier(DATABASES + 1)
    async with asyncio.TaskGroup() as group:
        for _ in range(DATABASES):
            group.create_task(hold(gate))
        await gate.wait()
        with pytest.raises(ConfigurationError, match="16 testing queues are open"):
            async with queue():
                pass
        await gate.wait()
    async with queue() as free:
        assert isinstance(free, LocalQueue)
        assert isinstance(free, Queue)


# -- the plugin


@pytest.mark.row("H3")
def test_the_pytest_fixture_opens_a_queue_and_costs_nothing_until_then(tmp_path: Path) -> None:
    (tmp_path / "test_user.py").write_text(
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "def test_nothing_is_loaded():\n"
        "    assert 'cotiza_queue' not in sys.modules\n"
        "def test_with_a_queue(job_queue):\n"
        "    async def main():\n"
        "        async with job_queue() as queue:\n"
        "            return await queue.enqueue('t', 1)\n"
        "    assert asyncio.run(main()).status == 'waiting'\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cotiza_queue"]
    done = subprocess.run(
        [*command, "-p", "cotiza_queue_pytest", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_pytest_is_told_of_the_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    plugins = project["project"]["entry-points"]["pytest11"]
    assert plugins == {"cotiza_queue": "cotiza_queue_pytest"}
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "src/cotiza_queue_pytest.py" in wheel["only-include"]
