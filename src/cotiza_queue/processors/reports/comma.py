"""A quote as CSV: RFC 4180 with CRLF, UTF-8 with a byte-order mark (so that Excel reads it as
such).

Every row has the same columns. The lines come first, then one row per total, told apart by the
first column. Numbers have a point and no grouping, days are ISO 8601. Text that a spreadsheet would
take for a formula gets an apostrophe before it, as spreadsheets themselves mark text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from .quote import Line, QuoteDocument, total_rows
from .words import WORDS, Words

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What spreadsheets read as the start of a formula (OWASP, CSV Injection), full-width forms too."""

Cell = str | int | Decimal
Row = dict[str, Cell]


def draw(document: QuoteDocument) -> bytes:
    """The whole file."""
    words = WORDS[document.language]
    text = io.StringIO(newline="")
    text.write("\ufeff")
    writer = csv.DictWriter(
        text,
        _columns(document, words),
        restval="",
        extrasaction="ignore",
        quoting=csv.QUOTE_NONNUMERIC,
        lineterminator="\r\n",
    )
    writer.writeheader()
    for row in _rows(document, words):
        writer.writerow({name: safe(cell) for name, cell in row.items()})
    return text.getvalue().encode()


def safe(cell: Cell) -> Cell:
    """The cell itself; a text that could start a formula with an apostrophe before it."""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA_STARTS):
        return f"'{cell}"
    return cell


def _columns(document: QuoteDocument, words: Words) -> list[str]:
    columns = [words.record, words.quote, words.issued, words.valid_until, words.customer]
    columns += [words.position, words.part]
    if document.details:
        columns += [words.file_id, words.process, words.material, words.finish]
    columns += [words.quantity, words.unit_price, words.amount, words.currency]
    columns += [words.lead_time_days]
    if document.technical:
        columns += [f"{words.size} {axis} (mm)" for axis in "XYZ"]
        columns += [f"{words.volume} (cm³)", f"{words.area} (cm²)", f"{words.wall} (mm)"]
        columns += [words.findings]
    return columns


def _rows(document: QuoteDocument, words: Words) -> Iterator[Row]:
    always: Row = {
        words.quote: document.number,
        words.issued: document.issued.isoformat(),
        words.valid_until: document.valid_until.isoformat(),
        words.customer: document.customer or "",
        words.currency: document.currency,
    }
    for line in document.lines:
        yield always | _line(line, words)
    for label, amount in total_rows(document):
        row: Row = {words.record: label, words.amount: amount}
        if label == words.total:
            row[words.lead_time_days] = document.lead_time
        yield always | row


def _line(line: Line, words: Words) -> Row:
    row: Row = {
        words.record: words.item,
        words.position: line.position,
        words.part: line.part,
        words.file_id: line.file_id,
        words.process: line.process,
        words.material: line.material,
        words.finish: ", ".join(line.finishes),
        words.quantity: line.quantity,
        words.unit_price: line.unit_price,
        words.amount: line.amount,
        words.lead_time_days: line.lead_time,
    }
    if line.specs is not None:
        specs = line.specs
        row |= {
            f"{words.size} {axis} (mm)": _measure(value)
            for axis, value in zip("XYZ", specs.size, strict=True)
        }
        row |= {
            f"{words.volume} (cm³)": _measure(specs.volume),
            f"{words.area} (cm²)": _measure(specs.area),
            f"{words.wall} (mm)": _measure(specs.wall),
            words.findings: " ".join(finding.text for finding in specs.findings),
        }
    return row


def _measure(value: float | None) -> Cell:
    return "" if value is None else Decimal(f"{value:.3f}")
