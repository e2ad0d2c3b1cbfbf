"""One part from triangles to result, step by step. Runs in the child process.

What wasn't asked for isn't computed; what can't be measured is None or a stated note, never a
guess.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ...jobtypes.file_analysis import AnalysisOptions, DfmAnalysis, Features, Geometry, Vector
from .corners import smooth_patches
from .faults import Caution
from .findings import find
from .limits import MANY_TRIANGLES
from .mesh import build_mesh, overlaps
from .orientation import overhang, reach
from .part import Part
from .picture import draw
from .request import Measured, MeasureRequest
from .rules import FeatureLimits, rule_book, significant
from .study import Study, Survey
from .surface import Surface
from .walls import gap_spans, wall_spans

Report = Callable[[float, str, str], None]

_DOUBTFUL_MM = 8.0
_LARGE_MM = 1500.0
"""The longest side of a part whose file states no unit. Below 8 mm it is as likely a part of some
inches, above 1500 mm one in micrometres or thousandths of an inch: the unit is ambiguous. Between,
millimetres are assumed."""
_REACH_STEP = 5
"""Every fifth sample is looked at from the axes."""
_RAY_DIGITS = 6
"""Significant digits of what rays measure."""
_MM2_PER_CM2 = 100.0
_MM3_PER_CM3 = 1000.0


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of a part in numbers. None: not asked for, or not measurable."""

    study: Study
    geometry: Geometry | None
    dfm_analysis: DfmAnalysis | None
    features: Features | None


def measure(report: Report, request: MeasureRequest, kind: str, part: Part) -> Measured:
    """The whole result for one part. Raises InvalidData for what is no solid."""
    found = examine(report, part, request.options)
    report(75, "picture", "Drawing the thumbnail")
    path = Path(request.path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Measured(
        geometry=found.geometry,
        dfm_analysis=found.dfm_analysis,
        features=found.features,
        thumbnail=draw(found.study.surface, found.study.patches),
        file_format=kind,
        file_size=path.stat().st_size,
        sha256=digest,
    )


def examine(report: Report, part: Part, options: AnalysisOptions) -> Findings:
    """All figures and findings, without the picture. Raises InvalidData for what is no solid."""
    report(30, "connect", f"Connecting {len(part.faces):,} triangles")
    mesh = build_mesh(part)
    surface = Surface(mesh.vertices, mesh.faces)
    report(45, "walls", "Measuring walls, gaps and overhangs")
    study = Study(part, mesh, surface, surface.samples(), smooth_patches(mesh, surface), None)
    if study.mesh_is_true and (options.perform_dfm or options.detect_features):
        study = study.with_survey(_survey(study))
    report(65, "rules", f"Checking the rules for {rule_book().names[options.process_type]}")
    dfm = find(study, options.process_type) if options.perform_dfm else None
    return Findings(
        study=study,
        geometry=_geometry(study, options, dfm) if options.extract_geometry else None,
        dfm_analysis=dfm,
        features=_features(study, options) if options.detect_features else None,
    )


def _survey(study: Study) -> Survey:
    return Survey(
        walls=wall_spans(study.surface, study.samples),
        gaps=gap_spans(study.surface, study.samples),
        overhang=overhang(study.surface, study.samples),
        reach=reach(study.surface, study.samples.every(_REACH_STEP)),
    )


def _geometry(study: Study, options: AnalysisOptions, dfm: DfmAnalysis | None) -> Geometry:
    exact, survey = study.part.exact, study.survey
    volume = study.volume if options.calculate_volume else None
    thinnest = survey.walls.robust() if survey else None
    mean = survey.walls.mean() if survey else None
    return Geometry(
        volume=None if volume is None else significant(volume / _MM3_PER_CM3),
        surface_area=significant(study.area / _MM2_PER_CM2),
        bounding_box=Vector(*(significant(side) for side in study.size)),
        part_count=exact.bodies if exact else study.mesh.bodies,
        triangle_count=len(study.part.faces),
        watertight=exact.watertight if exact else study.mesh.watertight,
        exact=exact is not None,
        unit=study.part.unit,
        wall_thickness_min=significant(thinnest[0], _RAY_DIGITS) if thinnest else None,
        wall_thickness_avg=significant(mean, _RAY_DIGITS) if mean is not None else None,
        overhang_area=significant(survey.overhang.area / _MM2_PER_CM2) if survey else None,
        warnings=tuple(caution.value for caution in _cautions(study, dfm)),
    )


def _cautions(study: Study, dfm: DfmAnalysis | None) -> list[Caution]:
    part, mesh = study.part, study.mesh
    # Of a CAD part, the mesh is our own doing: its seams are nobody's fault.
    cautions = [*part.cautions] if part.exact else [*mesh.cautions]
    if part.exact and mesh.voids.any():
        cautions.append(Caution.ENCLOSED_VOID)
    if part.exact and not part.exact.mesh_is_true:
        cautions.append(Caution.MESH_CHECKS_SKIPPED)
    if overlaps(mesh, study.samples.every(10), study.surface.lift):
        cautions.append(Caution.SELF_INTERSECTION)
    if not part.unit_is_stated:
        doubtful = not _DOUBTFUL_MM <= max(study.size) <= _LARGE_MM
        cautions.append(Caution.UNITS_AMBIGUOUS if doubtful else Caution.UNITS_ASSUMED)
    if len(part.faces) > MANY_TRIANGLES:
        cautions.append(Caution.LARGE_MESH)
    if dfm and any(issue.type == "exceeds_build_volume" for issue in dfm.issues):
        cautions.append(Caution.EXCEEDS_BUILD_VOLUME)
    return cautions


def _features(study: Study, options: AnalysisOptions) -> Features | None:
    """None where the triangles aren't true enough to judge by."""
    if study.survey is None:
        return None
    book = rule_book()
    limits = book.features
    thin = book.warning_limit(options.process_type, "thin_wall", limits.thin_wall)
    small = book.warning_limit(options.process_type, "small_gap", limits.small_feature)
    wall, gap = study.survey.walls.robust(), study.survey.gaps.robust()
    area = study.surface.area
    hidden = study.survey.reach.undercut
    patch_areas = np.bincount(study.patches, study.surface.areas)
    patches = int(np.count_nonzero(patch_areas >= limits.patch_share * area))
    return Features(
        has_undercuts=hidden > limits.undercut_share * area,
        has_thin_walls=wall is not None and wall[0] < thin,
        has_small_features=gap is not None and gap[0] < small,
        complexity=_complexity(patches, limits),
    )


def _complexity(patches: int, limits: FeatureLimits) -> Literal["low", "medium", "high"]:
    if patches <= limits.low_patches:
        return "low"
    return "medium" if patches <= limits.medium_patches else "high"
