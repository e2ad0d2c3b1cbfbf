"""How triangles hang together: edges, shells, and one winding for all faces of a shell.

Decides by indices only, never by distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .part import Bools, Ints


@dataclass(frozen=True, slots=True)
class Edges:
    """The edges of a triangle mesh. A side is one face's use of an edge.

    ``pairs`` (k, 2): the two faces of each edge that has exactly two. ``ends`` (k, 2): its
    vertices. ``same_way`` (k,): both faces run along it in the same direction, so one of them is
    turned over. ``side_edge``, ``side_face`` (j,), ``side_ends`` (j, 2): the sides of all other
    edges, with their direction.
    """

    pairs: Ints
    ends: Ints
    same_way: Bools
    side_edge: Ints
    side_face: Ints
    side_ends: Ints


def find_edges(faces: Ints, vertices: int) -> Edges:
    """The edges of ``faces`` (m, 3), whose indices are below ``vertices``. No face may name a
    vertex twice.
    """
    start = faces.reshape(-1)
    end = np.roll(faces, -1, axis=1).reshape(-1)
    key = np.minimum(start, end) * vertices + np.maximum(start, end)
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    counts = np.diff(np.append(begins, len(ordered)))
    first, second = order[begins[counts == 2]], order[begins[counts == 2] + 1]
    is_rest = np.repeat(counts != 2, counts)
    rest = order[is_rest]
    return Edges(
        pairs=np.column_stack([first // 3, second // 3]),
        ends=np.column_stack([start[first], end[first]]),
        same_way=start[first] == start[second],
        side_edge=np.repeat(np.arange(len(begins)), counts)[is_rest],
        side_face=rest // 3,
        side_ends=np.column_stack([start[rest], end[rest]]),
    )


def group(pairs: Ints, count: int) -> Ints:
    """The number of the connected group, from 0, of each of ``count`` things linked by ``pairs``
    (k, 2).
    """
    links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), (count, count))
    _, labels = connected_components(links, directed=False)
    return np.asarray(labels, np.int64)


def open_sides(edges: Edges, shell: Ints) -> Ints:
    """Indices into the sides of ``edges`` that leave their own shell open: one for each odd edge of
    a shell.

    An edge where four faces of two touching shells meet is closed for both.
    """
    key = edges.side_edge * (int(shell.max(initial=0)) + 1) + shell[edges.side_face]
    _, first, counts = np.unique(key, return_index=True, return_counts=True)
    return np.asarray(first[counts % 2 == 1], np.int64)


def turned_faces(edges: Edges, faces: int) -> Bools:
    """Which faces (of ``faces``) to turn over so that neighbours agree, as few as possible in each
    shell.

    Each face stands twice, as it is and turned; an edge links the copies that agree. A shell that
    can be oriented falls apart into two mirror images, of which the one with fewer turned faces is
    taken. One that can't (a Möbius strip) stays in one piece and is left as it is.
    """
    f, g = edges.pairs[:, 0], edges.pairs[:, 1]
    other, mirror = g + faces * edges.same_way, g + faces * ~edges.same_way
    links = np.concatenate([np.column_stack([f, other]), np.column_stack([f + faces, mirror])])
    copies = group(links, 2 * faces)
    kept, turned = copies[:faces], copies[faces:]
    untouched = np.bincount(kept, minlength=int(copies.max()) + 1)
    more = untouched[turned] > untouched[kept]
    tie = (untouched[turned] == untouched[kept]) & (turned < kept)
    return np.asarray(more | tie, np.bool_)


def twins(faces: Ints, suspects: Ints) -> Ints:
    """The faces among ``suspects`` that repeat an earlier one: same three vertices, same way
    round.
    """
    rolled = faces[suspects]
    least = np.argmin(rolled, axis=1)
    columns = (least[:, None] + np.arange(3)) % 3
    canonical = np.take_along_axis(rolled, columns, axis=1)
    _, first = np.unique(canonical, axis=0, return_index=True)
    return np.setdiff1d(suspects, suspects[first])
