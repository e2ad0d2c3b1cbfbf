"""What every reader returns: one part in millimetres, as triangles and, from CAD, with its exact
figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .faults import Caution

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MM_PER_UNIT = {"um": 0.001, "mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4, "ft": 304.8}
"""Millimetres per unit; inch and foot by the international yard and pound agreement of 1959."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A full inner cylinder. Millimetres; ``at``: the middle of its axis."""

    diameter: float
    depth: float
    at: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Exact:
    """Figures of the boundary representation itself: mm³, mm², mm."""

    volume: float
    area: float
    size: tuple[float, float, float]
    bodies: int
    watertight: bool
    holes: tuple[Hole, ...]
    mesh_is_true: bool
    """False if the triangles miss the exact area by more than a percent: nothing may be measured on
    them.
    """


@dataclass(frozen=True, slots=True)
class Part:
    """``vertices`` (n, 3) in mm, ``faces`` (m, 3) of indices into them, outward by the right-hand
    rule.

    ``pieces`` (n,): the placed object that each vertex belongs to, in formats whose indices say
    what is connected (3MF). None: triangles are connected where their corners coincide.
    """

    vertices: Floats
    faces: Ints
    unit: str
    pieces: Ints | None = None
    cautions: tuple[Caution, ...] = ()
    unit_is_stated: bool = True
    exact: Exact | None = None
