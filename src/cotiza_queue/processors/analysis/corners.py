"""Smooth patches of a surface, and inner corners that no round tool can cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .mesh import Mesh
from .part import Floats, Ints
from .surface import Surface
from .topology import group

_CREASE_DEGREES = 30.0
"""Faces that meet at less are one smooth surface: exporters approximate curves with steps of 5° to
20°.
"""
_LIFT = 1e-4
"""Of the diagonal: how far off the edge the two rays start."""


def smooth_patches(mesh: Mesh, surface: Surface) -> Ints:
    """The number, from 0, of the smooth patch of each face: neighbours without a crease between
    them.
    """
    first, second = surface.normals[mesh.edges.pairs[:, 0]], surface.normals[mesh.edges.pairs[:, 1]]
    smooth = np.einsum("ij,ij->i", first, second) > np.cos(np.radians(_CREASE_DEGREES))
    return group(mesh.edges.pairs[smooth], len(mesh.faces))


@dataclass(frozen=True, slots=True)
class SharpCorners:
    """``length`` mm of sharp inner edges in all, the ``longest`` edge in mm, and where it is."""

    length: float
    longest: float
    at: Floats | None


def sharp_corners(mesh: Mesh, surface: Surface) -> SharpCorners:
    """Inner edges that a milling cutter leaves round.

    An end mill cuts a sharp inner edge only between a wall and a floor, standing on the floor: that
    is, along the normal of one of the two faces. So an inner edge is out of reach if, from just off
    it, both normals run into material.
    """
    first, second = mesh.edges.pairs[:, 0], mesh.edges.pairs[:, 1]
    n1, n2 = surface.normals[first], surface.normals[second]
    a, b = (mesh.vertices[mesh.edges.ends[:, i]] for i in (0, 1))
    across = mesh.vertices[mesh.faces[second]].mean(axis=1) - a
    inner = np.einsum("ij,ij->i", across, n1) > 0
    inner &= np.einsum("ij,ij->i", n1, n2) < np.cos(np.radians(_CREASE_DEGREES))
    at = np.flatnonzero(inner)
    middle = (a[at] + b[at]) / 2
    origins = middle + _LIFT * surface.diagonal * (n1[at] + n2[at])
    blocked = np.isfinite(surface.cast(origins, n1[at])[0])
    blocked &= np.isfinite(surface.cast(origins, n2[at])[0])
    lengths = np.linalg.norm(b[at] - a[at], axis=1) * blocked
    if not lengths.any():
        return SharpCorners(0.0, 0.0, None)
    worst = int(np.argmax(lengths))
    return SharpCorners(float(lengths.sum()), float(lengths[worst]), middle[worst])
