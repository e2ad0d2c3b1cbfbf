"""A quote as a workbook: a summary whose totals are formulas, the lines, and (asked for) the specs.

Text from people is written as text only, so nothing of it becomes a formula, a link or a number.
Money is a number with a currency format. Every formula carries the quote's own figure as its cached
value; a figure that the formula would not give (another rounding rule) is written as a number. The
same document gives the same bytes.
"""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, NamedTuple

from babel.numbers import get_currency_precision
from xlsxwriter import Workbook
from xlsxwriter.utility import xl_rowcol_to_cell

from cotiza_queue.processors.formats import working_days

from .quote import Line, QuoteDocument
from .words import WORDS, Words, tax_label

ACCENT, INK, MUTED, PANEL = "#1f4fd8", "#17202e", "#5b6577", "#f5f7fb"
FONT: Final = "Calibri"
TERM_LINE: Final = 88
"""Characters of a term that fit into the two columns of the summary."""
LETTER: Final = 1
"""Excel's number for the paper size."""


class Column(NamedTuple):
    """``width`` in characters; ``format`` names one of ``_formats``."""

    title: str
    width: float
    format: str


def draw(document: QuoteDocument) -> bytes:
    """The whole file."""
    return _Drawing(document).draw()


class _Drawing:
    def __init__(self, document: QuoteDocument) -> None:
        self._document = document
        self._words: Words = WORDS[document.language]
        self._file = io.BytesIO()
        self._book = Workbook(
            self._file,
            {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False},
        )
        self._book.set_properties(
            {
                "title": f"{self._words.quote} {document.number}",
                "author": document.issuer,
                "created": datetime.fromtimestamp(document.made_ms // 1000, UTC),
            }
        )
        self._book.set_calc_mode("auto")
        self._formats = _formats(self._book, document.currency)

    def draw(self) -> bytes:
        words = self._words
        summary = self._book.add_worksheet(words.summary_sheet)
        lines = self._book.add_worksheet(words.lines_sheet)
        amounts = self._lines(lines)
        self._summary(summary, amounts)
        if self._document.technical:
            self._specs(self._book.add_worksheet(words.specs_sheet))
        self._book.close()
        return self._file.getvalue()

    def _summary(self, sheet: Any, amounts: str) -> None:
        document, words = self._document, self._words
        self._page(sheet, landscape=False)
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 1, 44)
        self._put(sheet, 0, 0, f"{words.quote} {document.number}", "title")
        sheet.set_row(0, 30)
        self._put(sheet, 1, 0, document.issuer, "muted")
        row = 3
        facts: list[tuple[str, str | date]] = [
            (words.customer, document.customer or words.no_customer),
            (words.issued, document.issued),
            (words.valid_until, document.valid_until),
            (words.delivery, working_days(document.lead_time, document.language)),
            (words.currency, document.currency),
        ]
        for label, value in facts:
            self._put(sheet, row, 0, label, "label")
            self._put(sheet, row, 1, value, "day" if isinstance(value, date) else "fact")
            sheet.set_row(row, 18)
            row += 1
        row = self._totals(sheet, row + 1, amounts)
        self._put(sheet, row, 0, words.in_words, "label")
        self._put(sheet, row, 1, document.total_in_words, "said")
        sheet.set_row(row, 34)
        row += 2
        if document.terms:
            self._put(sheet, row, 0, words.terms, "section")
            for position, term in enumerate(document.terms, 1):
                row += 1
                sheet.merge_range(row, 0, row, 1, "", self._formats["term"])
                self._put(sheet, row, 0, f"{position}. {term}", "term")
                sheet.set_row(row, 30 if len(term) > TERM_LINE else 16)
            row += 2
        self._put(sheet, row, 0, words.not_fiscal, "muted")

    def _totals(self, sheet: Any, row: int, amounts: str) -> int:
        """Totals from ``row`` on, as formulas over the lines and each other. Returns the next free
        row."""
        words, totals = self._words, self._document.totals
        at: dict[str, str] = {}

        def put(name: str, label: str, formula: str | None, value: Decimal) -> None:
            nonlocal row
            style = "total" if name == "total" else "money"
            self._put(sheet, row, 0, label, "total_label" if name == "total" else "label")
            if formula is None:
                self._put(sheet, row, 1, value, style)
            else:
                _checked(sheet.write_formula(row, 1, formula, self._formats[style], float(value)))
            sheet.set_row(row, 24 if name == "total" else 18)
            at[name] = xl_rowcol_to_cell(row, 1)
            row += 1

        summed = f"SUM('{words.lines_sheet}'!{amounts})"
        if totals.supplement:
            put("lines", words.lines_total, f"={summed}", totals.lines)
            put("supplement", words.supplement, None, totals.supplement)
            put("net", words.subtotal, f"={at['lines']}+{at['supplement']}", totals.subtotal)
        else:
            put("net", words.subtotal, f"={summed}", totals.subtotal)
        if totals.discount or totals.rush:
            parts = [at["net"]]
            for name, label, value in (
                ("discount", words.discount, -totals.discount),
                ("rush", words.rush, totals.rush),
            ):
                if value:
                    put(name, label, None, value)
                    parts.append(at[name])
            put("net", words.net, f"={'+'.join(parts)}", totals.net)
        rate = f"{totals.tax_rate.normalize():f}"
        places = get_currency_precision(self._document.currency)
        rounded = (totals.net * totals.tax_rate).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        formula = f"=ROUND({at['net']}*{rate},{places})" if rounded == totals.tax else None
        put("tax", tax_label(self._document.language, totals.tax_rate), formula, totals.tax)
        put("total", words.total, f"={at['net']}+{at['tax']}", totals.total)
        return row

    def _lines(self, sheet: Any) -> str:
        """The table of lines; returns the range of its amounts."""
        document, words = self._document, self._words
        columns = [Column(words.position, 7, "count"), Column(words.part, 60, "text")]
        if document.details:
            columns += [
                Column(words.process, 34, "text"),
                Column(words.material, 26, "text"),
                Column(words.finish, 26, "text"),
                Column(words.file_id, 26, "text"),
            ]
        columns += [
            Column(words.quantity, 11, "count"),
            Column(words.unit_price, 18, "money"),
            Column(words.lead_time_days, 24, "count"),
            Column(words.amount, 20, "money"),
        ]
        self._table(sheet, columns, [self._cells(line) for line in document.lines])
        last = len(columns) - 1
        return f"{xl_rowcol_to_cell(1, last)}:{xl_rowcol_to_cell(len(document.lines), last)}"

    def _cells(self, line: Line) -> list[Any]:
        details = [line.process, line.material, ", ".join(line.finishes), line.file_id]
        return [
            line.position,
            line.part,
            *(details if self._document.details else []),
            line.quantity,
            line.unit_price,
            line.lead_time,
            line.amount,
        ]

    def _specs(self, sheet: Any) -> None:
        words = self._words
        columns = [
            Column(words.position, 7, "count"),
            Column(words.part, 60, "text"),
            *(Column(f"{words.size} {axis} (mm)", 14, "measure") for axis in "XYZ"),
            Column(f"{words.volume} (cm³)", 14, "measure"),
            Column(f"{words.area} (cm²)", 16, "measure"),
            Column(f"{words.wall} (mm)", 18, "measure"),
            Column(words.findings, 90, "text"),
        ]
        rows: list[list[Any]] = []
        for line in self._document.lines:
            row: list[Any] = [line.position, line.part]
            if line.specs is not None:
                specs = line.specs
                row += [*specs.size, specs.volume, specs.area, specs.wall]
                row.append(" ".join(finding.text for finding in specs.findings))
            rows.append(row)
        self._table(sheet, columns, rows)

    def _table(self, sheet: Any, columns: list[Column], rows: list[list[Any]]) -> None:
        """A frozen header and rows under it, None left empty; prints one page wide."""
        self._page(sheet, landscape=True)
        for index, column in enumerate(columns):
            sheet.set_column(index, index, column.width)
            numeric = column.format != "text"
            self._put(sheet, 0, index, column.title, "head_right" if numeric else "head")
        sheet.set_row(0, 22)
        sheet.freeze_panes(1, 2)
        sheet.repeat_rows(0)
        sheet.autofilter(0, 0, len(rows), len(columns) - 1)
        for position, row in enumerate(rows, 1):
            sheet.set_row(position, 18)
            for index, value in enumerate(row):
                if value is not None:
                    self._put(sheet, position, index, value, columns[index].format)

    def _page(self, sheet: Any, *, landscape: bool) -> None:
        words = self._words
        sheet.set_paper(LETTER)
        if landscape:
            sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.6, right=0.6, top=0.7, bottom=0.8)
        sheet.set_footer(f"&L{words.not_fiscal}&R{words.page} &P {words.of} &N")

    def _put(self, sheet: Any, row: int, column: int, value: Any, style: str) -> None:
        """One cell by the type of its value; never by what a text looks like."""
        cell_format = self._formats[style]
        match value:
            case str():
                _checked(sheet.write_string(row, column, value, cell_format))
            case date():
                _checked(sheet.write_datetime(row, column, value, cell_format))
            case int() | float() | Decimal():
                _checked(sheet.write_number(row, column, float(value), cell_format))
            case _:
                raise TypeError(f"no cell for {type(value).__name__}")


def _checked(code: int | None) -> None:
    """XlsxWriter answers a cell that it dropped (too long, outside the sheet) with a number."""
    if code:
        raise ValueError(f"the workbook refused a cell with {code}")


def _formats(book: Workbook, currency: str) -> dict[str, Any]:
    places = get_currency_precision(currency)
    decimals = f".{'0' * places}" if places else ""
    money = f"[${currency}] #,##0{decimals};[${currency}] −#,##0{decimals}"
    base = {"font_name": FONT, "font_size": 11, "font_color": INK, "valign": "vcenter"}
    looks: dict[str, dict[str, Any]] = {
        "title": {"font_size": 20, "bold": True, "valign": "vcenter"},
        "section": {"font_size": 12, "bold": True},
        "muted": {"font_color": MUTED},
        "label": {"font_color": MUTED},
        "fact": {"bold": True, "align": "right"},
        "day": {"bold": True, "num_format": "yyyy-mm-dd", "align": "right"},
        "text": {"num_format": "@", "indent": 1},
        "said": {"text_wrap": True, "align": "right"},
        "term": {"text_wrap": True, "font_size": 10, "font_color": MUTED},
        "count": {"num_format": "#,##0"},
        "measure": {"num_format": "#,##0.00"},
        "money": {"num_format": money},
        "total": {"num_format": money, "bold": True, "font_size": 14, "top": 1},
        "total_label": {"bold": True, "font_size": 14, "top": 1},
        "head": {"bold": True, "bg_color": ACCENT, "font_color": "#ffffff", "indent": 1},
    }
    looks["head_right"] = looks["head"] | {"align": "right", "indent": 0}
    return {name: book.add_format(base | look) for name, look in looks.items()}
