"""What depends on how the part lies in its file: overhangs, the support they need, and what tools
can't reach.

The part stands on the plane through its lowest point, z upward.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .part import Bools, Floats
from .surface import Samples, Surface

OVERHANG_DEGREES = 45.0
TOLERANCE_DEGREES = 0.5
"""A face leaning exactly 45° from the vertical prints without support (agreed by the design guides
in dfm.toml); half a degree allows for the rounding of exporters.
"""
_BED_MM = 0.1
_BED_SHARE = 0.02
"""A face is on the bed if it lies within half a usual layer (0.1 mm) of the lowest point, or within
2 % of the height of a part that is lower than 5 mm.
"""
_REACH_LIFT = 1e-4
"""Of the diagonal: far enough off a wall that a ray along it passes the facets of a curved one."""


@dataclass(frozen=True, slots=True)
class Overhang:
    """``area`` mm² of faces that need support, ``support_volume`` mm³ of the columns below them.

    ``steepest``: the largest lean among them, degrees from the vertical; ``at``: where. 0 and None
    if there are none.
    """

    area: float
    support_volume: float
    steepest: float
    at: Floats | None


def overhang(surface: Surface, samples: Samples) -> Overhang:
    """The faces that lean out by more than OVERHANG_DEGREES, without those on the bed."""
    downward = -surface.normals[:, 2]
    hanging = downward > np.sin(np.radians(OVERHANG_DEGREES + TOLERANCE_DEGREES))
    bed = surface.low[2] + min(_BED_MM, _BED_SHARE * float(surface.high[2] - surface.low[2]))
    hanging &= surface.vertices[surface.faces, 2].max(axis=1) > bed
    area = float(surface.areas[hanging].sum())
    if area == 0.0:
        return Overhang(0.0, 0.0, 0.0, None)
    worst = int(np.argmax(np.where(hanging, downward * (surface.areas > 0), -1.0)))
    below = samples.where(hanging[samples.faces])
    down = np.array([0.0, 0.0, -1.0])
    drop, _ = surface.cast(below.points + surface.lift * down, down)
    drop = np.minimum(drop, below.points[:, 2] - surface.low[2])
    volume = float((drop * -below.normals[:, 2]).sum()) * below.weight
    return Overhang(
        area=area,
        support_volume=volume,
        steepest=float(np.degrees(np.arcsin(min(1.0, downward[worst])))),
        at=surface.vertices[surface.faces[worst]].mean(axis=0),
    )


@dataclass(frozen=True, slots=True)
class Reach:
    """``undercut`` mm²: not in straight sight from above or below. ``unreachable`` mm²: from none
    of ±x, ±y, ±z.

    ``at``: a point of the unreachable surface, else of the undercut, else None.
    """

    undercut: float
    unreachable: float
    at: Floats | None


def reach(surface: Surface, samples: Samples) -> Reach:
    """Which surface a straight tool, however thin, gets to along the axes of the file.

    A surface that faces away from the tool isn't reached; a wall parallel to it is, if nothing
    stands above.
    """
    seen_z = _seen(surface, samples, 2)
    hidden = samples.where(~seen_z)
    lost = ~(_seen(surface, hidden, 0) | _seen(surface, hidden, 1))
    at = None
    if len(hidden.points):
        at = hidden.points[int(np.argmax(lost))]
    return Reach(
        undercut=len(hidden.points) * samples.weight,
        unreachable=float(np.count_nonzero(lost)) * samples.weight,
        at=at,
    )


def _seen(surface: Surface, samples: Samples, axis: int) -> Bools:
    """Which samples are in sight from either end of an axis."""
    origins = samples.points + _REACH_LIFT * surface.diagonal * samples.normals
    seen = np.zeros(len(origins), np.bool_)
    for sign in (1.0, -1.0):
        towards = np.zeros(3)
        towards[axis] = sign
        facing = np.flatnonzero((samples.normals @ towards > -0.01) & ~seen)
        distance, _ = surface.cast(origins[facing], towards)
        seen[facing[np.isinf(distance)]] = True
    return seen
