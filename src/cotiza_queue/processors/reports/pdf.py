"""A quote as a PDF: Letter, one calm column, ready to send.

First page: who, for whom, until when, how much. The table of lines keeps a line together and
repeats its header on every page; totals and the amount in words stay together too. The footer of
every page says that this is no tax invoice, and which page it is.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cotiza_queue.processors.formats import days, figure, long_date, money, number, working_days

from .canvas import (
    ACCENT,
    AMBER,
    HEIGHT,
    INK,
    MUTED,
    PANEL,
    RED,
    WHITE,
    WIDTH,
    Canvas,
    Colour,
    Style,
)
from .quote import Line, QuoteDocument, Specs, total_rows
from .words import WORDS, Words

LEFT, RIGHT = 18.0, WIDTH - 18.0
TOP, BOTTOM = 16.0, HEIGHT - 23.0
FOOTER: Final = HEIGHT - 15.0
THUMBNAIL: Final = 15.0
ROW_PADDING: Final = 3.0
CUSTOMER_WIDTH, FACT_WIDTH = 49.0, 43.0

TITLE = Style(21, 9, bold=True)
BRAND = Style(14, 7, bold=True)
NUMBER = Style(10.5, 5.5, MUTED)
LABEL = Style(7, 4, MUTED)
VALUE = Style(9, 4.6, bold=True)
SMALL = Style(7.5, 3.7, MUTED)
BODY = Style(9, 4.5)
STRONG = Style(9, 4.5, bold=True)
HEAD = Style(7.5, 5, MUTED, bold=True)
GRAND = Style(13, 6, WHITE, bold=True)
NOTE = Style(7.5, 3.7, AMBER)
SECTION = Style(9.5, 5.5, bold=True)
TERM = Style(8, 4.1, MUTED)

Shades = tuple[Colour, Colour, Colour]
BLUE: Final[Shades] = ((116, 152, 255), ACCENT, (17, 45, 128))
PALE: Final[Shades] = ((232, 236, 243), (222, 227, 236), (212, 218, 229))
_KINDS: Final[dict[str, Colour]] = {"critical": RED, "warning": AMBER, "info": MUTED}


class Columns(NamedTuple):
    """Left edge of the part's text and its width; right edges of the figures."""

    text: float
    text_width: float
    quantity: float
    unit: float
    lead: float
    amount: float


class Block(NamedTuple):
    """Lines of one style under a part's name."""

    lines: list[str]
    style: Style


def draw(document: QuoteDocument) -> bytes:
    """The whole file. The same document gives the same bytes."""
    return _Drawing(document).draw()


class _Drawing:
    def __init__(self, document: QuoteDocument) -> None:
        self._document = document
        self._language = document.language
        self._words: Words = WORDS[document.language]
        self._canvas = Canvas(
            title=f"{self._words.quote} {document.number}",
            author=document.issuer,
            language="es-MX" if document.language == "es" else "en-US",
            made_ms=document.made_ms,
        )
        pictures = bool(document.thumbnails)
        text = LEFT + 9 + (THUMBNAIL + 4 if pictures else 0)
        self._columns = Columns(text, LEFT + 92 - text, LEFT + 108, LEFT + 134, RIGHT - 30, RIGHT)
        self._y = TOP

    def draw(self) -> bytes:
        self._canvas.new_page()
        self._head()
        self._facts()
        self._table_head()
        for line in self._document.lines:
            self._line(line)
        self._totals()
        self._terms()
        self._footers()
        return self._canvas.finish()

    # -- the first page's head

    def _head(self) -> None:
        canvas, document = self._canvas, self._document
        _mark(canvas, LEFT, self._y, 11)
        canvas.text(document.issuer, LEFT + 14.5, self._y + 2, BRAND)
        canvas.text(self._words.quote, RIGHT, self._y - 0.5, TITLE, align="right")
        lines = canvas.wrap(document.number, 100, NUMBER)
        self._y += 9
        for line in lines:
            canvas.text(line, RIGHT, self._y, NUMBER, align="right")
            self._y += NUMBER.leading
        self._y += 4.5

    def _facts(self) -> None:
        canvas, document, words = self._canvas, self._document, self._words
        customer = canvas.wrap(document.customer or words.no_customer, CUSTOMER_WIDTH, VALUE)
        mail = canvas.wrap(document.customer_email or "", CUSTOMER_WIDTH, SMALL)
        below = len(customer) * VALUE.leading + len(mail) * SMALL.leading
        height = 11.5 + max(below, VALUE.leading + SMALL.leading)
        canvas.box(LEFT, self._y, (RIGHT - LEFT, height), PANEL, radius=2.5)
        y, x = self._y + 4, LEFT + 5
        canvas.text(words.customer, x, y, LABEL)
        end = canvas.paragraph(customer, x, y + 4.4, VALUE)
        canvas.paragraph(mail, x, end, SMALL)
        x += CUSTOMER_WIDTH + 4
        issued = long_date(document.issued, self._language)
        valid = long_date(document.valid_until, self._language)
        lead = working_days(document.lead_time, self._language)
        for label, value, remark in (
            (words.issued, issued, ""),
            (words.valid_until, valid, words.expired if document.expired else ""),
            (words.delivery, lead, words.rush_order if document.rush else ""),
        ):
            canvas.text(label, x, y, LABEL)
            self._fact(value, remark, x, y + 4.4)
            x += FACT_WIDTH
        self._y += height + 8

    def _fact(self, value: str, remark: str, x: float, y: float) -> None:
        canvas = self._canvas
        end = canvas.paragraph(canvas.wrap(value, FACT_WIDTH - 2, VALUE), x, y, VALUE)
        if remark:
            alarm = remark == self._words.expired
            canvas.text(remark, x, end, SMALL._replace(colour=RED if alarm else ACCENT, bold=True))

    # -- the table

    def _table_head(self) -> None:
        canvas, words, columns = self._canvas, self._words, self._columns
        currency = self._document.currency
        canvas.text(words.part, columns.text, self._y, HEAD)
        for label, x in (
            (words.quantity, columns.quantity),
            (words.unit_price, columns.unit),
            (words.lead_time, columns.lead),
            (f"{words.amount} ({currency})", columns.amount),
        ):
            canvas.text(label, x, self._y, HEAD, align="right")
        self._y += HEAD.leading + 1.2
        canvas.rule(LEFT, self._y, RIGHT - LEFT, INK)

    def _line(self, line: Line) -> None:
        canvas, columns, document = self._canvas, self._columns, self._document
        name = canvas.wrap(line.part, columns.text_width, STRONG)
        blocks = self._details(line)
        height = len(name) * STRONG.leading
        height += sum(len(block.lines) * block.style.leading for block in blocks)
        pictured = bool(document.thumbnails)
        height = max(height, THUMBNAIL if pictured else 0) + 2 * ROW_PADDING
        if self._y + height > BOTTOM:
            self._next_page()
            self._table_head()
        y = self._y + ROW_PADDING
        canvas.text(str(line.position), LEFT, y, BODY._replace(colour=MUTED))
        if pictured:
            self._picture(line.file_id, columns.text - 4 - THUMBNAIL, y)
        unit = figure(line.unit_price, document.currency, self._language)
        amount = figure(line.amount, document.currency, self._language)
        for text, x, room, style in (
            (number(line.quantity, 0, self._language), columns.quantity, 15, BODY),
            (unit, columns.unit, 24, BODY),
            (days(line.lead_time, self._language), columns.lead, 14, BODY),
            (amount, columns.amount, 28, STRONG),
        ):
            canvas.text(text, x, y, style, align="right", room=room)
        y = canvas.paragraph(name, columns.text, y, STRONG)
        for block in blocks:
            y = canvas.paragraph(block.lines, columns.text, y, block.style)
        self._y += height
        canvas.rule(LEFT, self._y, RIGHT - LEFT)

    def _picture(self, file_id: str, x: float, y: float) -> None:
        """The part's picture, or the pale outline of one."""
        canvas, png = self._canvas, self._document.thumbnails.get(file_id)
        canvas.box(x, y, (THUMBNAIL, THUMBNAIL), PANEL, radius=1.5)
        if png is None or not canvas.picture(png, x + 0.5, y + 0.5, THUMBNAIL - 1):
            _mark(canvas, x + THUMBNAIL / 2 - 2.6, y + THUMBNAIL / 2 - 3, 6, PALE)

    def _details(self, line: Line) -> list[Block]:
        """What stands under the name of a part."""
        if not self._document.details:
            texts = []
        else:
            made = ", ".join((line.material, *line.finishes))
            texts = [(line.process, SMALL), (made, SMALL)]
            if line.sha256:
                texts.append((f"{self._words.file}: SHA-256 {line.sha256}…", SMALL))
            texts += [(note, NOTE) for note in line.notes]
        if line.specs is not None:
            texts += self._specs(line.specs)
        # Figures stand beside the name only, so what is below it may run on to the margin.
        width = RIGHT - self._columns.text
        return [Block(self._canvas.wrap(text, width, style), style) for text, style in texts]

    def _specs(self, specs: Specs) -> list[tuple[str, Style]]:
        words, language = self._words, self._language
        size = " × ".join(number(side, 2, language) for side in specs.size)
        measured = [f"{words.size}: {size} mm"]
        if specs.volume is not None:
            measured.append(f"{words.volume}: {number(specs.volume, 2, language)} cm³")
        measured.append(f"{words.area}: {number(specs.area, 2, language)} cm²")
        if specs.wall is not None:
            measured.append(f"{words.wall}: {number(specs.wall, 2, language)} mm")
        texts = [(" · ".join(measured), SMALL._replace(colour=INK))]
        texts += [
            (f"• {finding.text}", SMALL._replace(colour=_KINDS[finding.kind]))
            for finding in specs.findings
        ]
        if specs.more_findings:
            texts.append((f"• {specs.more_findings} {words.more_findings}", SMALL))
        elif not specs.findings:
            texts.append((words.no_findings, SMALL))
        return texts

    # -- the end

    def _totals(self) -> None:
        canvas, document, language = self._canvas, self._document, self._language
        rows = list(total_rows(document))
        said = canvas.wrap(document.total_in_words, 84, SMALL)
        height = max((len(rows) - 1) * 6 + 20, 8 + len(said) * SMALL.leading)
        if self._y + height > BOTTOM:
            self._next_page()
        self._y += 4
        top, x = self._y, RIGHT - 84
        for label, amount in rows[:-1]:
            canvas.text(label, x + 4, self._y, BODY._replace(colour=MUTED))
            value = figure(amount, document.currency, language).replace("-", "−")
            canvas.text(value, RIGHT - 4, self._y, BODY, align="right", room=34)
            self._y += 6
        label, total = rows[-1]
        canvas.box(x, self._y + 0.5, (84, 11.5), ACCENT, radius=2)
        canvas.text(label, x + 4, self._y + 3.2, GRAND._replace(size=10.5))
        shown = money(total, document.currency, language)
        canvas.text(shown, RIGHT - 4, self._y + 3.2, GRAND, align="right", room=62)
        self._y += 12
        canvas.text(self._words.in_words, LEFT, top, LABEL)
        end = canvas.paragraph(said, LEFT, top + 4.2, SMALL._replace(colour=INK))
        self._y = max(self._y, end) + 8

    def _terms(self) -> None:
        canvas, document = self._canvas, self._document
        if not document.terms:
            return
        wrapped = [canvas.wrap(term, RIGHT - LEFT - 6, TERM) for term in document.terms]
        heights = [len(lines) * TERM.leading + 0.8 for lines in wrapped]
        if self._y + SECTION.leading + 1 + heights[0] > BOTTOM:
            self._next_page()
        canvas.text(self._words.terms, LEFT, self._y, SECTION)
        self._y += SECTION.leading + 1
        for position, (lines, height) in enumerate(zip(wrapped, heights, strict=True), 1):
            if self._y + height > BOTTOM:
                self._next_page()
            canvas.text(f"{position}.", LEFT, self._y, TERM)
            canvas.paragraph(lines, LEFT + 6, self._y, TERM)
            self._y += height

    def _next_page(self) -> None:
        canvas, document = self._canvas, self._document
        canvas.new_page()
        self._y = TOP
        _mark(canvas, LEFT, self._y - 1, 6)
        canvas.text(document.issuer, LEFT + 8.5, self._y - 0.5, STRONG)
        title = canvas.wrap(f"{self._words.quote} {document.number}", 100, SMALL)[0]
        canvas.text(title, RIGHT, self._y - 0.2, SMALL, align="right")
        self._y += 12

    def _footers(self) -> None:
        canvas, words = self._canvas, self._words
        count = canvas.page_count
        for page in range(1, count + 1):
            canvas.return_to(page)
            canvas.rule(LEFT, FOOTER - 2.5, RIGHT - LEFT)
            canvas.text(words.not_fiscal, LEFT, FOOTER, SMALL)
            numbered = f"{words.page} {page} {words.of} {count}"
            canvas.text(numbered, RIGHT, FOOTER, SMALL, align="right")


def _mark(canvas: Canvas, x: float, y: float, size: float, shades: Shades = BLUE) -> None:
    """A cube seen from above: three rhombs of one hexagon, brand-neutral."""
    w, h = size * 0.866, size
    left, middle, right = x, x + w / 2, x + w
    top, near, far = shades
    canvas.polygon([(middle, y), (right, y + h / 4), (middle, y + h / 2), (left, y + h / 4)], top)
    canvas.polygon(
        [(left, y + h / 4), (middle, y + h / 2), (middle, y + h), (left, y + h * 3 / 4)], near
    )
    canvas.polygon(
        [(right, y + h / 4), (middle, y + h / 2), (middle, y + h), (right, y + h * 3 / 4)], far
    )
