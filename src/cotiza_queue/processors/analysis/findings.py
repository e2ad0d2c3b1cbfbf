"""From a study of a part to the measures that the rules of dfm.toml speak of, and to the
findings.
"""

from __future__ import annotations

from functools import partial

from ...jobtypes.file_analysis import DfmAnalysis, DfmIssue, Process
from .corners import sharp_corners
from .orientation import Overhang
from .rules import Reading, judge
from .study import Study
from .walls import Spans

_UNREACHABLE_MM2 = 1.0
_UNREACHABLE_SHARE = 0.002
"""Less of the surface out of reach than both is the noise of a mesh."""


def find(study: Study, process: Process) -> DfmAnalysis:
    """All findings on a part for one process."""
    return judge(process, _readings(study, process), study.size, _notes(study, process))


def _readings(study: Study, process: Process) -> dict[str, Reading]:
    readings = {"void": Reading(study.mesh.void_volume)}
    if study.part.exact is None:
        readings["open_edges"] = Reading(float(study.mesh.open_edges))
    else:
        readings |= _holes(study)
    if study.survey is None:
        return readings
    for name, spans in (("wall", study.survey.walls), ("gap", study.survey.gaps)):
        robust = spans.robust()
        if robust is not None:
            readings[name] = Reading(*robust, amount=partial(_area_below, spans))
    hanging = study.survey.overhang
    readings["overhang"] = Reading(hanging.steepest, hanging.at, lambda _limit: _support(hanging))
    if process == "cnc":
        lost = study.survey.reach.unreachable
        if lost > max(_UNREACHABLE_MM2, _UNREACHABLE_SHARE * study.surface.area):
            readings["unreachable"] = Reading(lost, study.survey.reach.at)
        corners = sharp_corners(study.mesh, study.surface)
        readings["sharp_corner"] = Reading(
            corners.length, corners.at, lambda _limit: f"the longest is {corners.longest:,.1f} mm"
        )
    return readings


def _holes(study: Study) -> dict[str, Reading]:
    """The worst of the holes that the CAD model names."""
    holes = study.part.exact.holes if study.part.exact else ()
    if not holes:
        return {}
    deepest = max(holes, key=lambda hole: hole.depth / hole.diameter)
    narrowest = min(holes, key=lambda hole: hole.diameter)
    return {
        "hole_ratio": Reading(
            deepest.depth / deepest.diameter,
            deepest.at,
            lambda _limit: f"{deepest.depth:,.1f} mm deep, {deepest.diameter:,.2f} mm wide",
        ),
        "hole_diameter": Reading(narrowest.diameter, narrowest.at),
    }


def _notes(study: Study, process: Process) -> tuple[DfmIssue, ...]:
    """What wasn't looked at, so that silence isn't taken for approval."""
    notes = []
    if not study.mesh_is_true:
        notes.append(
            _note(
                "mesh_checks_skipped",
                "Walls, gaps and overhangs were not measured: the triangles of this CAD model miss "
                "its exact surface by more than 1 %.",
            )
        )
    if process == "cnc" and (study.part.exact is None or not study.part.exact.holes):
        notes.append(
            _note(
                "holes_not_recognised",
                "No holes were recognised, which doesn't mean that there are none: depth and "
                "diameter are read from cylinders in STEP files only.",
            )
        )
    return tuple(notes)


def _note(kind: str, text: str) -> DfmIssue:
    return DfmIssue(
        type=kind,
        severity="info",
        description=text,
        measured=None,
        limit=None,
        unit="",
        source="this analysis",
    )


def _area_below(spans: Spans, limit: float) -> str:
    return f"{spans.area_below(limit):,.1f} mm² of the surface is below that"


def _support(hanging: Overhang) -> str:
    area, volume = hanging.area / 100, hanging.support_volume / 1000
    return f"{area:,.2f} cm² of faces, about {volume:,.2f} cm³ of support"
