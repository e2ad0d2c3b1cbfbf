"""Bar charts as SVG, readable on light and dark ground, without a library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .figures import Scenario, Spread

WIDTH, LABEL, BAR, GAP, TOP, ROOM = 720, 150, 20, 8, 34, 200
_STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #333 }
.title { font-weight: 600 } .bar { fill: #8fa3b8 } .own { fill: #d9622b } .spread { stroke: #333 }
.line { fill: none; stroke: #8fa3b8; stroke-width: 2 }
.own-line { fill: none; stroke: #d9622b; stroke-width: 2.5 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .spread { stroke: #ddd } }
</style>"""


def bars(scenario: Scenario, rows: Sequence[tuple[str, Spread]]) -> str:
    """One bar a row, the first one ours; the thin line is the spread of the rounds."""
    column = scenario.columns[0]
    ranked = sorted(rows, key=lambda row: row[1].median, reverse=column.better == "more")
    longest = max(spread.most for _, spread in rows) or 1.0
    room = WIDTH - LABEL - 110
    height = TOP + len(rows) * (BAR + GAP) + GAP
    unit = f"{column.title}, {column.unit}" if column.unit not in ("", "/s") else column.title
    way = {"more": "more is better", "less": "less is better"}.get(column.better, "")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        _STYLE,
        f'<text class="title" x="4" y="20">{escape(scenario.title)}: {escape(unit)} ({way})</text>',
    ]
    for n, (title, spread) in enumerate(ranked):
        y = TOP + n * (BAR + GAP)
        length = spread.median / longest * room
        kind = "own" if title == rows[0][0] else "bar"
        middle = y + BAR / 2
        least, most = (LABEL + value / longest * room for value in (spread.least, spread.most))
        value = f"{spread.median:,.{column.digits}f}"
        place = f'x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}"'
        parts += [
            f'<text x="{LABEL - 8}" y="{middle + 5}" text-anchor="end">{escape(title)}</text>',
            f'<rect class="{kind}" {place} rx="2"/>',
            f'<line class="spread" x1="{least:.1f}" x2="{most:.1f}" y1="{middle}" y2="{middle}"/>',
            f'<text x="{max(most, LABEL + length) + 6:.1f}" y="{middle + 5}">{value}</text>',
        ]
    return "\n".join([*parts, "</svg>\n"])


def curve(scenario: Scenario, lines: Sequence[tuple[str, Sequence[float | None]]]) -> str:
    """One line a rival over the points that the columns are; the first one is ours."""
    top = max(value for _, values in lines for value in values if value is not None) or 1.0
    step = (WIDTH - LABEL - 40) / max(len(scenario.columns) - 1, 1)
    height, low = TOP + ROOM + 60, TOP + ROOM
    unit = scenario.columns[0].unit
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        _STYLE,
        f'<text class="title" x="4" y="20">{escape(scenario.title)} ({escape(unit)})</text>',
        f'<text x="4" y="{TOP + 12}">{top:,.0f}</text><text x="4" y="{low}">0</text>',
        f'<text x="{WIDTH - 20}" y="{low + 44}" text-anchor="end">{escape(scenario.curve)}</text>',
    ]
    for n, column in enumerate(scenario.columns):
        x = 80 + n * step
        parts.append(f'<text x="{x:.0f}" y="{low + 22}">{escape(column.title)}</text>')
    for row, (title, values) in enumerate(lines):
        kind = "own-line" if row == 0 else "line"
        places = [
            f"{80 + n * step:.1f},{low - value / top * ROOM:.1f}"
            for n, value in enumerate(values)
            if value is not None
        ]
        end, y = places[-1].split(",")
        parts.append(f'<polyline class="{kind}" points="{" ".join(places)}"/>')
        parts.append(f'<text x="{float(end) + 6:.0f}" y="{y}">{escape(title)}</text>')
    return "\n".join([*parts, "</svg>\n"])
