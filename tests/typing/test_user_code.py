"""Both type checkers hold a user's code to its job types: they object to the marked lines, and to
no other.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = Path(__file__).with_name("user_code.py")
BIN = Path(sys.executable).parent
LINES = CODE.read_text(encoding="utf-8").splitlines()
MARKED = {number for number, line in enumerate(LINES, 1) if line.endswith("# error")}


def _said(*command: str) -> str:
    done = subprocess.run(
        [BIN / command[0], *command[1:], str(CODE)],
        cwd=ROOT,
        env=os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def _differences(found: set[int]) -> list[str]:
    """Marked lines that nobody objects to, and lines objected to without a mark."""
    return [f"{number}: {LINES[number - 1].strip()}" for number in sorted(found ^ MARKED)]


def test_there_is_something_to_object_to() -> None:
    assert len(MARKED) > 20


@pytest.mark.row("H1")
def test_wrong_payloads_results_and_processors_are_errors_under_mypy_strict() -> None:
    said = _said("mypy", "--strict", "--no-error-summary")
    found = {int(line) for line in re.findall(r"user_code\.py:(\d+): error:", said)}
    assert _differences(found) == [], said


@pytest.mark.row("H1")
def test_wrong_payloads_results_and_processors_are_errors_under_pyright_strict() -> None:
    report = json.loads(_said("pyright", "--outputjson"))
    found = {
        fault["range"]["start"]["line"] + 1
        for fault in report["generalDiagnostics"]
        if fault["severity"] == "error" and Path(fault["file"]).name == CODE.name
    }
    assert _differences(found) == []
