"""Marks and headings name rows that are promised, and the table of rows says what is so."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from rows import ROWS, Row
from run_rows import HEADING, PAGES, pages, table

TESTS = Path(__file__).parents[1]
IDS = {row.id for row in ROWS}
MARK = re.compile(r"^\s*@pytest\.mark\.row\((.*)\)$", re.MULTILINE)
WHOLE = re.compile(r"pytestmark\s*=.*mark\.row\(([^)]*)\)")


def test_every_mark_names_promised_rows() -> None:
    strange = []
    for path in TESTS.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for said in (*MARK.findall(text), *WHOLE.findall(text)):
            ids = re.findall(r'"([^"]*)"', said)
            if not ids or not set(ids) <= IDS:
                strange.append(f"{path.relative_to(TESTS)}: row({said})")
    assert strange == []


def test_every_heading_of_the_feature_pages_names_one_promised_row() -> None:
    headings = [
        id_
        for path in PAGES.glob("*.md")
        for id_, _ in HEADING.findall(path.read_text(encoding="utf-8"))
    ]
    assert set(headings) <= IDS
    assert [id_ for id_, times in Counter(headings).items() if times > 1] == []


def test_no_row_is_listed_twice() -> None:
    assert len(IDS) == len(ROWS)


def test_a_row_is_shown_by_a_page_and_passing_tests_and_by_nothing_less(tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text("# One\n\n## A3 Unique keys, at last\n\n## A1 Bulk\n")
    anchors = pages(tmp_path)
    assert anchors["A3"] == "features/one.md#a3-unique-keys-at-last"
    rows = {row.id: row for row in ROWS}

    assert "shown" in _line(rows["A3"], anchors, ("passed",))
    assert "absent: no page" in _line(rows["A4"], anchors, ("passed",))
    assert "absent: no test" in _line(rows["A3"], anchors, ())
    for bad in ("FAILED", "skipped", ""):
        assert "FAILED" in _line(rows["A3"], anchors, ("passed", bad))


def _line(row: Row, anchors: dict[str, str], verdicts: tuple[str, ...]) -> str:
    found = {row.id: {f"tests/t.py::test_{n}[case]": said for n, said in enumerate(verdicts)}}
    return table([row], anchors, found, ran=True)[0][1]
