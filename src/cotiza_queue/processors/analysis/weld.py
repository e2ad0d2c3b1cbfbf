"""One vertex where corners coincide.

First exactly: most exporters write a shared corner with the same digits each time. Where that
leaves a mesh open, once more on a grid far below any tolerance of manufacture (see ``mesh``); never
more than that, for nearness would close real slits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .part import Floats, Ints


def weld(points: Floats, pieces: Ints | None = None, grid: float = 0.0) -> tuple[Floats, Ints]:
    """(vertices (k, 3), index (n,) of each point's vertex) for points (n, 3), in order of first
    appearance.

    ``pieces`` (n,): points of different pieces stay apart. ``grid``: points in the same cell of so
    many mm are one vertex, with the place of the first; 0: only points at the same place are.

    Points are told apart by a 64-bit hash of their coordinates; the result is compared with the
    points, and a collision falls back to sorting them.
    """
    points = np.ascontiguousarray(points) + 0.0  # minus zero is zero
    keys = np.round(points / grid) + 0.0 if grid else points
    first, index = _first_and_index(_hashes(keys, pieces))
    same = keys[first][index] == keys
    if not same.all() or (pieces is not None and (pieces[first][index] != pieces).any()):
        columns = keys if pieces is None else np.column_stack([keys, pieces])
        _, first, index = np.unique(columns, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return points[first[order]], rank[index.reshape(-1)]


def _hashes(points: Floats, pieces: Ints | None) -> NDArray[np.uint64]:
    """64-bit hashes by the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), one round a
    column.
    """
    bits = points.view(np.uint64)
    mixed = np.zeros(len(points), np.uint64)
    columns = [bits[:, 0], bits[:, 1], bits[:, 2]]
    if pieces is not None:
        columns.append(pieces.view(np.uint64))
    for column in columns:
        mixed += np.uint64(0x9E3779B97F4A7C15)
        mixed ^= column
        mixed ^= mixed >> np.uint64(30)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(27)
        mixed *= np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed


def _first_and_index(keys: NDArray[np.uint64]) -> tuple[Ints, Ints]:
    """Like ``np.unique`` with ``return_index`` and ``return_inverse``, without the keys."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.empty(len(keys), np.bool_)
    starts[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=starts[1:])
    index = np.empty(len(keys), np.int64)
    index[order] = np.cumsum(starts) - 1
    return order[starts], index
