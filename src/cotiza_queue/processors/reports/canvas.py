"""Paper for our documents: Letter pages, our two fonts, colours, and text that always can be drawn.

Positions and lengths are millimetres from the upper left corner, type sizes are points. A character
that the fonts lack is drawn as a hollow square: nobody's name may break a document. User text is
only ever drawn, never read as markup; nothing is fetched from anywhere.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, NamedTuple

from fpdf import FPDF
from fpdf.fonts import TTFFont
from PIL import Image

WIDTH, HEIGHT = 215.9, 279.4
"""US Letter, as used in Mexico."""
MM_PER_POINT: Final = 25.4 / 72
CAP_HEIGHT: Final = 0.72
"""Of Inter, as a share of the type size: what centres a line of figures in its leading."""
PICTURE_PIXELS: Final = 200
"""Of a picture's longer side: enough for 15 mm in print, and it keeps a long quote fit to mail."""
MAX_PIXELS: Final = 4_000_000
"""Of a picture before it is reduced: a small file can unpack to gigabytes."""
MISSING: Final = "\u25a1"
_FAMILY: Final = "inter"
_FONTS: Final = Path(__file__).parent / "fonts"

Colour = tuple[int, int, int]
Align = Literal["left", "right"]
Measure = Callable[[str], float]

INK: Final[Colour] = (23, 32, 46)
MUTED: Final[Colour] = (91, 101, 119)
HAIRLINE: Final[Colour] = (222, 227, 235)
PANEL: Final[Colour] = (245, 247, 251)
ACCENT: Final[Colour] = (31, 79, 216)
WHITE: Final[Colour] = (255, 255, 255)
AMBER: Final[Colour] = (146, 84, 0)
RED: Final[Colour] = (180, 35, 24)


class Style(NamedTuple):
    """``size`` in points, ``leading`` (line to line) in mm."""

    size: float
    leading: float
    colour: Colour = INK
    bold: bool = False


class Canvas:
    """A document being drawn, page by page. ``made_ms``: its creation date, in milliseconds since
    the epoch; the same calls give the same bytes."""

    def __init__(self, *, title: str, author: str, language: str, made_ms: int) -> None:
        pdf = FPDF(unit="mm", format=(WIDTH, HEIGHT))
        pdf.set_auto_page_break(False)
        pdf.set_margin(0)
        pdf.alias_nb_pages("")
        pdf.add_font(_FAMILY, "", _FONTS / "Inter-Regular.ttf")
        pdf.add_font(_FAMILY, "B", _FONTS / "Inter-SemiBold.ttf")
        pdf.set_creation_date(datetime.fromtimestamp(made_ms // 1000, UTC))
        self._pdf = pdf
        self._pictures: dict[bytes, Image.Image | None] = {}
        font = pdf.fonts[_FAMILY]
        self._glyphs = set(font.cmap) if isinstance(font, TTFFont) else set()
        pdf.set_title(self.drawable(title))
        pdf.set_author(self.drawable(author))
        pdf.set_lang(language)
        pdf.set_creator("cotiza-queue")

    @property
    def page_count(self) -> int:
        return len(self._pdf.pages)

    def new_page(self) -> None:
        self._pdf.add_page()

    def return_to(self, page: int) -> None:
        """Go on drawing on an earlier page, from 1."""
        self._pdf.page = page

    def text(
        self,
        text: str,
        x: float,
        y: float,
        style: Style,
        *,
        align: Align = "left",
        room: float | None = None,
    ) -> None:
        """One line. ``y`` is its upper edge, ``x`` its left or right end; a line longer than
        ``room`` is set smaller."""
        shown = self.drawable(text)
        # The save-and-restore makes the font valid also after a return to an earlier page.
        with self._pdf.local_context():
            self._use(style)
            width = self._pdf.get_string_width(shown)
            if room is not None and width > room:
                self._pdf.set_font_size(style.size * room / width)
                width = room
            baseline = y + (style.leading + style.size * MM_PER_POINT * CAP_HEIGHT) / 2
            self._pdf.text(x - width if align == "right" else x, baseline, shown)

    def wrap(self, text: str, width: float, style: Style) -> list[str]:
        """The text in lines no longer than a width; a word that is longer is cut."""
        with self._pdf.local_context():
            self._use(style)
            return _wrap(self.drawable(text), width, self._pdf.get_string_width)

    def paragraph(self, lines: list[str], x: float, y: float, style: Style) -> float:
        """Lines under each other from ``y`` on. Returns where the next may begin."""
        for line in lines:
            self.text(line, x, y, style)
            y += style.leading
        return y

    def rule(self, x: float, y: float, width: float, colour: Colour = HAIRLINE) -> None:
        """A thin horizontal line."""
        self._pdf.set_draw_color(*colour)
        self._pdf.set_line_width(0.2)
        self._pdf.line(x, y, x + width, y)

    def box(
        self, x: float, y: float, size: tuple[float, float], colour: Colour, *, radius: float = 0
    ) -> None:
        """A filled rectangle of a size (width, height)."""
        self._pdf.set_fill_color(*colour)
        self._pdf.rect(x, y, *size, style="F", round_corners=radius > 0, corner_radius=radius)

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """A filled polygon."""
        self._pdf.set_fill_color(*colour)
        self._pdf.polygon(points, style="F")

    def picture(self, png: bytes, x: float, y: float, size: float) -> bool:
        """A picture in a square, its proportions kept. False if it can't be read: nothing is drawn
        then, for a broken picture must not keep a customer from his quote."""
        if png not in self._pictures:
            self._pictures[png] = _reduced(png)
        image = self._pictures[png]
        if image is not None:
            self._pdf.image(image, x=x, y=y, w=size, h=size, keep_aspect_ratio=True)
        return image is not None

    def drawable(self, text: str) -> str:
        """The text with what the fonts lack as hollow squares, and without invisible controls."""
        visible = (
            sign
            for sign in unicodedata.normalize("NFC", text)
            if unicodedata.category(sign) not in ("Cf", "Cc", "Cs")
        )
        return "".join(sign if ord(sign) in self._glyphs else MISSING for sign in visible)

    def finish(self) -> bytes:
        return bytes(self._pdf.output())

    def _use(self, style: Style) -> None:
        self._pdf.set_font(_FAMILY, "B" if style.bold else "", style.size)
        self._pdf.set_text_color(*style.colour)


def _reduced(png: bytes) -> Image.Image | None:
    try:
        image = Image.open(io.BytesIO(png), formats=["PNG"])
        if image.width * image.height > MAX_PIXELS:
            return None
        image.thumbnail((PICTURE_PIXELS, PICTURE_PIXELS))
        return image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _wrap(text: str, width: float, measure: Measure) -> list[str]:
    lines, line = [], ""
    for word in text.split(" "):
        wider = f"{line} {word}" if line else word
        if measure(wider) <= width:
            line = wider
            continue
        if line:
            lines.append(line)
        line = word
        while measure(line) > width:
            cut = _fitting(line, width, measure)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line]


def _fitting(word: str, width: float, measure: Measure) -> int:
    """How many characters of a word fit, at least one."""
    count = 1
    while count < len(word) and measure(word[: count + 1]) <= width:
        count += 1
    return count
