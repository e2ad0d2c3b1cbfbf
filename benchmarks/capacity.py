"""Fills the tables of docs/capacity.md from the figures of a run.

    python -m benchmarks.capacity FIGURES.json ... [--page docs/capacity.md]

Without ``--page``, it prints them. A workload that is in several files is taken from the last one.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .report import OWN, markdown
from .scenarios.catalogue import BY_NAME

BILLION, DAY_S, HOUR_S = 1e9, 86_400, 3_600
PEAK = 3
"""How many times the average the busiest hour brings."""
USE = 0.6
"""How busy a core may be kept: the rest is for bursts, retries and neighbours."""
CURVES = ("growth-backlog", "growth-tenants", "growth-retained", "growth-workers")


class Figures:
    """Our own medians, by workload and figure."""

    def __init__(self, files: Sequence[Mapping[str, Any]]) -> None:
        self.facts: list[Mapping[str, str]] = [content["facts"] for content in files]
        self._rounds: dict[str, list[dict[str, float]]] = {}
        for content in files:
            for row in content["figures"]:
                if row["rival"] == OWN and row["rounds"]:
                    self._rounds[row["scenario"]] = row["rounds"]

    def __call__(self, scenario: str, column: str) -> float:
        """Raises KeyError if the runs have not got it."""
        return statistics.median(found[column] for found in self._rounds[scenario])

    def has(self, scenario: str) -> bool:
        return scenario in self._rounds


class Row(NamedTuple):
    """One measured figure, under the name that the formulas have for it."""

    name: str
    text: str
    unit: str
    scenario: str
    column: str
    digits: int = 0


ROWS = (
    Row("enter", "server CPU to take a job in, 50 callers", "µs", "enqueue-50", "server_us", 1),
    Row("bulk", "server CPU to take a job in, 500 a call", "µs", "bulk", "server_us", 1),
    Row("run", "server CPU to hand a job out and end it", "µs", "drain", "server_us", 1),
    Row(
        "enter, on disk",
        "to take a job in, 500 a call, with an append-only file",
        "µs",
        "durable",
        "fill_us",
        1,
    ),
    Row("run, on disk", "to run it, with an append-only file", "µs", "durable", "server_us", 1),
    Row("worker", "worker CPU of a job, besides its work", "µs", "drain", "worker_us", 1),
    Row("caller", "client CPU to enqueue, 50 callers", "µs", "enqueue-50", "client_us", 1),
    Row("wire in", "bytes on the wire to take a job in", "B", "bulk", "bytes"),
    Row("wire run", "bytes on the wire to run it", "B", "drain", "bytes"),
    Row("waiting", "memory of a waiting job", "B", "memory", "waiting"),
    Row("delayed", "memory of a delayed job", "B", "million-delayed", "bytes"),
    Row("kept", "memory of an ended job that is kept", "B", "memory", "kept"),
    Row("tenants", "10,000 tenants instead of one: server CPU", "×", "tenants", "ratio", 2),
    Row("drain", "jobs/s of one worker process, no-op jobs", "/s", "drain", "rate"),
    Row("ceiling", "jobs/s that the server allows for that", "/s", "ceiling", "rate"),
    Row("post", "jobs/s of one API process", "/s", "post", "rate"),
    Row("api", "API CPU of a request", "µs", "post", "api_us", 1),
    Row("held", "part of its time that the server waited for a core", "%", "drain", "held"),
    Row("large", "server CPU to run a job of 100 kB and its result", "µs", "large", "server_us"),
)


def measured(figures: Figures) -> list[str]:
    """The figures, and where they are from."""
    rows = [["name", "what", "workload", "measured"]]
    for row in ROWS:
        value = f"{figures(row.scenario, row.column):,.{row.digits}f} {row.unit}"
        rows.append([f"`{row.name}`", row.text, row.scenario, value])
    facts = [
        f"- {each['date']}: {each['machine']}; {each['server']}, Python {each['Python']}, "
        f"commit {each['commit']}; rounds: {each['rounds']}; load {each['load average']}."
        for each in figures.facts
    ]
    return [*markdown(rows, 3), "", *facts]


def billion(figures: Figures) -> list[str]:
    """What a billion jobs a day needs."""
    value = {row.name: figures(row.scenario, row.column) for row in ROWS}
    peak = PEAK * BILLION / DAY_S
    return markdown([["", "formula", "result"], *_load(value, peak), *_memory(value)], 2)


def _load(value: Mapping[str, float], peak: float) -> Iterator[list[str]]:
    """Servers, cores and network in the busiest hour."""

    def cores(us: float) -> float:
        return peak * us / 1e6 / USE

    yield ["jobs/s on average", "10⁹ ÷ 86,400", f"{BILLION / DAY_S:,.0f}"]
    yield ["jobs/s in the busiest hour", f"{PEAK} × average", f"{peak:,.0f}"]
    for where, mark in (("in memory only", ""), ("with an append-only file", ", on disk")):
        us = value["enter" + mark] + value["run" + mark]
        sum_us = f"(`enter{mark}` + `run{mark}`)"
        yield [
            f"jobs/s of one server core, {where}",
            f"{USE} × 10⁶ ÷ {sum_us}",
            f"{USE * 1e6 / us:,.0f}",
        ]
        yield [f"Redis servers, {where}", "busiest hour ÷ that", _whole(cores(us))]
    for what, name in (
        ("cores for workers, besides their work", "worker"),
        ("cores for callers in Python", "caller"),
        ("or API processes, if all come over HTTP", "api"),
    ):
        yield [what, f"busiest hour × `{name}` ÷ (10⁶ × {USE})", _whole(cores(value[name]))]
    bits = 8 * peak * (value["wire in"] + value["wire run"])
    yield ["network", "busiest hour × (`wire in` + `wire run`)", f"{bits / 1e6:,.0f} Mbit/s"]


def _memory(value: Mapping[str, float]) -> Iterator[list[str]]:
    hour = BILLION / DAY_S * HOUR_S
    for what, formula, bytes_ in (
        ("an hour of the average waiting", "3,600 × average × `waiting`", hour * value["waiting"]),
        ("ended jobs kept for an hour", "3,600 × average × `kept`", hour * value["kept"]),
        ("ended jobs kept for a day (the default)", "10⁹ × `kept`", BILLION * value["kept"]),
    ):
        yield [f"memory, {what}", formula, f"{bytes_ / 1e9:,.0f} GB"]


def growth(figures: Figures) -> list[str]:
    """How the cost of a job grows; nothing where that was not measured."""
    lines: list[str] = []
    for name in CURVES:
        if figures.has(name):
            columns = BY_NAME[name].columns
            values = [f"{figures(name, c.name):,.{c.digits}f}" for c in columns]
            head = [BY_NAME[name].title, *(column.title for column in columns)]
            lines += [*markdown([head, [columns[0].unit.replace("/s", "jobs/s"), *values]]), ""]
    return lines[:-1]


def _whole(count: float) -> str:
    return f"{math.ceil(count)} ({count:.1f})"


TABLES: Mapping[str, Callable[[Figures], list[str]]] = {
    "measured": measured,
    "billion": billion,
    "growth": growth,
}


def fill(page: str, figures: Figures) -> str:
    """The page with each table between its marks: ``<!-- NAME -->`` and ``<!-- /NAME -->``."""
    for name, table in TABLES.items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = page.partition(start)
        _, found, after = rest.partition(end)
        if not found:
            raise SystemExit(f"capacity: the page has no {start} … {end}")
        if lines := table(figures):
            page = "\n".join([before + start, *lines, end + after])
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path, help="what ./run bench --json has written")
    parser.add_argument("--page", type=Path, help="docs/capacity.md: fill it")
    asked = parser.parse_args()
    figures = Figures([json.loads(path.read_bytes()) for path in asked.files])
    if asked.page:
        asked.page.write_text(fill(asked.page.read_text(), figures))
        return
    for table in TABLES.values():
        sys.stdout.write("\n".join([*table(figures), "", ""]))


if __name__ == "__main__":
    main()
