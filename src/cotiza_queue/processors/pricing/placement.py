"""How a part lies in a machine, and how many of it a batch holds."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import msgspec

from .catalogue import Extrusion, Milling, PowderBed, Process, Vat
from .part import Part
from .refusal import Where

Box = tuple[Decimal, Decimal, Decimal]

MAX_BATCH = 10_000
"""More pieces than this are never counted into one batch: nobody unpacks them without stopping."""


class Placement(msgspec.Struct, frozen=True):
    """``height_mm`` along the machine's vertical. ``turned``: not standing as the file has it."""

    height_mm: Decimal
    capacity: int
    turned: bool = False


def place(part: Part, process: Process, where: Where) -> Placement:
    """The placement that is priced.

    Raises InvalidData if the part is too large or too small for the machine.

    On a plate (filament, resin) the part stands as modelled if that fits in either turn about the
    vertical; otherwise it lies with the least height that fits. In powder and in a vice every turn
    is free.
    """
    longest = max(part.sides)
    if longest < process.min_part_mm:
        raise where.refuse(
            "process",
            "too_small",
            f"the longest side of the part is {longest.normalize():f} mm; {process.name} starts at "
            f"{process.min_part_mm:f} mm",
            limitMm=str(process.min_part_mm),
        )
    sides = _stock(part, process)
    turns = [(x, y, z) for x, y, z in permutations(sides) if _fits((x, y, z), process.build_mm)]
    if not turns:
        raise where.refuse(
            "process",
            "too_large",
            f"the part needs {_text(sides)} and {process.name} builds up to "
            f"{_text(process.build_mm)}",
            "Split the part, or choose a process with a larger machine.",
            needsMm=[str(side) for side in sides],
            buildMm=[str(side) for side in process.build_mm],
        )
    if isinstance(process, Milling):
        return Placement(min(turn[2] for turn in turns), process.lot)
    if isinstance(process, PowderBed):
        best = max(turns, key=lambda turn: (_nested(turn, process), -turn[2]))
        return Placement(best[2], min(MAX_BATCH, _nested(best, process)))
    return _on_plate(sides, turns, process)


def _on_plate(sides: Box, turns: list[Box], process: Extrusion | Vat) -> Placement:
    upright = [turn for turn in turns if turn[2] == sides[2]]
    height = sides[2] if upright else min(turn[2] for turn in turns)
    capacity = max(_side_by_side(turn, process) for turn in turns if turn[2] == height)
    return Placement(height, min(MAX_BATCH, capacity), turned=not upright)


def _stock(part: Part, process: Process) -> Box:
    if not isinstance(process, Milling):
        return part.sides
    margin = 2 * process.allowance_mm
    return part.x_mm + margin, part.y_mm + margin, part.z_mm + margin


def _fits(sides: Box, build: Box) -> bool:
    return all(side <= room for side, room in zip(sides, build, strict=True))


def _side_by_side(turn: Box, process: Process) -> int:
    return _along(turn, process, 0) * _along(turn, process, 1)


def _nested(turn: Box, process: Process) -> int:
    return _side_by_side(turn, process) * _along(turn, process, 2)


def _along(turn: Box, process: Process, axis: int) -> int:
    """How many fit in a row: n sides and n - 1 gaps within the room."""
    gap = process.spacing_mm
    return int((process.build_mm[axis] + gap) // (turn[axis] + gap))


def _text(sides: Box) -> str:
    return " × ".join(f"{side.normalize():f}" for side in sides) + " mm"
