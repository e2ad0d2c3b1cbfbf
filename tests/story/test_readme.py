"""The Python in README.md runs as it stands: programs as programs, fragments one after the other
on an open queue.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from cotiza_queue import Queue
from cotiza_queue.jobtypes import ALL

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
PROGRAMS = [block for block in BLOCKS if "asyncio.run(" in block]
FRAGMENTS = [block for block in BLOCKS if "asyncio.run(" not in block]


def _run(program: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={"PATH": "", "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _compiled(fragment: str) -> CodeType:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return compile(fragment, "README.md", "exec", flags=flags, dont_inherit=True)


def test_a_stranger_enqueues_a_job_with_nothing_set_up(tmp_path: Path) -> None:
    assert re.fullmatch(r"[0-9a-z]{34} waiting\n", _run(PROGRAMS[0], tmp_path))
    assert (tmp_path / ".cotiza").is_dir()


def test_a_stranger_runs_a_job_of_their_own(tmp_path: Path) -> None:
    assert "Hello, world!" in _run(PROGRAMS[1], tmp_path)


async def test_every_fragment_does_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Queue(data_dir=tmp_path, job_types=ALL) as queue:
        names: dict[str, Any] = {"queue": queue}
        for fragment in FRAGMENTS:
            pending = eval(_compiled(fragment), names)  # noqa: S307 - our own README
            if inspect.isawaitable(pending):
                await pending
        assert len(FRAGMENTS) >= 6
        page = await queue.list("tenant-123")
        assert {job.type: job.status.value for job in page.items} == {
            "email-notification": "delayed",
            "quote-calculation": "waiting",
        }
        schedule = (await queue.schedules(tenant="tenant-123"))[0]
        assert (schedule.key, schedule.timezone) == ("nightly-quote", "America/Mexico_City")
