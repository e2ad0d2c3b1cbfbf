"""The sandbox: what a call may not do, and that only this call feels it: memory and crashes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from cotiza_queue.engine.sandbox import Sandbox
from cotiza_queue.errors import MemoryLimitExceeded, ProcessDied
from engine import sandbox_functions as functions
from engine.processes import LINUX, is_alive
from engine.sandbox_calls import deaf, started

MIB = 1024 * 1024


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    opened = Sandbox(2)
    yield opened
    await opened.close()


@pytest.mark.skipif(not LINUX, reason="macOS does not keep RLIMIT_AS")
@pytest.mark.row("C8")
async def test_too_much_memory_is_an_error_of_its_own_and_the_next_call_works(
    sandbox: Sandbox,
) -> None:
    arguments: dict[str, Any] = {"report": deaf, "memory_bytes": 512 * MIB}
    with pytest.raises(MemoryLimitExceeded, match="512 MiB") as caught:
        await sandbox.run(functions.allocate, (2048 * MIB,), **arguments)
    assert caught.value.code == "memory_limit"
    assert await sandbox.run(functions.allocate, (100 * MIB,), **arguments) == 100 * MIB


@pytest.mark.skipif(not LINUX, reason="macOS does not keep RLIMIT_AS")
async def test_a_native_library_that_aborts_for_lack_of_memory_is_told_from_a_crash(
    sandbox: Sandbox,
) -> None:
    with pytest.raises(MemoryLimitExceeded):
        await sandbox.run(
            functions.allocate_in_c, (2048 * MIB,), report=deaf, memory_bytes=512 * MIB
        )


@pytest.mark.skipif(not LINUX, reason="macOS does not keep RLIMIT_AS")
async def test_the_cap_holds_for_its_own_call_only(sandbox: Sandbox) -> None:
    first = await sandbox.run(functions.process_id, (), report=deaf, memory_bytes=512 * MIB)
    assert await sandbox.run(functions.allocate, (600 * MIB,), report=deaf) == 600 * MIB
    assert await sandbox.run(functions.process_id, (), report=deaf) == first


@pytest.mark.skipif(not LINUX, reason="macOS does not tell the address space")
async def test_a_child_that_already_holds_half_of_the_cap_is_replaced(sandbox: Sandbox) -> None:
    first = await sandbox.run(functions.hoard, (300 * MIB,), report=deaf)
    again = await sandbox.run(functions.process_id, (), report=deaf, memory_bytes=1024 * MIB)
    assert again == first
    another = await sandbox.run(functions.process_id, (), report=deaf, memory_bytes=512 * MIB)
    assert another != first
    assert not is_alive(first)


@pytest.mark.parametrize(
    ("function", "args", "said"),
    [
        (functions.crash, (), "SIGSEGV"),
        (functions.kill_oneself, (), "SIGKILL"),
        (functions.leave, (3,), "exit code 3"),
        (functions.leave, (0,), "exit code 0"),
        (functions.leave_politely, (), "exit code 7"),
    ],
)
async def test_a_crash_is_told_and_the_sandbox_goes_on(
    sandbox: Sandbox, function: Callable[..., Any], args: tuple[Any, ...], said: str
) -> None:
    with pytest.raises(ProcessDied, match=said):
        await sandbox.run(function, args, report=deaf)
    assert await sandbox.run(functions.add, (1, 1), report=deaf) == 2


async def test_a_crash_says_where_it_happened(sandbox: Sandbox) -> None:
    with pytest.raises(ProcessDied) as caught:
        await sandbox.run(functions.crash, (), report=deaf)
    assert "sandbox_functions.py" in caught.value.details["output"]


@pytest.mark.row("C7")
async def test_a_crash_does_not_hurt_the_neighbour(sandbox: Sandbox) -> None:
    neighbour, pid = await started(sandbox, "clean_up_when_stopped", os.devnull)
    for _ in range(3):
        with pytest.raises(ProcessDied):
            await sandbox.run(functions.crash, (), report=deaf)
    assert is_alive(pid)
    assert not neighbour.done()
    neighbour.cancel()
    await asyncio.wait([neighbour])


async def test_a_child_that_died_while_idle_fails_nobody(sandbox: Sandbox) -> None:
    pid = await sandbox.run(functions.process_id, (), report=deaf)
    os.kill(pid, signal.SIGKILL)
    assert await sandbox.run(functions.add, (1, 1), report=deaf) == 2
