"""``cotiza-queue doctor``: its table, its JSON, its exit codes."""

from __future__ import annotations

import asyncio
import json

import pytest

from cli.conftest import Filled, Terminal
from cotiza_queue import Queue
from cotiza_queue.store.connection import Connection

pytestmark = pytest.mark.row("D8")


def _harm(terminal: Terminal, *words: str) -> None:
    async def do() -> None:
        async with Queue(data_dir=terminal.data_dir) as queue:
            connection = Connection(queue.url)
            await connection.command(*words)
            await connection.close()

    asyncio.run(do())


def test_a_sound_deployment_is_clean(terminal: Terminal, filled: Filled) -> None:
    text = terminal.text("doctor")
    assert "noeviction" in text
    assert "counters equal a recount" in text
    assert "fail" not in text
    found = terminal.json("doctor")
    assert (found["clean"], found["findings"], found["counts"]) == (True, [], {})
    assert {one["level"] for one in found["server"]} <= {"ok", "warn"}
    assert filled.completed


def test_a_finding_is_told_and_repaired(terminal: Terminal, filled: Filled) -> None:
    _harm(terminal, "DEL", "{cq:email-notification}:delayed")
    _harm(terminal, "SET", "{cq:email-notification}:body:\x1b]0;owned\x07", "x")
    text = terminal.run("doctor", code=1).stdout
    assert filled.delayed in text
    assert "doctor --fix" in text
    assert "\x1b]0;" not in text
    found = json.loads(terminal.run("doctor", "--json", code=1).stdout)
    assert found["counts"].keys() >= {"delayed", "orphan"}
    assert {one["subject"] for one in found["findings"]} >= {filled.delayed}
    mended = terminal.json("doctor", "--fix")
    assert (mended["clean"], mended["findings"]) == (True, [])
    assert {one["code"] for one in mended["repaired"]} >= {"delayed", "orphan"}
    assert "Put right" not in terminal.text("doctor", "--fix")


def test_without_a_server_it_says_so(terminal: Terminal) -> None:
    terminal.run("doctor", "-q", "redis://127.0.0.1:1", code=5)
