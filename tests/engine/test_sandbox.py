"""The sandbox: CPU work in child processes that are really killed, capped, and replaced."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cotiza_queue.engine.sandbox import CALLS_PER_CHILD, Sandbox
from cotiza_queue.engine.sandbox_child import LARGEST_BODY_BYTES
from cotiza_queue.errors import (
    ConfigurationError,
    InvalidData,
    PermanentError,
    ProcessingError,
    RetryableError,
)
from engine import sandbox_functions as functions
from engine.processes import LINUX, is_alive, until
from engine.sandbox_calls import Told, deaf, started


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    opened = Sandbox(2)
    yield opened
    await opened.close()


async def test_a_function_runs_in_another_process_and_its_result_comes_back(
    sandbox: Sandbox,
) -> None:
    assert await sandbox.run(functions.add, (2, 3), report=deaf) == 5
    assert await sandbox.run(functions.process_id, (), report=deaf) != os.getpid()


async def test_a_child_stays_warm_for_the_next_call(sandbox: Sandbox) -> None:
    first = await sandbox.run(functions.process_id, (), report=deaf)
    assert await sandbox.run(functions.process_id, (), report=deaf) == first


async def test_a_child_is_replaced_after_so_many_calls(sandbox: Sandbox) -> None:
    pids = [
        await sandbox.run(functions.process_id, (), report=deaf) for _ in range(CALLS_PER_CHILD + 1)
    ]
    assert len(set(pids[:CALLS_PER_CHILD])) == 1
    assert pids[-1] != pids[0]
    assert not is_alive(pids[0])


async def test_no_more_children_than_allowed_run_at_once(sandbox: Sandbox) -> None:
    async with asyncio.TaskGroup() as group:
        calls = [
            group.create_task(sandbox.run(functions.process_id, (), report=deaf)) for _ in range(12)
        ]
    assert len({call.result() for call in calls}) <= 2


async def test_every_step_of_the_progress_arrives_in_order(sandbox: Sandbox) -> None:
    told = Told()
    await sandbox.run(functions.three_steps, (), report=told)
    assert told == [(10, "load", ""), (50, "measure", "walls"), (90, "store", "")]


async def test_fast_progress_is_thinned_out_in_order_and_its_last_value_is_not_lost(
    sandbox: Sandbox,
) -> None:
    told = Told()
    assert await sandbox.run(functions.count, (20_000,), report=told) == "done"
    assert told == sorted(told)
    assert told[0] == (0.005, "counting", "1 of 20000")
    assert told[-1] == (100, "counting", "20000 of 20000")
    assert len(told) < 10_000


async def test_progress_is_told_on_the_event_loop_while_the_function_runs(
    sandbox: Sandbox,
) -> None:
    call, pid = await started(sandbox, "spin")
    assert is_alive(pid)
    call.cancel()
    await asyncio.wait([call])


async def test_a_report_that_raises_ends_the_call_and_its_process(sandbox: Sandbox) -> None:
    pids: list[int] = []

    def object_to_it(_percentage: float, _step: str, message: str) -> None:
        pids.append(int(message))
        raise LookupError("no such job")

    with pytest.raises(LookupError, match="no such job"):
        await sandbox.run(functions.spin, (), report=object_to_it)
    assert not is_alive(pids[0])


@pytest.mark.parametrize("what", ["spin", "backtrack", "hold_the_interpreter", "ignore_everything"])
@pytest.mark.row("C9")
async def test_a_cancelled_call_has_killed_its_process_whatever_it_does(
    sandbox: Sandbox, what: str
) -> None:
    call, pid = await started(sandbox, what)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not is_alive(pid)
    assert await sandbox.run(functions.add, (1, 1), report=deaf) == 2


async def test_a_timeout_kills_like_a_cancellation(sandbox: Sandbox) -> None:
    call, pid = await started(sandbox, "hold_the_interpreter")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call, timeout=0.01)
    assert not is_alive(pid)


async def test_a_second_cancellation_kills_at_once_and_leaves_nothing(sandbox: Sandbox) -> None:
    call, pid = await started(sandbox, "ignore_everything")
    call.cancel()
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await until(lambda: not is_alive(pid))


async def test_a_cancelled_function_may_clean_up_first(sandbox: Sandbox, tmp_path: Path) -> None:
    told, file = Told(), tmp_path / "mark"
    call = asyncio.create_task(
        sandbox.run(functions.clean_up_when_stopped, (str(file),), report=told)
    )
    await told.something.wait()
    call.cancel()
    await asyncio.wait([call])
    assert file.read_text() == "cleaned up"


async def test_a_call_cancelled_in_the_queue_for_a_child_hurts_nobody() -> None:
    sandbox = Sandbox(1)
    call, pid = await started(sandbox, "spin")
    waiting = asyncio.create_task(sandbox.run(functions.add, (1, 2), report=deaf))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert is_alive(pid)
    call.cancel()
    await asyncio.wait([call])
    assert await sandbox.run(functions.add, (1, 2), report=deaf) == 3
    await sandbox.close()


async def test_our_errors_cross_intact(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidData, match="not an STL") as refused:
        await sandbox.run(functions.refuse_file, (), report=deaf)
    assert refused.value.code == "bad_header"
    assert refused.value.remedy == "Export it anew."
    assert refused.value.details == {"at": 80}
    with pytest.raises(RetryableError) as later:
        await sandbox.run(functions.ask_for_patience, (), report=deaf)
    assert later.value.retry_after_ms == 1234


async def test_other_errors_keep_their_type_and_show_the_childs_traceback(
    sandbox: Sandbox,
) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        await sandbox.run(functions.divide, (), report=deaf)
    assert "in divide" in caught.value.__notes__[0]


async def test_an_error_that_cannot_cross_becomes_a_processing_error_with_its_text(
    sandbox: Sandbox,
) -> None:
    with pytest.raises(ProcessingError, match="Unreadable: can't cross"):
        await sandbox.run(functions.raise_unreadable, (), report=deaf)
    assert await sandbox.run(functions.add, (1, 1), report=deaf) == 2


async def test_a_result_that_cannot_be_sent_is_a_clear_error(sandbox: Sandbox) -> None:
    with pytest.raises(PermanentError, match=r"\(function\) can't be pickled") as caught:
        await sandbox.run(functions.return_unpicklable, (), report=deaf)
    assert caught.value.code == "result_not_sendable"


async def test_results_and_arguments_have_a_limit(sandbox: Sandbox) -> None:
    overhead = len(pickle.dumps(bytes(100_000), pickle.HIGHEST_PROTOCOL)) - 100_000
    largest = LARGEST_BODY_BYTES - overhead
    result = await sandbox.run(functions.return_bytes, (largest,), report=deaf)
    assert len(result) == largest
    with pytest.raises(PermanentError, match="is the limit"):
        await sandbox.run(functions.return_bytes, (largest + 1,), report=deaf)
    with pytest.raises(PermanentError, match="arguments of echo exceed"):
        await sandbox.run(functions.echo, (bytes(largest),), report=deaf)
    sent = bytes(largest - 1024)
    assert await sandbox.run(functions.echo, (sent,), report=deaf) == sent


async def test_a_function_that_cannot_be_imported_is_a_clear_error(sandbox: Sandbox) -> None:
    def local(report: Any) -> None: ...

    main = type(sys)("__main__")
    exec("def part_of_the_script(report): ...", main.__dict__)  # noqa: S102
    for function in (lambda report: None, local, main.part_of_the_script):
        with pytest.raises(PermanentError, match="can't run this") as caught:
            await sandbox.run(function, (), report=deaf)
        assert caught.value.code == "not_sendable"


async def test_what_a_function_prints_or_reads_is_harmless(sandbox: Sandbox) -> None:
    assert await sandbox.run(functions.make_noise, (), report=deaf) == ""
    assert await sandbox.run(functions.add, (1, 1), report=deaf) == 2


async def test_numerical_libraries_start_no_threads(sandbox: Sandbox) -> None:
    assert await sandbox.run(functions.threads_of_libraries, (), report=deaf) == b"1"


async def test_a_kill_reaches_processes_that_the_function_started(sandbox: Sandbox) -> None:
    told = Told()
    call = asyncio.create_task(sandbox.run(functions.start_grandchild, (), report=told))
    await told.something.wait()
    call.cancel()
    await asyncio.wait([call])
    await until(lambda: not is_alive(int(told[0][2])))


@pytest.mark.row("C7")
async def test_the_event_loop_stays_free_during_cpu_work(sandbox: Sandbox) -> None:
    call = asyncio.create_task(sandbox.run(functions.compute, (3_000_000,), report=deaf))
    ticks = 0
    while not call.done():
        await asyncio.sleep(0.001)
        ticks += 1
    assert call.result() == sum(number * number for number in range(3_000_000))
    assert ticks > 20


async def test_close_leaves_no_process_behind() -> None:
    sandbox = Sandbox(3)
    idle = await sandbox.run(functions.process_id, (), report=deaf)
    running = [await started(sandbox, what) for what in ("spin", "hold_the_interpreter")]
    await sandbox.close()
    for pid in (idle, *(pid for _, pid in running)):
        assert not is_alive(pid)
    for call, _ in running:
        with pytest.raises(RetryableError) as caught:
            await call
        assert caught.value.code == "sandbox_closed"
    with pytest.raises(RetryableError):
        await sandbox.run(functions.add, (1, 1), report=deaf)


async def test_a_sandbox_has_room_for_one_child_at_least() -> None:
    with pytest.raises(ConfigurationError):
        Sandbox(0)


WORKER = """
import asyncio, sys
sys.path[:] = {path!r}
from engine.sandbox_calls import deaf, started
from engine.sandbox_functions import process_id
from cotiza_queue.engine.sandbox import Sandbox

async def main():
    sandbox = Sandbox(2)
    idle = await sandbox.run(process_id, (), report=deaf)
    _, first = await started(sandbox, {what!r})
    call, second = await started(sandbox, {what!r})
    print(idle, first, second, flush=True)
    await call

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "what",
    [
        "spin",
        pytest.param(
            "hold_the_interpreter",
            marks=pytest.mark.skipif(not LINUX, reason="only PR_SET_PDEATHSIG reaches it"),
        ),
    ],
)
async def test_children_die_with_a_worker_that_is_killed(what: str) -> None:
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WORKER.format(path=sys.path, what=what),
        stdout=asyncio.subprocess.PIPE,
    )
    assert worker.stdout is not None
    pids = [int(word) for word in (await worker.stdout.readline()).split()]
    assert all(is_alive(pid) for pid in pids)
    worker.kill()
    await worker.wait()
    for pid in pids:
        await until(lambda pid=pid: not is_alive(pid))
