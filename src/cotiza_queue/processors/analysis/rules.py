"""The limits of dfm.toml applied to what was measured. The numbers stand there; here is only the
comparing.

Nothing is judged that wasn't measured: a rule whose measure is missing stays silent.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from ...jobtypes.file_analysis import DfmAnalysis, DfmIssue, Process, Severity, Vector
from .part import Floats

Place = Floats | tuple[float, float, float]

_ROUNDING = 1e-3
"""A measure within a thousandth of its limit keeps it: files hold five to seven digits."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One limit of one measure; see the head of dfm.toml."""

    processes: tuple[Process, ...]
    type: str
    measure: str
    bad: Literal["below", "above"]
    warning: float | None = None
    critical: float | None = None
    unit: str
    text: str
    source: str


class BuildVolume(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The room of a typical machine of a process: x, y, z in mm."""

    processes: tuple[Process, ...]
    size: tuple[float, float, float]
    machine: str
    source: str


class NotApplicable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Processes for which a 3-D model says nothing."""

    processes: tuple[Process, ...]
    text: str
    source: str


class FeatureLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Thresholds of ``Features``: mm and shares of the surface."""

    thin_wall: float
    small_feature: float
    undercut_share: float
    patch_share: float
    low_patches: int
    medium_patches: int


class RuleBook(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of dfm.toml."""

    version: str
    score: dict[Severity, int]
    names: dict[Process, str]
    features: FeatureLimits
    rule: tuple[Rule, ...]
    build_volume: tuple[BuildVolume, ...]
    not_applicable: tuple[NotApplicable, ...]

    def warning_limit(self, process: Process, rule_type: str, default: float) -> float:
        """Where a process' rule of a type begins to warn; ``default`` if it has none."""
        for rule in self.rule:
            if rule.type == rule_type and process in rule.processes and rule.warning is not None:
                return rule.warning
        return default


@dataclass(frozen=True, slots=True)
class Reading:
    """A measured value, where it was found, and (given the limit) how much of the part is beyond
    it.
    """

    value: float
    at: Place | None = None
    amount: Callable[[float], str] | None = None


@cache
def rule_book() -> RuleBook:
    """The limits that ship with the package."""
    text = (
        resources.files("cotiza_queue.processors.analysis")
        .joinpath("dfm.toml")
        .read_text(encoding="utf-8")
    )
    return msgspec.convert(tomllib.loads(text), RuleBook)


def judge(
    process: Process,
    readings: Mapping[str, Reading],
    size: tuple[float, float, float],
    notes: tuple[DfmIssue, ...] = (),
) -> DfmAnalysis:
    """Findings, worst first, and their score. ``size``: the box of the part in mm; ``notes``:
    further findings.
    """
    book = rule_book()
    for exempt in book.not_applicable:
        if process in exempt.processes:
            issue = DfmIssue(
                type="process_not_applicable",
                severity="critical",
                description=exempt.text.format(process=book.names[process]),
                measured=None,
                limit=None,
                unit="",
                source=exempt.source,
            )
            return _scored(process, [issue])
    issues = list(notes)
    for rule in book.rule:
        if process in rule.processes and rule.measure in readings:
            issues += _apply(rule, readings[rule.measure], book.names[process])
    for room in book.build_volume:
        if process in room.processes:
            issues += _fit(room, size)
    return _scored(process, issues)


def _apply(rule: Rule, reading: Reading, process: str) -> list[DfmIssue]:
    steps: tuple[tuple[Severity, float | None], ...] = (
        ("critical", rule.critical),
        ("warning", rule.warning),
    )
    for severity, limit in steps:
        if limit is None or not _beyond(rule, reading.value, limit):
            continue
        amount = reading.amount(limit) if reading.amount else ""
        text = rule.text.format(
            measured=f"{reading.value:,.4g}" if reading.value < 1000 else f"{reading.value:,.0f}",
            limit=f"{limit:g}",
            process=process,
            amount=f" ({amount})" if amount else "",
        )
        return [
            DfmIssue(
                type=rule.type,
                severity=severity,
                description=text,
                measured=significant(reading.value, 6),
                limit=limit,
                unit=rule.unit,
                source=rule.source,
                location=None if reading.at is None else vector(reading.at),
            )
        ]
    return []


def _beyond(rule: Rule, value: float, limit: float) -> bool:
    if rule.bad == "below":
        return value < limit * (1 - _ROUNDING)
    return value > limit * (1 + _ROUNDING)


def _fit(room: BuildVolume, size: tuple[float, float, float]) -> list[DfmIssue]:
    """The longest side that doesn't fit, with the part turned by right angles as well as it can."""
    over = [
        (part, least)
        for part, least in zip(sorted(size), sorted(room.size), strict=True)
        if part > least * (1 + _ROUNDING)
    ]
    if not over:
        return []
    part, least = over[-1]
    return [
        DfmIssue(
            type="exceeds_build_volume",
            severity="critical",
            description=(
                f"A side of {part:,.1f} mm doesn't fit, however the part is turned: "
                f"the room of the {room.machine} has {least:g} mm there."
            ),
            measured=significant(part),
            limit=least,
            unit="mm",
            source=f"{room.machine}: {room.source}",
        )
    ]


def _scored(process: Process, issues: list[DfmIssue]) -> DfmAnalysis:
    cost = rule_book().score
    order: dict[Severity, int] = {"critical": 0, "warning": 1, "info": 2}
    return DfmAnalysis(
        process=process,
        issues=tuple(sorted(issues, key=lambda issue: order[issue.severity])),
        score=max(0, 100 - sum(cost[issue.severity] for issue in issues)),
        manufacturable=not any(issue.severity == "critical" for issue in issues),
    )


def significant(value: float, digits: int = 9) -> float:
    """Nine significant digits: more than any file holds, and free of the last bits' noise."""
    return float(f"{value:.{digits}g}")


def vector(point: Place) -> Vector:
    """A place in mm, to a tenth of a micrometre."""
    x, y, z = (round(float(coordinate), 4) + 0.0 for coordinate in point)
    return Vector(x, y, z)
