"""How things look in a terminal. Whatever comes from a job is escaped: no payload steers the
terminal.
"""

from __future__ import annotations

import json
import re
import sys

import msgspec
from rich.box import Box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..errors import CotizaError
from ..model.status import Status

PIPE_WIDTH = 200
"""Columns when standard output is no terminal: tables must not be cut for ``grep``."""
NARROWEST = 12
"""Columns that a cut text keeps at least."""

_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""C0 and C1 controls, DEL, marks that reorder or hide text (Unicode TR 36 §2.6), lone surrogates.
"""
_RULE = Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
_STYLES = {
    Status.BLOCKED: "magenta",
    Status.DELAYED: "yellow",
    Status.WAITING: "cyan",
    Status.ACTIVE: "bold blue",
    Status.COMPLETED: "green",
    Status.FAILED: "bold red",
    Status.CANCELLED: "dim",
}


def console(*, stderr: bool = False) -> Console:
    """A terminal that takes text as it is: no markup, no emoji codes, no guessing at highlights."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


def visible(value: object) -> str:
    """Text on one line with its control characters written out: ESC becomes ``\\x1b``."""
    return _UNSAFE.sub(_escape, str(value))


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape", "surrogatepass").decode("ascii")


def text(value: object, style: str = "") -> Text:
    """A piece of text, escaped."""
    return Text(visible(value), style=style)


def lines(value: str, style: str = "") -> Text:
    """Text that may have several lines; all else is escaped."""
    return Text("\n".join(visible(line) for line in value.split("\n")), style=style)


def status(value: Status) -> Text:
    """A status in its colour."""
    return Text(value.value, style=_STYLES[value])


def error_line(error: CotizaError) -> Text:
    """``invalid_data: what happened``."""
    return Text.assemble((visible(error.code), "bold red"), ": ", lines(error.message))


def table(*columns: str, right: tuple[str, ...] = (), fold: tuple[str, ...] = ()) -> Table:
    """A table with a rule below its head. ``right``: columns of numbers; ``fold``: those that may
    wrap anywhere.
    """
    made = Table(
        box=_RULE, pad_edge=False, show_edge=False, header_style="bold", collapse_padding=True
    )
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            overflow="fold" if column in fold else "ellipsis",
            no_wrap=column not in fold,
        )
    return made


def fit_last(rows: list[list[Text]], width: int) -> None:
    """Cut the last column of a table's rows so that the others keep their room: one line a row."""
    others = sum(
        max(cell.cell_len for cell in column) + 2 for column in list(zip(*rows, strict=True))[:-1]
    )
    for row in rows:
        row[-1].truncate(max(NARROWEST, width - others), overflow="ellipsis")


def facts(*rows: tuple[str, object]) -> Table:
    """Names and values, one pair a line; pairs without a value are left out."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        if value is None or value == "":
            continue
        made.add_row(name, value if isinstance(value, Text) else text(value))
    return made


def heading(title: str) -> Text:
    """The title of a part of a longer answer."""
    return Text(f"\n{title}", style="bold")


def indented(value: object) -> Padding:
    """JSON for people, two columns in."""
    return Padding(lines(json_text(value, indent=2)), (0, 0, 0, 2), expand=False)


def json_text(value: object, *, indent: int | None = None) -> str:
    """JSON whose strings are safe to look at: control and reordering characters stay ``\\u``
    escapes.
    """
    plain = msgspec.to_builtins(value)
    made = json.dumps(
        plain, ensure_ascii=False, indent=indent, separators=None if indent else (",", ":")
    )
    return "\n".join(_UNSAFE.sub(_json_escape, line) for line in made.split("\n"))


def _json_escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def span(milliseconds: float) -> str:
    """A length of time in the unit that suits it: ``850 ms``, ``3.2 s``, ``4 min``, ``2 h``, ``3
    d``.
    """
    for limit, unit, form in (
        (1000, 1, "{:.0f} ms"),
        (60_000, 1000, "{:.1f} s"),
        (7_200_000, 60_000, "{:.0f} min"),
        (172_800_000, 3_600_000, "{:.0f} h"),
    ):
        if milliseconds < limit:
            return form.format(milliseconds / unit)
    return f"{milliseconds / 86_400_000:.0f} d"


def ago(moment_ms: int | None, now_ms: int) -> str:
    """``12s``, ``4m``, ``3h`` or ``2d`` ago; with ``in`` before it if it is yet to come."""
    if moment_ms is None:
        return "–"
    seconds = abs(now_ms - moment_ms) // 1000
    for limit, unit, letter in ((60, 1, "s"), (3600, 60, "m"), (172_800, 3600, "h")):
        if seconds < limit:
            word = f"{seconds // unit}{letter}"
            break
    else:
        word = f"{seconds // 86_400}d"
    return word if moment_ms <= now_ms else f"in {word}"


def number(value: float) -> Text:
    """A count; nothing to see in a zero."""
    return Text(f"{value:,}", style="" if value else "dim")
