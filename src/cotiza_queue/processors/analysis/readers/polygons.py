"""Polygons into triangles, so that the surface is covered once and its area is right.

A convex polygon becomes a fan. A concave one is cut ear by ear (G. H. Meisters, "Polygons have
ears", American Mathematical Monthly 82, 1975) in the plane of its Newell normal (M. E. Newell, in
Sutherland et al., ACM Computing Surveys 6, 1974).
"""

from __future__ import annotations

import numpy as np

from ..part import Floats, Ints


def triangulate(polygons: Ints, vertices: Floats) -> Ints:
    """Triangles (k·(n-2), 3) of k polygons with n corners each, (k, n), in the same winding."""
    corners = polygons.shape[1]
    if corners == 3:
        return polygons
    fan = np.stack(
        [np.repeat(polygons[:, :1], corners - 2, axis=1), polygons[:, 1:-1], polygons[:, 2:]],
        axis=2,
    )
    a, b, c = vertices[fan[..., 0]], vertices[fan[..., 1]], vertices[fan[..., 2]]
    normals = np.cross(b - a, c - a)
    newell = normals.sum(axis=1, keepdims=True)
    concave = np.flatnonzero(((normals * newell).sum(axis=2) < 0).any(axis=1))
    if corners == 4:
        # Its one reflex corner was cut off; the other diagonal runs through it.
        a, b, c, d = polygons[concave].T
        fan[concave] = np.stack([np.stack([b, c, d], axis=1), np.stack([b, d, a], axis=1)], axis=1)
        return fan.reshape(-1, 3)
    for row in concave:
        fan[row] = _cut_ears(polygons[row], vertices, newell[row, 0])
    return fan.reshape(-1, 3)


def _cut_ears(polygon: Ints, vertices: Floats, normal: Floats) -> Ints:
    """Triangles (n-2, 3) of one simple polygon. What has no ear (it crosses itself) ends as a
    fan.
    """
    drop = int(np.argmax(np.abs(normal)))
    flat = np.delete(vertices[polygon], drop, axis=1)
    turn = np.sign(normal[drop]) * (-1.0 if drop == 1 else 1.0)
    left = list(range(len(polygon)))
    triangles = []
    while len(left) > 3:
        ear = next((at for at in range(len(left)) if _is_ear(flat, left, at, turn)), 0)
        triangles.append((left[ear - 1], left[ear], left[(ear + 1) % len(left)]))
        del left[ear]
    triangles.append((left[0], left[1], left[2]))
    return np.asarray(polygon[np.array(triangles)], np.int64)


def _is_ear(flat: Floats, left: list[int], at: int, turn: float) -> bool:
    a, b, c = flat[left[at - 1]], flat[left[at]], flat[left[(at + 1) % len(left)]]
    if turn * _cross(b - a, c - a) <= 0:
        return False
    corner = {left[at - 1], left[at], left[(at + 1) % len(left)]}
    others = flat[[i for i in left if i not in corner]]
    sides = [turn * _cross(q - p, others - p) for p, q in ((a, b), (b, c), (c, a))]
    return not bool(np.all(np.array(sides) >= 0, axis=0).any())


def _cross(p: Floats, q: Floats) -> Floats:
    """The turn from p to q in the plane; positive counter-clockwise."""
    return np.asarray(p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0])
