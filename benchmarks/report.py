"""Results as a table in the terminal, and as a page with charts."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from . import charts
from .figures import Column, Scenario, Spread
from .results import ALWAYS, Results

OWN = "cotiza"
WANTED = "What we want to reach"


def show(results: Results, out: TextIO) -> None:
    """One table a scenario; beside each first figure, how we compare."""
    for name, value in results.facts().items():
        out.write(f"{name:>14}  {value}\n")
    for scenario in results.scenarios:
        out.write(f"\n{scenario.title}\n")
        if scenario.says:
            out.write(f"  {scenario.says}\n")
        lay_out(_table(results, scenario), out)
    if results.goals:
        out.write(f"\n{WANTED}\n")
        lay_out(results.goals, out)
    out.write("\n")
    for line in _notes(results):
        out.write(f"  {line}\n")


def lay_out(rows: list[list[str]], out: TextIO) -> None:
    """A table, its first column to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        first, *others = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        out.write(f"  {first}  {'  '.join(others)}\n")


def write(results: Results, folder: Path) -> Path:
    """A page, its charts and all figures in a folder. Returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "# Side by side",
        "",
        "Made by `./run bench`; `benchmarks/README.md` says how it measures.",
        "",
    ]
    lines += [f"- {name}: {value}" for name, value in results.facts().items()]
    if results.goals:
        lines += ["", f"## {WANTED}", "", *markdown(results.goals, 2)]
    for scenario in results.scenarios:
        lines += ["", f"## {scenario.title}", ""]
        if scenario.says:
            lines += [scenario.says, ""]
        chart = _chart(results, scenario)
        if chart:
            (folder / f"{scenario.name}.svg").write_text(chart)
            lines += [f"![{scenario.title}]({scenario.name}.svg)", ""]
        lines += markdown(_table(results, scenario))
    lines += ["", "## What each of them does", "", *(f"- {line}" for line in _notes(results)), ""]
    page = folder / "README.md"
    page.write_text("\n".join(lines))
    (folder / "figures.json").write_bytes(results.encoded())
    return page


def _table(results: Results, scenario: Scenario) -> list[list[str]]:
    """A head and a row for each rival that took part; the last column compares with us."""
    there = [rival for rival in results.entrants if results.rows[scenario.name, rival]]
    compared = OWN in there and len(there) > 1
    columns = [
        column for column in (*scenario.columns, *ALWAYS) if _known(results, scenario, column)
    ]
    head = ["", *(_head(column) for column in columns)]
    rows = [head + (["we are"] if compared else [])]
    for rival in results.entrants:
        failure = results.failures.get((scenario.name, rival))
        spreads = [results.spread(scenario.name, rival, c.name) for c in columns]
        if not any(spreads) and not failure:
            continue
        cells = [results.title(rival)]
        cells += [_cell(spread, c) for spread, c in zip(spreads, columns, strict=True)]
        if not any(spreads):
            cells[1] = "failed"
        rows.append(cells + ([_compared(results, scenario, rival)] if compared else []))
    return rows


def _known(results: Results, scenario: Scenario, column: Column) -> bool:
    """Whether anybody has a figure there; the first column is always shown."""
    return column is scenario.columns[0] or any(
        results.spread(scenario.name, rival, column.name) for rival in results.entrants
    )


def _head(column: Column) -> str:
    return f"{column.title}, {column.unit}" if column.unit not in ("", "/s") else column.title


def _cell(spread: Spread | None, column: Column) -> str:
    if spread is None:
        return "–"
    text = f"{spread.median:,.{column.digits}f}"
    if spread.rounds > 1 and column.better and spread.least != spread.most:
        least, most = (f"{v:,.{column.digits}f}" for v in (spread.least, spread.most))
        text += f" [{least}–{most}]"
    return text


def _compared(results: Results, scenario: Scenario, rival: str) -> str:
    """How many times better our median is in the first column."""
    factor = compare(results, scenario, rival)
    return "" if factor is None or rival == OWN else f"{factor:.1f} ×"


def compare(results: Results, scenario: Scenario, rival: str) -> float | None:
    """Our first figure to a rival's, above 1 where ours is better; None without both."""
    column = scenario.columns[0]
    ours = results.spread(scenario.name, OWN, column.name)
    theirs = results.spread(scenario.name, rival, column.name)
    if ours is None or theirs is None or min(ours.median, theirs.median) <= 0:
        return None
    if column.better == "more":
        return ours.median / theirs.median
    return theirs.median / ours.median


def _chart(results: Results, scenario: Scenario) -> str:
    """Nothing where there is nothing to compare."""
    own = results.title(OWN) if OWN in results.entrants else ""
    found = {
        rival: [results.spread(scenario.name, rival, column.name) for column in scenario.columns]
        for rival in results.entrants
    }
    if scenario.curve:
        lines = [
            (results.title(rival), [spread and spread.median for spread in spreads])
            for rival, spreads in found.items()
            if any(spreads)
        ]
        return charts.curve(scenario, lines, own) if lines else ""
    bars = [(results.title(rival), spreads[0]) for rival, spreads in found.items() if spreads[0]]
    return charts.bars(scenario, bars, own) if len(bars) > 1 else ""


def markdown(rows: list[list[str]], texts: int = 1) -> list[str]:
    """A table, its first row the head; ``texts``: so many columns are words, the rest numbers."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + " --- |" * texts + " ---: |" * (len(rows[0]) - texts))
    return lines


def _notes(results: Results) -> list[str]:
    lines = []
    for environment, facts in results.entrants.values():
        skips = f": {facts.skips}" if facts.skips else ": all of it is on"
        lines.append(f"{environment.kind.title} {environment.version}{skips}; computes {facts.cpu}")
    lines += [f"{name} did not take part: {reason}" for name, reason in results.absent.items()]
    for (scenario, rival), reason in results.failures.items():
        lines.append(f"{rival} failed in {scenario}: {' '.join(reason.split())[-300:]}")
    return lines
