"""Shapes whose figures are known in closed form, and the files that hold them."""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Iterable, Sequence

import numpy as np

Triangles = np.ndarray
"""(m, 3, 3) corners in mm, outward."""

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
MODEL = "3D/3dmodel.model"
RELATIONS = (
    '<?xml version="1.0"?><Relationships '
    'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" '
    'Target="/3D/3dmodel.model" '
    'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)

_BOX_CORNERS = [
    (0, 0, 0),
    (1, 0, 0),
    (1, 1, 0),
    (0, 1, 0),
    (0, 0, 1),
    (1, 0, 1),
    (1, 1, 1),
    (0, 1, 1),
]
_BOX_QUADS = [(3, 2, 1, 0), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]


def box(a: float, b: float, c: float, at: Sequence[float] = (0, 0, 0)) -> Triangles:
    corners = np.array(_BOX_CORNERS, float) * (a, b, c) + at
    return _quads(corners[np.array(_BOX_QUADS)])


def inside_out(shape: Triangles) -> Triangles:
    return shape[:, ::-1]


def together(*shapes: Triangles) -> Triangles:
    return np.concatenate(shapes)


def hollow_box(a: float, b: float, c: float, t: float) -> Triangles:
    """A box with a closed void, walls of ``t``."""
    void = box(a - 2 * t, b - 2 * t, c - 2 * t, (t, t, t))
    return together(box(a, b, c), inside_out(void))


def open_box(a: float, b: float, c: float, t: float) -> Triangles:
    """A box without a lid, walls and floor of ``t``."""
    outer, inner = box(a, b, c), inside_out(box(a - 2 * t, b - 2 * t, c - t, (t, t, t)))
    lid = [shape[2:4] for shape in (outer, inner)]  # the two quads of the upper side
    assert all((quad[:, :, 2] == c).all() for quad in lid)
    rim_out = np.array([(0, 0, c), (a, 0, c), (a, b, c), (0, b, c)], float)
    rim_in = np.array([(t, t, c), (a - t, t, c), (a - t, b - t, c), (t, b - t, c)], float)
    rim = [[rim_out[i - 1], rim_out[i], rim_in[i], rim_in[i - 1]] for i in range(4)]
    keep = [np.delete(shape, [2, 3], axis=0) for shape in (outer, inner)]
    return together(*keep, _quads(np.array(rim)))


def extrude(profile: Sequence[tuple[float, float]], length: float) -> Triangles:
    """A profile in the plane of x and z, counter-clockwise as seen from -y, along y."""
    from cotiza_queue.processors.analysis.readers.polygons import triangulate

    flat = np.array(profile, float)
    near = np.column_stack([flat[:, 0], np.zeros(len(flat)), flat[:, 1]])
    far = near + np.array([0, length, 0])
    cap = triangulate(np.arange(len(flat))[None], near)
    sides = [[near[i - 1], far[i - 1], far[i], near[i]][::-1] for i in range(len(flat))]
    return together(near[cap], far[cap][:, ::-1], _quads(np.array(sides)))


def wedge(degrees: float, length: float, width: float, height: float) -> Triangles:
    """A block with one side leaning out by ``degrees`` from the vertical."""
    lean = height * math.tan(math.radians(degrees))
    return extrude([(0, 0), (length, 0), (length + lean, height), (0, height)], width)


def tube(outer: float, inner: float, height: float, corners: int = 256) -> Triangles:
    """A ring of polygons with so many corners, standing."""
    turn = 2 * np.pi * np.arange(corners) / corners
    circle = np.column_stack([np.cos(turn), np.sin(turn), np.zeros(corners)])
    up = np.array([0, 0, height])
    out, into = outer * circle, inner * circle
    following = [np.roll(ring, -1, axis=0) for ring in (out, into)]
    out2, into2 = following
    quads = [
        np.stack([out, out2, out2 + up, out + up], axis=1),
        np.stack([into2, into, into + up, into2 + up], axis=1),
        np.stack([into, into2, out2, out], axis=1),
        np.stack([out + up, out2 + up, into2 + up, into + up], axis=1),
    ]
    return _quads(np.concatenate(quads))


def ball(radius: float, rings: int = 48) -> Triangles:
    """A sphere of latitudes and longitudes."""
    lat = np.linspace(0, np.pi, rings + 1)
    lon = np.linspace(0, 2 * np.pi, 2 * rings + 1)
    lat, lon = (grid.T for grid in np.meshgrid(lat, lon))
    points = radius * np.stack(
        [np.sin(lat) * np.cos(lon), np.sin(lat) * np.sin(lon), np.cos(lat)], 2
    )
    points[[0, -1], :, :2] = 0.0
    points[:, -1] = points[:, 0]
    quads = np.stack([points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]], 2)
    triangles = _quads(quads.reshape(-1, 4, 3))
    a, b, c = np.moveaxis(triangles, 1, 0)
    return triangles[np.linalg.norm(np.cross(b - a, c - a), axis=1) > 0]


def turned(shape: Triangles) -> Triangles:
    """Rotated about a skew axis and moved."""
    axis = np.array([1.0, 2.0, 3.0]) / math.sqrt(14)
    angle = 0.7
    cross = np.cross(np.eye(3), axis)
    matrix = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return shape @ matrix + (5, -7, 11)


def volume(shape: Triangles) -> float:
    """mm³ of the polyhedron, by the divergence theorem."""
    a, b, c = np.moveaxis(shape, 1, 0)
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def area(shape: Triangles) -> float:
    """mm² of the polyhedron."""
    a, b, c = np.moveaxis(shape, 1, 0)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def binary_stl(shape: Triangles, header: bytes = b"", count: int | None = None) -> bytes:
    body = b"".join(struct.pack("<12fH", 0, 0, 0, *facet.reshape(-1), 0) for facet in shape)
    return header.ljust(80, b" ") + struct.pack("<I", len(shape) if count is None else count) + body


def text_stl(shape: Triangles, name: str = "part") -> str:
    lines = [f"solid {name}"]
    for facet in shape:
        lines += ["facet normal 0 0 0", "outer loop"]
        lines += [f"vertex {x!r} {y!r} {z!r}" for x, y, z in facet.tolist()]
        lines += ["endloop", "endfacet"]
    return "\n".join([*lines, f"endsolid {name}", ""])


def obj(shape: Triangles) -> str:
    """Shared corners, one index each."""
    points, index = np.unique(shape.reshape(-1, 3), axis=0, return_inverse=True)
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in points.tolist()]
    return "\n".join(lines + [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in index.reshape(-1, 3)])


def mesh_xml(shape: Triangles) -> str:
    """The <mesh> of a 3MF object, with shared corners."""
    points, index = np.unique(shape.reshape(-1, 3), axis=0, return_inverse=True)
    vertices = "".join(f'<vertex x="{x!r}" y="{y!r}" z="{z!r}"/>' for x, y, z in points.tolist())
    triangles = "".join(
        f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in index.reshape(-1, 3).tolist()
    )
    return f"<mesh><vertices>{vertices}</vertices><triangles>{triangles}</triangles></mesh>"


def model_xml(objects: Iterable[str], items: Iterable[str], head: str = 'unit="millimeter"') -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><model {head} xmlns="{CORE}"><resources>'
        + "".join(f'<object id="{i}">{body}</object>' for i, body in enumerate(objects, 1))
        + f"</resources><build>{''.join(items)}</build></model>"
    )


def package(entries: dict[str, str | bytes]) -> bytes:
    """A zip archive, compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def three_mf(model: str | bytes) -> bytes:
    return package({"_rels/.rels": RELATIONS, MODEL: model})


def plain_three_mf(shape: Triangles, head: str = 'unit="millimeter"') -> bytes:
    """One object, placed once."""
    return three_mf(model_xml([mesh_xml(shape)], ['<item objectid="1"/>'], head))


def _quads(corners: np.ndarray) -> Triangles:
    """(k, 4, 3) → (2 k, 3, 3)."""
    return np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]], axis=1).reshape(-1, 3, 3)
