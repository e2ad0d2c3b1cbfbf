"""From loose triangles to oriented shells with a signed volume each: what all measuring starts
from.

Repairs what has one right answer (doubled faces, turned faces, whole shells inside out) and says
so; leaves holes open, since any filling would be an invention. Refuses what encloses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import igl
import numpy as np

from .cracks import lips_cancel
from .faults import Caution, Fault, refuse
from .limits import MAX_NESTED_SHELLS, MAX_NESTING_WORK
from .part import Bools, Floats, Ints, Part
from .surface import Samples
from .topology import Edges, find_edges, group, open_sides, turned_faces, twins
from .weld import weld

_FLAT = 1e-6
"""A part whose smallest extent is less than this share of its largest is a sheet: the noise of
32-bit numbers.
"""


_GRID = 1e-6
"""Of the diagonal: corners this near are the same but for the rounding of 32-bit numbers."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """``vertices`` (n, 3) in mm, ``faces`` (m, 3) oriented outward, ``shell`` (m,): the shell of
    each face.

    ``shell_volumes`` (s,) in mm³: negative for a void. ``sealed``: what is open are cracks without
    area.
    """

    vertices: Floats
    faces: Ints
    edges: Edges
    shell: Ints
    shell_volumes: Floats
    voids: Bools
    open_edges: int
    sealed: bool
    cautions: tuple[Caution, ...]

    @property
    def watertight(self) -> bool:
        return self.open_edges == 0

    @property
    def bodies(self) -> int:
        """Shells that are not the inside of a void."""
        return int(np.count_nonzero(~self.voids))

    @property
    def volume(self) -> float | None:
        """mm³, or None: an open surface has no volume."""
        return float(self.shell_volumes.sum()) if self.watertight or self.sealed else None

    @property
    def void_volume(self) -> float:
        """mm³ of enclosed voids."""
        return float(-self.shell_volumes[self.voids].sum())


def build_mesh(part: Part) -> Mesh:
    """Connect, check and orient the triangles of a part.

    Raises InvalidData: NO_GEOMETRY (nothing has area), NOT_A_SOLID (a sheet or fewer than four
    faces).
    """
    vertices, faces, edges, dropped = _connect(part)
    _check_solid(vertices, faces)
    cautions = list(part.cautions)
    if dropped:
        cautions.append(Caution.DUPLICATE_OR_DEGENERATE_FACES)
    shell = group(edges.pairs, len(faces))
    gaps = open_sides(edges, shell)
    if edges.same_way.any():
        turned = turned_faces(edges, len(faces))
        faces = np.where(turned[:, None], faces[:, ::-1], faces)
        cautions.append(Caution.INCONSISTENT_NORMALS)
        edges = find_edges(faces, len(vertices))
    sealed = len(gaps) > 0 and lips_cancel(vertices, edges.side_ends[gaps])
    if len(gaps):
        cautions.append(Caution.NOT_WATERTIGHT)
    volumes = _signed_volumes(vertices, faces, shell)
    shut = np.ones(len(volumes), np.bool_)
    if not sealed:
        shut[shell[edges.side_face[gaps]]] = False
    inverted, voids = _set_right(vertices, faces, shell, volumes, shut)
    if inverted.any():
        cautions.append(Caution.INVERTED_NORMALS)
        faces = np.where(inverted[shell][:, None], faces[:, ::-1], faces)
        volumes = np.where(inverted, -volumes, volumes)
    if voids.any():
        cautions.append(Caution.ENCLOSED_VOID)
    return Mesh(
        vertices=vertices,
        faces=np.ascontiguousarray(faces),
        edges=edges,
        shell=shell,
        shell_volumes=volumes,
        voids=voids,
        open_edges=len(gaps),
        sealed=sealed,
        cautions=tuple(cautions),
    )


def overlaps(mesh: Mesh, samples: Samples, depth: float) -> bool:
    """True if shells overlap. Looked at is a point ``depth`` mm below each sample of the surface.

    The winding number (Jacobson, Kavan, Sorkine-Hornung, "Robust inside-outside segmentation using
    generalized winding numbers", SIGGRAPH 2013; fast form by Barill et al., 2018) of a point within
    one body is one; two bodies add up.
    """
    if len(mesh.shell_volumes) < 2:
        return False
    inside = samples.points - depth * samples.normals
    winding = igl.fast_winding_number(mesh.vertices, mesh.faces, inside)
    twice = np.count_nonzero(np.asarray(winding) > 1.5)
    return bool(twice > 1e-3 * len(inside))


def _connect(part: Part) -> tuple[Floats, Ints, Edges, bool]:
    """Vertices, faces and edges, without collapsed and doubled faces; whether there were any.

    By the file's own indices if it has some, else by corners at the same place. What that leaves
    open is tried again with corners that are the same but for rounding; the fewest gaps win.
    """
    grid = _GRID * float(np.linalg.norm(np.ptp(part.vertices, axis=0)))
    cells = [0.0, grid]
    if part.pieces is None:
        vertices, index = weld(part.vertices)
        vertices, faces, edges, dropped = _clean(vertices, index[part.faces])
        cells = [grid]
    else:
        vertices, faces, edges, dropped = _clean(part.vertices, part.faces)
    for cell in cells:
        if not _odd_edges(edges):
            break
        welded, index = weld(part.vertices, part.pieces, cell)
        again, new_faces, new_edges, _ = _clean(welded, index[part.faces])
        if _odd_edges(new_edges) < _odd_edges(edges):
            vertices, faces, edges = again, new_faces, new_edges
    return vertices, faces, edges, dropped


def _odd_edges(edges: Edges) -> int:
    return int(np.count_nonzero(np.bincount(edges.side_edge) % 2))


def _clean(vertices: Floats, faces: Ints) -> tuple[Floats, Ints, Edges, bool]:
    a, b, c = faces.T
    kept = faces[(a != b) & (b != c) & (c != a)]
    dropped = len(kept) < len(faces)
    if not len(kept):
        raise refuse(
            Fault.NO_GEOMETRY, "all triangles of the file are collapsed to lines or points"
        )
    edges = find_edges(kept, len(vertices))
    crowded = edges.side_face[np.bincount(edges.side_edge)[edges.side_edge] > 2]
    doubled = twins(kept, np.unique(crowded)) if len(crowded) else crowded
    if len(doubled):
        kept = np.delete(kept, doubled, axis=0)
        edges = find_edges(kept, len(vertices))
    return vertices, kept, edges, dropped or len(doubled) > 0


def _check_solid(vertices: Floats, faces: Ints) -> None:
    used = vertices[np.unique(faces)]
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    if not np.cross(b - a, c - a).any():
        raise refuse(Fault.NO_GEOMETRY, "no triangle of the file has an area")
    if len(faces) < 4:
        raise refuse(Fault.NOT_A_SOLID, f"{len(faces)} triangles can't enclose a volume")
    centred = used - used.mean(axis=0)
    extents = np.sqrt(np.maximum(np.linalg.eigvalsh(centred.T @ centred), 0.0))
    if extents[0] <= _FLAT * extents[2] or np.ptp(used, axis=0).min() == 0.0:
        raise refuse(
            Fault.NOT_A_SOLID, "all triangles lie in one plane: it is a sheet, not a solid"
        )


def _signed_volumes(vertices: Floats, faces: Ints, shell: Ints) -> Floats:
    """mm³ by shell: the sum of tetrahedra over the centre of the box (divergence theorem)."""
    centred = vertices - (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    a, b, c = (centred[faces[:, i]] for i in range(3))
    tetrahedra = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6.0
    return np.asarray(np.bincount(shell, tetrahedra), np.float64)


def _set_right(
    vertices: Floats, faces: Ints, shell: Ints, volumes: Floats, shut: Bools
) -> tuple[Bools, Bools]:
    """(inverted, voids), by shell: which to turn inside out, and which then bound a void.

    By how many shells enclose it, a shell bounds a body (even) or may bound a void (odd). One
    around a body must have positive volume. One at odd depth keeps its sign, unless what encloses
    it was inverted: then it is a void. Open shells are left alone.
    """
    inside = _nesting(vertices, faces, shell, volumes, shut)
    if inside is None:
        whole = bool(volumes[shut].sum() < 0)
        return shut & whole, np.zeros(len(shut), np.bool_)
    depth = inside.sum(axis=1)
    inverted = np.zeros(len(volumes), np.bool_)
    for one in np.argsort(depth, kind="stable"):
        parents = inside[one] & (depth == depth[one] - 1)
        if not shut[one]:
            continue
        if depth[one] % 2 == 0:
            inverted[one] = volumes[one] < 0
        elif inverted[parents].any():
            inverted[one] = volumes[one] > 0
    signed = np.where(inverted, -volumes, volumes)
    return inverted, (depth % 2 == 1) & (signed < 0)


def _nesting(
    vertices: Floats, faces: Ints, shell: Ints, volumes: Floats, shut: Bools
) -> Bools | None:
    """(s, s): row shell lies within column shell. None if there are too many shells to look."""
    count = len(volumes)
    if count > MAX_NESTED_SHELLS:
        return None
    order = np.argsort(shell, kind="stable")
    sizes = np.bincount(shell, minlength=count)
    begins = np.append(0, np.cumsum(sizes)[:-1])
    corners = vertices[faces[order]]
    low = np.minimum.reduceat(corners.min(axis=1), begins)
    high = np.maximum.reduceat(corners.max(axis=1), begins)
    may = (low[:, None] >= low[None]).all(axis=2) & (high[:, None] <= high[None]).all(axis=2)
    may &= np.abs(volumes)[:, None] < np.abs(volumes)[None]
    may &= shut[:, None] & shut[None]
    if 3 * int((may.sum(axis=0) * sizes).sum()) > MAX_NESTING_WORK:
        return None
    inside = np.zeros((count, count), np.bool_)
    for outer in np.flatnonzero(may.any(axis=0)):
        inner = np.flatnonzero(may[:, outer])
        places = begins[inner, None] + np.array([0, 1, 2]) * (sizes[inner, None] // 3)
        probes = vertices[faces[order[places.reshape(-1)], 0]]
        of_outer = faces[order[begins[outer] : begins[outer] + sizes[outer]]]
        winding = np.abs(igl.winding_number(vertices, of_outer, probes)).reshape(-1, 3)
        inside[inner, outer] = np.median(winding, axis=1) > 0.5
    return inside
