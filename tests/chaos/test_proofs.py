"""The small forms of the quick acceptance runs: see docs/proof.md."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["unique", "zombies"])
def test_what_is_promised_holds_with_real_processes(name: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.proof.{name}", "--quick", "--server", "valkey"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert " kept" in done.stdout


def test_the_checker_sees_what_went_wrong() -> None:
    sys.path.insert(0, str(ROOT))
    from benchmarks.proof.common import Line
    from benchmarks.proof.history import Final, judge

    def run(t: float, job: str, token: int, pid: int = 1, attempt: int = 1) -> Line:
        return Line(t=t, op="start", job=job, token=token, pid=pid, attempt=attempt)

    lines = [
        *(Line(t=0, op="enqueued", job=job) for job in ("good", "lost", "stale", "cancelled")),
        Line(t=0, op="enqueued", job="early", token=9000),
        *(run(1, "good", 1), Line(t=2, op="killed", how="1"), run(5, "good", 2, pid=2)),
        *(run(1, "stale", 3), run(2, "stale", 4), run(8, "early", 5), run(3, "unknown", 6)),
        *(Line(t=4, op="cancelled", job="cancelled"), run(5, "cancelled", 7)),
        *(Line(t=6, op="final", job="good", how="completed") for _ in range(2)),
    ]
    finals = {
        "good": Final("completed", 2, 2),
        "stale": Final("completed", 3, 4),
        "early": Final("active", None, 5),
        "cancelled": Final("cancelled", None, 0),
    }
    found = judge(lines, finals)
    assert (found.accepted, found.completed, found.cancelled, found.left) == (5, 2, 1, 1)
    assert (found.lost, found.phantom, found.early, found.stale_accepted) == (1, 1, 1, 1)
    assert (found.duplicate_executions, found.duplicate_finals) == (2, 1)
    assert (found.taken_after_cancel, found.restarts_s) == (1, [3])
