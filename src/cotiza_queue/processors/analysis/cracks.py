"""Are the open edges of a mesh mere cracks, whose two lips lie on each other?

Some exporters split an edge on one side and not on the other: by index the mesh is open, but no gap
has any area and its volume is as certain as a closed one's. That can be decided without filling
anything: cut each open edge at the open vertices that lie on it; if each piece is then run along as
often one way as the other, the lips cancel.
"""

from __future__ import annotations

import numpy as np

from .limits import MAX_CRACK_EDGES
from .part import Floats, Ints
from .weld import weld

_TOLERANCE = 1e-6
"""Of the mesh's diagonal: six digits are what text formats usually carry."""


def lips_cancel(vertices: Floats, ends: Ints) -> bool:
    """True if the directed open edges ``ends`` (j, 2) bound no area. False if there are too many to
    tell.
    """
    if len(ends) > MAX_CRACK_EDGES:
        return False
    points, index = weld(vertices[ends.reshape(-1)])
    ends = index.reshape(-1, 2)
    tolerance = _TOLERANCE * float(np.linalg.norm(np.ptp(vertices, axis=0)))
    balance: dict[tuple[int, int], int] = {}
    for a, b in ends:
        along = points[b] - points[a]
        length = float(np.linalg.norm(along))
        if length == 0.0:
            continue
        place = (points - points[a]) @ along / length
        distance = np.linalg.norm(points - points[a] - place[:, None] * along / length, axis=1)
        on = np.flatnonzero((distance <= tolerance) & (place >= 0.0) & (place <= length))
        stops = on[np.argsort(place[on], kind="stable")]
        for p, q in zip(stops[:-1].tolist(), stops[1:].tolist(), strict=True):
            balance[min(p, q), max(p, q)] = balance.get((min(p, q), max(p, q)), 0) + (
                1 if p < q else -1
            )
    return not any(balance.values())
