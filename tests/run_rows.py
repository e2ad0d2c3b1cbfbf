"""``./run rows``: which promised features are explained and shown, from a fresh run of the tests.

A row is shown if docs/features explains it under a heading ``## <id> …``, at least one test is
marked with it, and every test so marked passes. Exits 0 only if every row is.

``--no-run`` only looks at what there is; ``--row A3`` looks at one row (may be repeated).
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from rows import ROWS, Row

TESTS = Path(__file__).parent
PAGES = TESTS.parent / "docs" / "features"
HEADING = re.compile(r"^## ([A-Z]\d+) (.+)$", re.MULTILINE)
Verdicts = dict[str, dict[str, str]]
"""Row id → test → passed, FAILED, skipped, or "" where it did not run."""


class Notes:
    """A pytest plugin that keeps each marked test's verdict."""

    def __init__(self) -> None:
        self.found: Verdicts = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            self._note(item.nodeid, item.user_properties, "")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            verdict = "skipped" if report.skipped else "passed" if report.passed else "FAILED"
            self._note(report.nodeid, report.user_properties, verdict)

    def _note(self, test: str, properties: Iterable[tuple[str, Any]], verdict: str) -> None:
        for name, row in properties:
            if name == "row":
                verdicts = self.found.setdefault(row, {})
                if verdicts.get(test) != "FAILED":  # a failing teardown is not outdone
                    verdicts[test] = verdict


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code."""
    asked = _parse(arguments)
    rows = [row for row in ROWS if row.id in asked.row] if asked.row else list(ROWS)
    notes = Notes()
    order = [str(TESTS), "-m", "row", "-q", "-p", "no:cacheprovider"]
    order += [f"--row={row.id}" for row in rows] if asked.row else []
    order += ["--collect-only", "-qq"] if asked.no_run else ["-n", "auto", "--dist", "loadfile"]
    said = io.StringIO()
    with redirect_stdout(said if asked.no_run else sys.stdout):
        code = pytest.main(order, plugins=[notes])
    anchors = pages(PAGES)
    lines, shown = table(rows, anchors, notes.found, ran=not asked.no_run)
    print("\n".join(lines))
    whole = code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    if not whole:
        print(f"{said.getvalue()}pytest ended with {code!s}: see above")
    return 0 if whole and shown == len(rows) else 1


def pages(folder: Path) -> dict[str, str]:
    """Row id → where docs/features explains it, as a link inside docs."""
    found = {}
    for path in sorted(folder.glob("*.md")):
        for id_, title in HEADING.findall(path.read_text(encoding="utf-8")):
            slug = re.sub(r"[^\w\- ]", "", f"{id_} {title}".lower()).replace(" ", "-")
            found[id_] = f"features/{path.name}#{slug}"
    return found


def table(
    rows: Sequence[Row], anchors: Mapping[str, str], found: Verdicts, *, ran: bool
) -> tuple[list[str], int]:
    """The table's lines, and how many rows are shown (without a run: are ready to be)."""
    lines, shown = [""], 0
    for row in rows:
        tests = _by_function(found.get(row.id, {}))
        verdict = _verdict(row.id in anchors, tests, ran)
        shown += verdict in ("shown", "there")
        count = f"{len(tests)} test{'s' * (len(tests) != 1)}"
        page = anchors.get(row.id, "no page")
        lines.append(f"{row.id:<4}{row.title:<50}{count:>9}  {verdict:<16}  {page}")
        for name, said in sorted(tests.items()):
            lines.append(f"    {said or '-':<8}{name}")
    lines += ["", f"{shown} of {len(rows)} rows {'shown' if ran else 'have a page and a test'}"]
    return lines, shown


def _verdict(page: bool, tests: Mapping[str, str], ran: bool) -> str:
    if not tests:
        return "absent: no test"
    if ran and set(tests.values()) != {"passed"}:
        return "FAILED"
    if not page:
        return "absent: no page"
    return "shown" if ran else "there"


def _by_function(verdicts: Mapping[str, str]) -> dict[str, str]:
    """The verdicts of a test's cases as one: the worst."""
    worst: dict[str, str] = {}
    for test, verdict in verdicts.items():
        name = test.split("[")[0].removeprefix("tests/")
        worst[name] = min(
            worst.get(name, verdict), verdict, key=("FAILED", "", "skipped", "passed").index
        )
    return worst


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run rows", description=(__doc__ or "").split("\n")[0])
    ids = [row.id for row in ROWS]
    parser.add_argument("--row", action="append", choices=ids, metavar="ID", help="only this row")
    parser.add_argument("--no-run", action="store_true", help="run no test")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
