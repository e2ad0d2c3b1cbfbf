"""Wavefront OBJ: vertices and polygons. Format: Wavefront Technologies, "Advanced Visualizer"
manual, appendix B1.

Reads ``v`` and ``f`` (negative indices, texture and normal indices, polygons of any shape), skips
what only colours or groups, and joins a line that ends in a backslash with the next. Refuses
free-form curves and surfaces, unknown statements and indices that point nowhere. Material libraries
are never opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from ....errors import InvalidData
from ..faults import Fault, refuse
from ..limits import MAX_POLYGON_CORNERS
from ..part import MM_PER_UNIT, Floats, Ints, Part
from .common import check_coordinates, check_triangles, open_text
from .polygons import triangulate

_COLOUR = ("vn", "vt", "vp", "mtllib", "usemtl", "maplib", "usemap", "c_interp", "d_interp")
_GROUPS = ("g", "o", "s", "l", "p", "mg", "bevel", "lod", "shadow_obj", "trace_obj")
_SKIPPED = frozenset((*_COLOUR, *_GROUPS))
"""Statements that place no surface."""
_CURVES = ("cstype", "deg", "bmat", "step", "curv", "curv2", "parm", "trim", "hole", "scrv", "sp")
_SURFACES = ("surf", "end", "con", "ctech", "stech", "bzp", "bsp", "cdc", "cdp", "res")
_FREE_FORM = frozenset((*_CURVES, *_SURFACES))
_INDICES_OF_LOOKS = re.compile(r"/\S*")
"""Texture and normal indices behind a vertex index."""


def read(path: Path, unit: str | None) -> Part:
    """The polygons of an OBJ file as triangles. ``unit``: what its numbers mean; mm if None."""
    vertex_rows: list[str] = []
    face_rows: list[str] = []
    before: list[int] = []
    with open_text(path) as file:
        for number, line in _statements(file):
            keyword, *rest = line.split(None, 1)
            if keyword == "v":
                vertex_rows.append(rest[0] if rest else "")
            elif keyword == "f":
                face_rows.append(_INDICES_OF_LOOKS.sub("", rest[0] if rest else ""))
                before.append(len(vertex_rows))
            elif keyword not in _SKIPPED:
                raise _unreadable(keyword, number)
    if not face_rows:
        raise refuse(
            Fault.NO_GEOMETRY, f"the OBJ file has {len(vertex_rows):,} vertices but no faces"
        )
    check_triangles(len(face_rows))
    vertices = _vertices(vertex_rows)
    vertices *= MM_PER_UNIT[unit or "mm"]
    check_coordinates(vertices, "vertex")
    faces = _faces(face_rows, np.array(before), vertices)
    return Part(vertices=vertices, faces=faces, unit=unit or "mm", unit_is_stated=unit is not None)


def _statements(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """(number, text) of each statement, without comments; continued lines are joined."""
    joined = ""
    for number, line in enumerate(lines, 1):
        text = joined + line.partition("#")[0].strip()
        joined = ""
        if text.endswith("\\"):
            joined = text[:-1] + " "
        elif text:
            yield number, text
    if joined.strip():
        raise refuse(Fault.TRUNCATED, "the OBJ file ends in a continued line")


def _unreadable(keyword: str, number: int) -> InvalidData:
    if keyword in _FREE_FORM:
        return refuse(
            Fault.UNSUPPORTED_FEATURE, f"line {number} has the free-form statement {keyword!r}"
        )
    return refuse(
        Fault.CORRUPT, f"line {number} begins with {keyword[:40]!r}, which is no OBJ statement"
    )


def _vertices(rows: list[str]) -> Floats:
    """(n, 3) coordinates; a weight or a colour after them is left out."""
    if not rows:
        raise refuse(Fault.CORRUPT, "the OBJ file has faces but no vertices")
    try:
        return np.loadtxt(rows, usecols=(0, 1, 2), comments=None, ndmin=2)
    except ValueError as error:
        raise refuse(Fault.CORRUPT, f"a vertex is not three numbers: {error}"[:300]) from None


def _faces(rows: list[str], before: Ints, vertices: Floats) -> Ints:
    """Triangles (m, 3), indices from 0. ``before``: vertices read before each face, for negative
    indices.
    """
    corner_counts = np.array([len(row.split()) for row in rows])
    triangles = []
    for corners in np.unique(corner_counts):
        chosen = np.flatnonzero(corner_counts == corners)
        if corners < 3:
            raise refuse(Fault.CORRUPT, f"face {chosen[0] + 1} has {corners} corners")
        if corners > MAX_POLYGON_CORNERS:
            raise refuse(
                Fault.LIMIT_EXCEEDED,
                f"face {chosen[0] + 1} has {corners} corners; the limit is {MAX_POLYGON_CORNERS}",
            )
        try:
            indices = np.loadtxt(
                [rows[row] for row in chosen], dtype=np.int64, comments=None, ndmin=2
            )
        except ValueError as error:
            raise refuse(Fault.CORRUPT, f"a face is not made of indices: {error}"[:300]) from None
        resolved = np.where(indices < 0, before[chosen, None] + indices, indices - 1)
        wrong = np.argwhere((resolved < 0) | (resolved >= len(vertices)))
        if len(wrong):
            row, corner = wrong[0]
            raise refuse(
                Fault.CORRUPT,
                f"face {chosen[row] + 1} refers to vertex {indices[row, corner]}, "
                f"but there are {len(vertices):,}",
            )
        triangles.append(triangulate(resolved, vertices))
    faces = np.concatenate(triangles)
    check_triangles(len(faces))
    return faces
