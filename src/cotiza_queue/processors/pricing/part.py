"""A measured part, as pricing needs it: the door between the analysis (floats) and money (Decimal).

Refused here is every part whose figures can't carry a price: no geometry or volume, a mesh with
holes, findings that make it unmakeable in the process asked for, a size that is uncertain because
nobody said the unit, figures that contradict each other. What is merely worth knowing travels along
as a warning.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from cotiza_queue.jobtypes import FileAnalysisResult
from cotiza_queue.jobtypes.file_analysis import Geometry

from .money import exact
from .refusal import Where

PLAUSIBLE_MM = (Decimal(3), Decimal(1500))
"""What the longest side may be where the unit was only assumed.

Outside, the assumption is more likely wrong than right: metres or inches read as millimetres end
below, thousandths of an inch above.
"""
UNCERTAIN_UNIT = "UNITS_AMBIGUOUS"
ASSUMED_UNIT = "UNITS_ASSUMED"
OPEN_MESH = "NOT_WATERTIGHT"
VOLUME_SLACK = Decimal("1.001")
"""A volume may exceed that of its bounding box by so much, for the rounding of meshes."""

_MM3_PER_CM3 = 1000
_MM2_PER_CM2 = 100


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Millimetres along the file's axes, mm² and mm³.

    ``overhang_mm2``: None if it was not measured.
    """

    x_mm: Decimal
    y_mm: Decimal
    z_mm: Decimal
    volume_mm3: Decimal
    area_mm2: Decimal
    overhang_mm2: Decimal | None
    warnings: tuple[str, ...] = ()

    @property
    def sides(self) -> tuple[Decimal, Decimal, Decimal]:
        return self.x_mm, self.y_mm, self.z_mm

    @property
    def area_cm2(self) -> Decimal:
        return self.area_mm2 / _MM2_PER_CM2


def part_of(analysis: FileAnalysisResult, process: str, where: Where) -> Part:
    """The part that an analysis describes, to be made by a process. Raises InvalidData."""
    geometry = analysis.geometry
    if geometry and (not geometry.watertight or OPEN_MESH in geometry.warnings):
        raise where.refuse(
            "fileId",
            "not_watertight",
            "the mesh has holes, so its volume is uncertain",
            "Repair the mesh, or export the part again as a closed solid.",
        )
    if geometry is None or geometry.volume is None:
        raise where.refuse(
            "fileId",
            "no_volume",
            "the analysis holds no volume, so there is nothing to price",
            "Analyse the file again with extractGeometry and calculateVolume.",
        )
    part = _measured(geometry, where)
    _check_unit(part, where)
    return msgspec.structs.replace(
        part, warnings=part.warnings + _manufacturability(analysis, process, where)
    )


def _measured(geometry: Geometry, where: Where) -> Part:
    box = geometry.bounding_box
    overhang = geometry.overhang_area
    try:
        part = Part(
            x_mm=exact(box.x),
            y_mm=exact(box.y),
            z_mm=exact(box.z),
            volume_mm3=exact(geometry.volume or 0.0) * _MM3_PER_CM3,
            area_mm2=exact(geometry.surface_area) * _MM2_PER_CM2,
            overhang_mm2=None if overhang is None else exact(overhang) * _MM2_PER_CM2,
            warnings=tuple(dict.fromkeys(geometry.warnings)),
        )
    except ValueError:
        part = None
    if part is None or not _coherent(part):
        raise where.refuse(
            "fileId",
            "geometry_incoherent",
            "the measured volume, area and size contradict each other",
            "Analyse the file again; if it lasts, check the part in a CAD program.",
        )
    return part


def _coherent(part: Part) -> bool:
    box = part.x_mm * part.y_mm * part.z_mm
    overhang = part.overhang_mm2 or Decimal(0)
    return (
        min(*part.sides, part.volume_mm3, part.area_mm2) > 0
        and part.volume_mm3 <= box * VOLUME_SLACK
        and 0 <= overhang <= part.area_mm2 * VOLUME_SLACK
    )


def _check_unit(part: Part, where: Where) -> None:
    low, high = PLAUSIBLE_MM
    longest = max(part.sides)
    absurd = ASSUMED_UNIT in part.warnings and not low <= longest <= high
    if absurd or UNCERTAIN_UNIT in part.warnings:
        raise where.refuse(
            "fileId",
            "units_uncertain",
            f"the file names no unit; read as millimetres its longest side is {_plain(longest)} mm",
            "Analyse the file again with analysisOptions.unit set.",
            longestMm=str(longest),
        )


def _manufacturability(analysis: FileAnalysisResult, process: str, where: Where) -> tuple[str, ...]:
    dfm = analysis.dfm_analysis
    if dfm is None or dfm.process != process:
        return ("DFM_NOT_CHECKED",)
    critical = [issue for issue in dfm.issues if issue.severity == "critical"]
    if critical or not dfm.manufacturable:
        reasons = (
            "; ".join(issue.description.rstrip(".") for issue in critical[:3]) or "see the analysis"
        )
        raise where.refuse(
            "process",
            "not_manufacturable",
            f"the part can't be made by {process} as it is: {reasons}",
            "Change the part, or choose another process.",
            issues=[issue.type for issue in critical],
        )
    return ("DFM_WARNINGS",) if any(i.severity == "warning" for i in dfm.issues) else ()


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
