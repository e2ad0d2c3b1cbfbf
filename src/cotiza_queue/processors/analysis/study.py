"""What is known of a part while it is judged: the part, its mesh, and what rays tell."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .mesh import Mesh
from .orientation import Overhang, Reach
from .part import Ints, Part
from .surface import Samples, Surface
from .walls import Spans


@dataclass(frozen=True, slots=True)
class Survey:
    """Walls and gaps in mm; overhang and reach as the part lies in its file."""

    walls: Spans
    gaps: Spans
    overhang: Overhang
    reach: Reach


@dataclass(frozen=True, slots=True)
class Study:
    """``patches`` (m,): the smooth patch of each face. ``survey``: None if not asked for, or if the
    triangles aren't true enough to shoot rays at.
    """

    part: Part
    mesh: Mesh
    surface: Surface
    samples: Samples
    patches: Ints
    survey: Survey | None

    @property
    def mesh_is_true(self) -> bool:
        return self.part.exact is None or self.part.exact.mesh_is_true

    @property
    def volume(self) -> float | None:
        """mm³; exact where CAD says it, None for an open surface."""
        return self.part.exact.volume if self.part.exact else self.mesh.volume

    @property
    def area(self) -> float:
        """mm²; exact where CAD says it."""
        return self.part.exact.area if self.part.exact else self.surface.area

    @property
    def size(self) -> tuple[float, float, float]:
        """Sides of the box along x, y, z in mm; exact where CAD says it."""
        if self.part.exact:
            return self.part.exact.size
        x, y, z = (float(side) for side in self.surface.high - self.surface.low)
        return x, y, z

    def with_survey(self, survey: Survey) -> Study:
        return replace(self, survey=survey)
