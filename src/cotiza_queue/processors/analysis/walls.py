"""How thick the walls are and how narrow the gaps, by rays from the surface to what lies across.

A ray along the inward normal ends at the far side of the wall; it counts only if that side looks
the other way, within 44°, since at an edge the ray ends on a neighbour that bounds no wall.
Outward, the same measures slots and holes. A bare minimum is noise on real meshes; what is reported
is the robust minimum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .part import Floats
from .surface import Samples, Surface

_ACROSS = 0.72
"""Cosine of 44°: chamfers and edges of 45° are no thin walls, sharper knife edges are."""
_ACROSS_GAP = 0.94
"""Cosine of 20°: slots with draft and round holes are gaps, the bottom of a notch is not."""
_ROBUST_MM2 = 1.0
_ROBUST_SHARE = 5e-4
_ROBUST_AT_MOST = 0.05
"""The robust minimum needs this area behind it: 1 mm² or 0.05 % of the surface, whichever is more,
but never more than 5 % of it, so that a part of a few mm² has one too.
"""


@dataclass(frozen=True, slots=True)
class Spans:
    """Distances across, ascending (n,), with the points they were measured from (n, 3); ``weight``
    mm² each.
    """

    lengths: Floats
    points: Floats
    weight: float
    surface_area: float

    def robust(self) -> tuple[float, Floats] | None:
        """(mm, where): the length below which enough area lies to be no accident. None if nothing
        was across.
        """
        area = max(_ROBUST_MM2, _ROBUST_SHARE * self.surface_area)
        area = min(area, _ROBUST_AT_MOST * self.surface_area)
        rank = max(0, int(np.ceil(area / self.weight)) - 1)
        if rank >= len(self.lengths):
            return None
        return float(self.lengths[rank]), self.points[rank]

    def mean(self) -> float | None:
        """mm, by area."""
        return float(self.lengths.mean()) if len(self.lengths) else None

    def area_below(self, limit: float) -> float:
        """mm² of the surface that has less than ``limit`` mm across from it."""
        return float(np.searchsorted(self.lengths, limit, side="left")) * self.weight


def wall_spans(surface: Surface, samples: Samples) -> Spans:
    """Wall thickness at each sample that has a wall behind it."""
    return _spans(surface, samples, -samples.normals, _ACROSS)


def gap_spans(surface: Surface, samples: Samples) -> Spans:
    """Width of the gap, slot or hole at each sample that looks at another surface."""
    return _spans(surface, samples, samples.normals, _ACROSS_GAP)


def _spans(surface: Surface, samples: Samples, directions: Floats, across: float) -> Spans:
    distance, face = surface.cast(samples.points + surface.lift * directions, directions)
    facing = np.einsum("ij,ij->i", surface.normals[face], samples.normals)
    counted = (face >= 0) & (facing < -across)
    lengths = distance[counted] + surface.lift
    order = np.argsort(lengths, kind="stable")
    return Spans(
        lengths=lengths[order],
        points=samples.points[counted][order],
        weight=samples.weight,
        surface_area=surface.area,
    )
