"""What a part takes in its process: material, machine seconds, labor minutes.

One documented model per kind of machine. Seconds are whole and rounded up, so that the machine cost
of a quote can be checked with a pocket calculator.
"""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

import msgspec

from .catalogue import Extrusion, Material, Milling, PowderBed, Process, Vat
from .money import upward, whole_up
from .part import Part
from .placement import Placement

MILLIGRAM = Decimal("0.000001")
"""Material is charged in whole millionths of a kg or litre begun."""

_MM3_PER_CM3 = 1000
_MM3_PER_L = 1_000_000
_MM2_PER_CM2 = 100


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What making a part takes.

    ``material``: kg or litres per piece, waste included. ``piece_s``: machine seconds of one piece;
    ``batch_s``: those that a batch of up to ``capacity`` pieces shares. ``labor_minutes``: per
    piece, without finishes and set-up.
    """

    material: Decimal
    piece_s: int
    batch_s: int
    capacity: int
    labor_minutes: Decimal
    warnings: tuple[str, ...] = ()


def estimate(part: Part, placement: Placement, material: Material, process: Process) -> Work:
    """The work of one part in a process."""
    match process:
        case Extrusion():
            return extrude(part, placement, material, process)
        case Vat():
            return expose(part, placement, process)
        case PowderBed():
            return fuse(part, placement, material, process)
        case Milling():
            return mill(part, placement, material, process)
        case _:
            assert_never(process)


def extrude(part: Part, placement: Placement, material: Material, process: Extrusion) -> Work:
    """Filament: contours, infill, layers and supports.

    contour = min(area x contour_mm, volume); infill = share x (volume - contour); support = share x
    overhang area x height. time = contour, infill and support each at their rate + a constant per
    layer.

    The figures were fitted to 28 parts sliced with PrusaSlicer 2.5.0 (MK3S, 0.20 mm QUALITY, 15 %
    gyroid). On a part left out of the fit the time is 11 % off in the median and 22 % at the ninth
    decile, the filament 3 % and 5 %. With supports, within the fit: time 11 % and 26 %, filament
    5 % and 13 %. The worst was an assembly of many small bodies, 44 % too short. Four parts outside
    the fit all came out too short, by 7 to 19 %. test_calibration.py measures all of this.

    Supports are left out, with a warning, where the overhang was not measured or the part had to
    be turned.
    """
    contour = min(part.area_mm2 * process.contour_mm, part.volume_mm3)
    infill = (part.volume_mm3 - contour) * process.infill
    known = part.overhang_mm2 is not None and not placement.turned
    overhang = part.overhang_mm2 if known and part.overhang_mm2 else Decimal(0)
    support = overhang * placement.height_mm * process.support_share
    layers = whole_up(placement.height_mm / process.layer_mm)
    seconds = (
        contour * process.contour_s_per_mm3
        + infill * process.infill_s_per_mm3
        + support * process.support_s_per_mm3
        + layers * process.layer_s
    )
    warnings = () if known else ("SUPPORTS_NOT_ESTIMATED",)
    return Work(
        material=_weighed(contour + infill + support, material, process.waste),
        piece_s=whole_up(seconds),
        batch_s=0,
        capacity=placement.capacity,
        labor_minutes=process.piece_minutes
        + overhang / _MM2_PER_CM2 * process.support_minutes_per_cm2,
        warnings=(*warnings, "TURNED_TO_FIT") if placement.turned else warnings,
    )


def expose(part: Part, placement: Placement, process: Vat) -> Work:
    """Resin: every layer takes the same time, however much lies in it, so a plate shares its time.

    time = layers x layer_s + fixed_s with layers = (height + lift) / layer height: exact to 0.01 s
    against PrusaSlicer 2.5.0 on three parts (SL1, 0.05 mm, 5 s). Resin = volume plus a share for
    supports and waste.
    """
    layers = whole_up((placement.height_mm + process.lift_mm) / process.layer_mm)
    gross = part.volume_mm3 * (1 + process.support_share) * (1 + process.waste)
    return Work(
        material=upward(gross / _MM3_PER_L, MILLIGRAM),
        piece_s=0,
        batch_s=whole_up(layers * process.layer_s + process.fixed_s),
        capacity=placement.capacity,
        labor_minutes=process.piece_minutes,
        warnings=("TURNED_TO_FIT",) if placement.turned else (),
    )


def fuse(part: Part, placement: Placement, material: Material, process: PowderBed) -> Work:
    """Powder: a part pays for the share of the chamber that its box takes.

    box = sides, each with one gap; share = box / (chamber x packing), at most the whole; time =
    share x the time of a full chamber. Fresh powder = the fused mass, or ``refresh`` of all powder
    in the box if that is more: loose powder ages and can only be used again with so much fresh
    powder.
    """
    box = Decimal(1)
    for side in part.sides:
        box *= side + process.spacing_mm
    width, depth, height = process.build_mm
    chamber_s = whole_up(height / process.layer_mm) * process.layer_s
    share = min(Decimal(1), box / (width * depth * height * process.packing))
    fused = part.volume_mm3 * material.density / _MM3_PER_L
    loose = (box - part.volume_mm3) * process.bulk_density / _MM3_PER_L
    return Work(
        material=upward(max(fused, (fused + loose) * process.refresh), MILLIGRAM),
        piece_s=whole_up(chamber_s * share),
        batch_s=0,
        capacity=placement.capacity,
        labor_minutes=process.piece_minutes,
    )


def mill(part: Part, placement: Placement, material: Material, process: Milling) -> Work:
    """Milling: the block less the part at the material's rate, then the surface once over.

    block = sides, each with the allowance twice; time = chips / removal rate + area / finishing
    rate + tool changes. The block is paid for whole. An assumption, not a measurement: no tool
    paths are computed.
    """
    if material.removal_cm3_per_min is None or material.finishing_cm2_per_min is None:
        raise AssertionError("the loader lets no material without milling rates into milling")
    block = Decimal(1)
    for side in part.sides:
        block *= side + 2 * process.allowance_mm
    chips = (block - part.volume_mm3) / _MM3_PER_CM3
    minutes = chips / material.removal_cm3_per_min + part.area_cm2 / material.finishing_cm2_per_min
    return Work(
        material=_weighed(block, material, Decimal(0)),
        piece_s=whole_up(minutes * 60 + process.tool_change_s),
        batch_s=0,
        capacity=placement.capacity,
        labor_minutes=process.piece_minutes,
        warnings=("MACHINING_TIME_ASSUMED",),
    )


def _weighed(volume_mm3: Decimal, material: Material, waste: Decimal) -> Decimal:
    """kg of a volume, or litres if the material is sold so, waste included."""
    litres = volume_mm3 * (1 + waste) / _MM3_PER_L
    return upward(litres * material.density if material.sold_by == "kg" else litres, MILLIGRAM)
