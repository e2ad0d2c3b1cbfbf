"""Bar charts and curves as SVG, readable on light and dark ground, without a library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from .figures import Scenario, Spread

WIDTH, LABEL, BAR, GAP, TOP, ROOM = 720, 150, 20, 8, 34, 200
LEFT, RIGHT, LINE = 70, 130, 15
_STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #333 }
.title { font-weight: 600 } .bar { fill: #8fa3b8 } .own { fill: #d9622b } .spread { stroke: #333 }
.line { fill: none; stroke: #8fa3b8; stroke-width: 2 }
.own-line { fill: none; stroke: #d9622b; stroke-width: 2.5 }
.axis { stroke: #8888 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .spread { stroke: #ddd } }
</style>"""
_WAYS = {"more": "more is better", "less": "less is better"}


def bars(scenario: Scenario, rows: Sequence[tuple[str, Spread]], own: str) -> str:
    """One bar a row, the one titled ``own`` in our colour; the thin line is the spread of the
    rounds.
    """
    column = scenario.columns[0]
    ranked = sorted(rows, key=lambda row: row[1].median, reverse=column.better == "more")
    longest = max(spread.most for _, spread in rows) or 1.0
    room = WIDTH - LABEL - 110
    unit = f"{column.title}, {column.unit}" if column.unit not in ("", "/s") else column.title
    title = f"{scenario.title}: {unit} ({_WAYS.get(column.better, '')})"
    parts = _head(title, TOP + len(rows) * (BAR + GAP) + GAP)
    for n, (name, spread) in enumerate(ranked):
        y = TOP + n * (BAR + GAP)
        length = spread.median / longest * room
        kind = "own" if name == own else "bar"
        middle = y + BAR / 2
        least, most = (LABEL + value / longest * room for value in (spread.least, spread.most))
        value = f"{spread.median:,.{column.digits}f}"
        place = f'x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}"'
        parts += [
            _text(LABEL - 8, middle + 5, name, "end"),
            f'<rect class="{kind}" {place} rx="2"/>',
            f'<line class="spread" x1="{least:.1f}" x2="{most:.1f}" y1="{middle}" y2="{middle}"/>',
            _text(max(most, LABEL + length) + 6, middle + 5, value),
        ]
    return "\n".join([*parts, "</svg>\n"])


Line = tuple[str, Sequence[float | None]]
"""A rival, and its values at the points that the columns are."""


def curve(scenario: Scenario, lines: Sequence[Line], own: str) -> str:
    """One line a rival; the one titled ``own`` in our colour and with its values."""
    column = scenario.columns[0]
    top = max(value for _, values in lines for value in values if value is not None) or 1.0
    low = TOP + ROOM
    unit = "jobs/s" if column.unit == "/s" else column.unit
    parts = _head(f"{scenario.title} ({unit}, {_WAYS[column.better]})", low + 50)
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{low}" y2="{low}"/>')
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, low + 42, scenario.curve, "middle"))
    step = (WIDTH - LEFT - RIGHT) / max(len(scenario.columns) - 1, 1)
    for n, point in enumerate(scenario.columns):
        parts.append(_text(LEFT + n * step, low + 20, point.title, "middle"))
    ends = []
    for name, values in lines:
        places = [
            (LEFT + n * step, low - value / top * (ROOM - LINE), value)
            for n, value in enumerate(values)
            if value is not None
        ]
        kind = "own-line" if name == own else "line"
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
        parts.append(f'<polyline class="{kind}" points="{points}"/>')
        ends.append((places[-1][1], places[-1][0], name))
        if name == own:
            shown = ((x, y, f"{value:,.{column.digits}f}") for x, y, value in places)
            parts += [_text(x, y - 7, value, "middle") for x, y, value in shown]
    parts += _names(ends)
    return "\n".join([*parts, "</svg>\n"])


def _names(ends: Sequence[tuple[float, float, str]]) -> Iterator[str]:
    """Each line's name at its end, moved down where the one above is in the way."""
    free = 0.0
    for y, x, name in sorted(ends):
        place = max(y + 4, free)
        free = place + LINE
        yield _text(x + 28, place, name)


def _head(title: str, height: float) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        _STYLE,
        f'<text class="title" x="4" y="20">{escape(title)}</text>',
    ]


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
