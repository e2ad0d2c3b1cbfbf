"""A data directory with jobs in every status, and the command line to look at it with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result

from cotiza_queue import JobContext, Queue, Worker, WorkerOptions, errors
from cotiza_queue.cli.admin import cli
from cotiza_queue.jobtypes import EMAIL_NOTIFICATION, FILE_ANALYSIS

HOSTILE = "\x1b]0;owned\x07 \x9b31m \u202egnp.exe \x00\ttab\nline \x7f"
"""Sets a terminal's title, colours it, turns text around: what no command may print as it is."""


class Filled(NamedTuple):
    """Ids of jobs, by what became of them."""

    completed: str
    dead: str
    hostile: str
    delayed: str
    waiting: str


class Terminal:
    """Runs ``cotiza-queue`` in this process, on one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def run(self, *arguments: str, code: int = 0, answer: str | None = None) -> Result:
        """One command. Fails the test if its exit code is not ``code``."""
        environ = {"COTIZA_DATA_DIR": str(self.data_dir)}
        result = CliRunner().invoke(cli, arguments, obj=environ, input=answer)
        assert result.exit_code == code, result.output
        return result

    def text(self, *arguments: str) -> str:
        return self.run(*arguments).stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)


async def _analyse(payload: Any, context: JobContext) -> dict[str, Any]:
    if payload.file_id == "bad":
        raise errors.InvalidData("it ends too early", code="truncated_file", remedy="Export again.")
    if payload.file_id == "hostile":
        raise errors.InvalidData(f"no: {HOSTILE}", details={"text": HOSTILE})
    return {"fileId": payload.file_id, "text": HOSTILE}


def _file(name: str) -> dict[str, Any]:
    return {"fileId": name, "fileUrl": "s3://b/x.stl", "fileName": "x.stl", "fileType": "stl"}


def _mail(number: str) -> dict[str, Any]:
    return {
        "type": "quote-expired",
        "recipientEmail": "customer@example.com",
        "templateData": {"quoteNumber": number, "note": HOSTILE},
    }


async def _fill(queue: Queue, data_dir: Path) -> Filled:
    options = WorkerOptions(handle_signals=False)
    worker = Worker({FILE_ANALYSIS: _analyse}, data_dir=data_dir, options=options)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        ended = [
            await queue.enqueue(FILE_ANALYSIS, _file(name), tenant="acme", options={"tags": [name]})
            for name in ("good", "bad", "hostile")
        ]
        for job in ended:
            await queue.wait(job.job_id)
        worker.stop()
    later = await queue.schedule(EMAIL_NOTIFICATION, _mail("Q-1"), 3_600_000, tenant="globex")
    now = await queue.enqueue(EMAIL_NOTIFICATION, _mail("Q-2"), tenant="globex")
    return Filled(*(job.job_id for job in (*ended, later, now)))


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """The command line on a data directory of its own, whose server stays up for the test."""
    with asyncio.Runner() as runner:
        queue = Queue(data_dir=tmp_path)
        runner.run(queue.open())
        try:
            yield Terminal(tmp_path)
        finally:
            runner.run(queue.close())


@pytest.fixture
def filled(terminal: Terminal) -> Filled:
    """Jobs: one completed, two dead, one delayed, one waiting."""

    async def fill() -> Filled:
        types = (FILE_ANALYSIS, EMAIL_NOTIFICATION)
        async with Queue(data_dir=terminal.data_dir, job_types=types) as queue:
            return await _fill(queue, terminal.data_dir)

    return asyncio.run(fill())
