"""What the demo says in the end: the part, its price, and where everything lies."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from . import render
from .story import Order, Story

SHOWN_ISSUES = 5
_SIGNS = {"critical": ("✗", "bold red"), "warning": ("!", "yellow"), "info": ("i", "cyan")}


def as_json(order: Order, story: Story, mail: Path | None) -> dict[str, Any]:
    """Everything, for programs. ``path`` is where a file lies on this machine, null if it
    doesn't.
    """
    return {
        "ok": True,
        "file": str(order.file),
        "quoteId": order.quote_id,
        "jobs": story.jobs,
        "durations": story.durations,
        "analysis": story.analysis,
        "quote": story.quote,
        "report": {**story.report, "path": _path(story.pdf)},
        "email": {**story.email, "path": _path(mail)},
        "picture": _path(story.picture),
    }


def as_table(order: Order, story: Story, mail: Path | None) -> Group:
    """Everything that matters, for people."""
    quote = story.quote["summary"]
    days = quote["leadTime"]
    took = sum(story.durations.values())
    facts = render.facts(
        ("Part", _part(story.analysis["geometry"])),
        ("Geometry", _geometry(story.analysis["geometry"])),
        ("Walls", _walls(story.analysis["geometry"])),
        ("Checks", _checks(story.analysis["dfmAnalysis"])),
        *(("", _issue(issue)) for issue in _worst(story.analysis["dfmAnalysis"])),
        ("Price", _price(order, story)),
        (
            "Lead time",
            f"{days} working day{'' if days == 1 else 's'}, valid until {quote['validUntil'][:10]}",
        ),
        ("PDF", _path(story.pdf)),
        ("E-mail", _path(mail) or f"sent, {story.email['messageId']}"),
        ("Picture", _path(story.picture)),
    )
    title = Text.assemble(
        (render.visible(order.quote_id), "bold"), f" · {render.span(took)} of work"
    )
    return Group(
        Text(), title, Text("─" * title.cell_len, "dim"), Padding(facts, (1, 0), expand=False)
    )


def _part(geometry: dict[str, Any] | None) -> str | None:
    if geometry is None:
        return None
    box = geometry["boundingBox"]
    bodies = geometry["partCount"]
    closed = "closed" if geometry["watertight"] else "not closed"
    sizes = " × ".join(f"{box[axis]:,.1f}" for axis in "xyz")
    return f"{sizes} mm, {bodies} {'body' if bodies == 1 else 'bodies'}, {closed}"


def _geometry(geometry: dict[str, Any] | None) -> str | None:
    if geometry is None:
        return None
    volume = geometry["volume"]
    solid = "volume not measurable" if volume is None else f"{volume:,.2f} cm³"
    area, triangles = geometry["surfaceArea"], geometry["triangleCount"]
    return f"{solid}, {area:,.1f} cm² of surface, {triangles:,} triangles"


def _walls(geometry: dict[str, Any] | None) -> str | None:
    thinnest = (geometry or {}).get("wallThicknessMin")
    if thinnest is None:
        return None
    average = (geometry or {}).get("wallThicknessAvg")
    return f"{thinnest:.2f} mm at the thinnest" + (
        f", {average:.2f} mm on average" if average else ""
    )


def _checks(dfm: dict[str, Any] | None) -> Text | None:
    if dfm is None:
        return None
    verdict = ("can be made", "green") if dfm["manufacturable"] else ("can't be made", "bold red")
    count = len(dfm["issues"])
    found = f"{count} finding{'' if count == 1 else 's'}" if count else "no findings"
    return Text.assemble(verdict, f" by {dfm['process']}: {dfm['score']}/100, {found}")


def _worst(dfm: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The gravest findings first, a handful of them."""
    order = list(_SIGNS)
    issues: list[dict[str, Any]] = (dfm or {}).get("issues", [])
    return sorted(issues, key=lambda issue: order.index(issue["severity"]))[:SHOWN_ISSUES]


def _issue(issue: dict[str, Any]) -> Text:
    sign, style = _SIGNS[issue["severity"]]
    return Text.assemble((f"{sign} ", style), render.visible(issue["description"]))


def _price(order: Order, story: Story) -> Text:
    """The total, and the sum that it comes from."""
    quote = story.quote["summary"]
    item = story.quote["items"][0]
    parts = [f"{order.quantity:,} × {_money(item['unitPrice'])} in {item['material']}"]
    for change in story.quote["pricing"]["adjustments"]:
        parts.append(f"{change['type'].replace('_', ' ')} {_money(change['amount'])}")
    total = f"{_money(quote['total'])} {quote['currency']}"
    return Text.assemble((total, "bold green"), f" = {', '.join(parts)}")


def _money(amount: str) -> str:
    return f"{Decimal(amount):,.2f}"


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)
