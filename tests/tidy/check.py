"""``./run check``: formatting, lint, types, layers, house rules, side by side; one table at last.

Exits 0 if all hold, 1 if one does not; what a failed check said is printed below the table.
``./run check --fix`` first lets ruff repair what it can.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import tidy_law

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CHECKED = ("src", "tests", "benchmarks")
TIME_LIMIT = 55
"""Seconds that one check may take: the promise is a minute for all."""

COMMANDS: dict[str, list[str]] = {
    "pyright": ["pyright", "--warnings"],
    "mypy": ["mypy"],
    "lint-imports": ["lint-imports", "--no-cache"],
    "ruff format": ["ruff", "format", "--check", *CHECKED],
    "ruff check": ["ruff", "check", *CHECKED],
}
"""The slowest first, so that the two that run side by side end together."""


class Verdict(NamedTuple):
    """How one check ended. ``seconds``: how long it took; ``said``: its output."""

    name: str
    passed: bool
    seconds: float
    said: str


def main(arguments: list[str]) -> int:
    """Run all checks. Returns the exit code."""
    if arguments not in ([], ["--fix"]):
        print("usage: ./run check [--fix]", file=sys.stderr)
        return 2
    if arguments:
        subprocess.run([BIN / "ruff", "check", "--fix", "--quiet", *CHECKED], cwd=ROOT, check=False)
        subprocess.run([BIN / "ruff", "format", "--quiet", *CHECKED], cwd=ROOT, check=False)
    started = time.monotonic()
    with ThreadPoolExecutor(max_workers=2) as pool:
        verdicts = [*pool.map(_run, COMMANDS), _house_rules()]
    for verdict in verdicts:
        mark = "ok    " if verdict.passed else "FAILED"
        print(f"  {verdict.name:<14}{mark}{verdict.seconds:7.1f} s")
    print(f"  {'':<20}{time.monotonic() - started:7.1f} s in all")
    failed = [verdict for verdict in verdicts if not verdict.passed]
    for verdict in failed:
        print(f"\n── {verdict.name} " + "─" * (76 - len(verdict.name)))
        print(verdict.said.strip())
    return 1 if failed else 0


def _run(name: str) -> Verdict:
    program, *arguments = COMMANDS[name]
    started = time.monotonic()
    try:
        done = subprocess.run(
            [BIN / program, *arguments],
            cwd=ROOT,
            env=os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Verdict(name, False, time.monotonic() - started, f"took more than {TIME_LIMIT} s")
    return Verdict(name, done.returncode == 0, time.monotonic() - started, done.stdout)


def _house_rules() -> Verdict:
    started = time.monotonic()
    found = tidy_law.faults(ROOT)
    said = "\n".join(map(str, found))
    return Verdict("house rules", not found, time.monotonic() - started, said)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
