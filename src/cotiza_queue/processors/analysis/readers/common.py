"""What the readers share: checks of coordinates and counts before a part leaves a reader."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np

from ..faults import Fault, refuse
from ..limits import MAX_COORDINATE_MM, MAX_TRIANGLES
from ..part import Floats

_BYTE_ORDER_MARK = "\xef\xbb\xbf"


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """The lines of a text file with any line ending, after its byte order mark if it has one.

    Read as Latin-1, so that no name in any encoding can fail.
    """
    with path.open(encoding="latin-1", newline=None) as file:
        if file.read(3) != _BYTE_ORDER_MARK:
            file.seek(0)
        yield file


def check_triangles(count: int) -> None:
    """Raises InvalidData LIMIT_EXCEEDED above MAX_TRIANGLES."""
    if count > MAX_TRIANGLES:
        raise refuse(
            Fault.LIMIT_EXCEEDED,
            f"the file has {count:,} triangles; at most {MAX_TRIANGLES:,} are measured",
        )


def check_coordinates(points: Floats, thing: str, per_thing: int = 1) -> None:
    """Raises InvalidData NON_FINITE or OUT_OF_RANGE for coordinates (n, 3) in mm.

    The message names the culprit: row number divided by ``per_thing``, counted from 1 (three rows a
    facet).
    """
    finite = np.isfinite(points)
    if not finite.all():
        row, axis = np.argwhere(~finite)[0]
        kind = "a NaN" if np.isnan(points[row, axis]) else "an infinite"
        raise refuse(
            Fault.NON_FINITE, f"{thing} {row // per_thing + 1} has {kind} vertex coordinate"
        )
    if len(points) and np.abs(points).max() > MAX_COORDINATE_MM:
        row = int(np.argmax(np.abs(points).max(axis=1)))
        value = float(np.abs(points[row]).max())
        raise refuse(
            Fault.OUT_OF_RANGE,
            f"{thing} {row // per_thing + 1} lies {value:.6g} mm from the origin; "
            f"the limit is {MAX_COORDINATE_MM:.0f} mm",
        )
