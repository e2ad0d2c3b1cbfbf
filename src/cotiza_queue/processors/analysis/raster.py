"""Which triangle is seen in each pixel: a depth buffer filled by numpy, without a loop over
triangles.

Triangles become scan lines, scan lines become pixels, and the nearest wins. Pixels belong to a
triangle if their centre lies in it, so neighbours neither overlap nor leave a gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .part import Floats, Ints

_FRAGMENTS = 2_000_000
"""Pixels in work at a time: some hundred bytes each."""
_DEPTHS = 2**30


@dataclass(frozen=True, slots=True)
class Buffer:
    """``face`` (h, w): the triangle seen, -1 for none. ``depth`` (h, w): its nearness, 0 far to 1
    near.
    """

    face: Ints
    depth: Floats


def rasterise(points: Floats, faces: Ints, width: int, height: int) -> Buffer:
    """``points`` (n, 3): x right and y down in pixels, z towards the eye from 0 to 1; ``faces`` (m,
    3).
    """
    nearest = np.full(width * height, -1, np.int64)
    for rows in _scan_lines(points, faces, height):
        for pixel, packed in _fragments(rows, width):
            np.maximum.at(nearest, pixel, packed)
    seen = nearest >= 0
    face = np.where(seen, nearest % len(faces), -1)
    depth = np.where(seen, nearest // len(faces) / _DEPTHS, 0.0)
    return Buffer(face.reshape(height, width), depth.reshape(height, width))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Scan lines: row, first and one-past-last column, depth at column 0 and its slope, face."""

    row: Ints
    begin: Ints
    end: Ints
    base: Floats
    slope: Floats
    face: Ints
    faces: int


def _scan_lines(points: Floats, faces: Ints, height: int) -> Iterator[_Rows]:
    step = 200_000
    for first in range(0, len(faces), step):
        corners = points[faces[first : first + step]]
        order = np.argsort(corners[:, :, 1], axis=1, kind="stable")
        a, b, c = np.moveaxis(np.take_along_axis(corners, order[:, :, None], axis=1), 1, 0)
        top = np.clip(np.ceil(a[:, 1] - 0.5), 0, height).astype(np.int64)
        bottom = np.clip(np.ceil(c[:, 1] - 0.5), 0, height).astype(np.int64)
        counts = np.maximum(bottom - top, 0)
        which = np.repeat(np.arange(len(corners)), counts)
        row = top[which] + np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        y = row + 0.5
        a, b, c = a[which], b[which], c[which]
        long_side = _x_at(a, c, y)
        short_side = np.where(y < b[:, 1], _x_at(a, b, y), _x_at(b, c, y))
        begin = np.ceil(np.minimum(long_side, short_side) - 0.5).astype(np.int64)
        end = np.ceil(np.maximum(long_side, short_side) - 0.5).astype(np.int64)
        slope, base = _depth_plane(a, b, c, y)
        yield _Rows(row, begin, end, base, slope, first + which, len(faces))


def _x_at(p: Floats, q: Floats, y: Floats) -> Floats:
    """Where the side from p to q crosses the line y."""
    rise = q[:, 1] - p[:, 1]
    share = np.divide(y - p[:, 1], rise, out=np.zeros_like(rise), where=rise != 0)
    return np.asarray(p[:, 0] + share * (q[:, 0] - p[:, 0]))


def _depth_plane(a: Floats, b: Floats, c: Floats, y: Floats) -> tuple[Floats, Floats]:
    """(slope along x, depth at x = 0) of the plane of a triangle on the line y; flat if seen from
    its edge.
    """
    ab, ac = b - a, c - a
    turn = ab[:, 0] * ac[:, 1] - ac[:, 0] * ab[:, 1]
    edge_on = np.abs(turn) < 1e-9
    turn = np.where(edge_on, 1.0, turn)
    slope_x = np.where(edge_on, 0.0, (ab[:, 2] * ac[:, 1] - ac[:, 2] * ab[:, 1]) / turn)
    slope_y = np.where(edge_on, 0.0, (ab[:, 0] * ac[:, 2] - ac[:, 0] * ab[:, 2]) / turn)
    return slope_x, a[:, 2] - slope_x * a[:, 0] + slope_y * (y - a[:, 1])


def _fragments(rows: _Rows, width: int) -> Iterator[tuple[Ints, Ints]]:
    """(pixel, depth and face in one number) of all pixels of the scan lines, a few at a time."""
    begin, end = np.clip(rows.begin, 0, width), np.clip(rows.end, 0, width)
    counts = np.maximum(end - begin, 0)
    total = np.cumsum(counts)
    fragments = int(total[-1]) if len(total) else 0
    cuts = np.searchsorted(total, np.arange(0, fragments, _FRAGMENTS), side="right").tolist()
    for low, high in pairwise([*cuts, len(counts)]):
        some = counts[low:high]
        which = np.repeat(np.arange(low, high), some)
        offset = np.arange(len(which)) - np.repeat(np.cumsum(some) - some, some)
        column = begin[which] + offset
        depth = rows.base[which] + rows.slope[which] * (column + 0.5)
        level = (np.clip(depth, 0.0, 1.0) * (_DEPTHS - 1)).astype(np.int64)
        yield rows.row[which] * width + column, level * rows.faces + rows.face[which]
