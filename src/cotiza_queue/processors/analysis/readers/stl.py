"""STL, binary and text. Layout: 3D Systems, "StereoLithography Interface Specification", 1989.

Binary: 80 bytes of header, a 32-bit count, 50 bytes a facet, little endian. Text: ``solid``, seven
lines a facet, ``endsolid``; several solids may follow each other, any line ending and letter case
is taken.

Refuses a count that the size contradicts, a cut-off file, and what isn't a number. Normals in the
file are ignored: the order of the corners says which side is out. A few bytes after the last facet
are taken with a warning, since some exporters add a line end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from ..faults import Caution, Fault, refuse
from ..limits import MAX_TRIANGLES
from ..part import MM_PER_UNIT, Floats, Part
from ..sniff import is_binary_stl, is_text
from .common import check_coordinates, check_triangles, open_text

_HEADER_BYTES = 84
_FACET_BYTES = 50
_TAIL_BYTES = 4096
_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_LINES = (
    ("facet", "normal"),
    ("outer", "loop"),
    ("vertex",),
    ("vertex",),
    ("vertex",),
    ("endloop",),
    ("endfacet",),
)
"""First words of the seven lines of a text facet."""


def read(path: Path, unit: str | None) -> Part:
    """The triangles of an STL file. ``unit``: what its numbers mean; mm if None."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf")
    cautions: tuple[Caution, ...] = ()
    text = not is_binary_stl(head, size) and is_text(head) and head.lstrip()[:5].lower() == b"solid"
    if text:
        corners = _read_text(path)
    else:
        corners, cautions = _read_binary(path, head, size)
    if not len(corners):
        raise refuse(Fault.NO_GEOMETRY, "the STL file holds no facets")
    corners *= MM_PER_UNIT[unit or "mm"]
    check_coordinates(corners, "facet", per_thing=3)
    return Part(
        vertices=corners,
        faces=np.arange(len(corners), dtype=np.int64).reshape(-1, 3),
        unit=unit or "mm",
        unit_is_stated=unit is not None,
        cautions=cautions,
    )


def _read_binary(path: Path, head: bytes, size: int) -> tuple[Floats, tuple[Caution, ...]]:
    if size < _HEADER_BYTES:
        raise refuse(
            Fault.TRUNCATED,
            f"a binary STL has at least {_HEADER_BYTES} bytes, this file has {size}",
        )
    (count,) = struct.unpack_from("<I", head, 80)
    room, tail = divmod(size - _HEADER_BYTES, _FACET_BYTES)
    if count > room:
        said = f"the header announces {count:,} facets, but the file ends after {room:,}"
        broken_off = tail > 0 and count <= MAX_TRIANGLES
        raise refuse(Fault.TRUNCATED if broken_off else Fault.COUNT_MISMATCH, said)
    if count < room:
        raise refuse(
            Fault.COUNT_MISMATCH,
            f"the header announces {count:,} facets, but there is room for {room:,} in the file",
        )
    check_triangles(count)
    facets = np.fromfile(path, _FACET, count=count, offset=_HEADER_BYTES)
    corners = facets["corners"].astype(np.float64).reshape(-1, 3)
    return corners, (Caution.TRAILING_BYTES,) if tail else ()


def _read_text(path: Path) -> Floats:
    _check_end(path)
    with open_text(path) as file:
        rows = _vertex_rows(file)
        first = next(rows, None)
        if first is None:
            return np.empty((0, 3))
        try:
            corners = np.loadtxt(chain([first], rows), comments=None, ndmin=2)
        except ValueError as error:
            raise refuse(Fault.CORRUPT, f"a vertex is not three numbers: {error}"[:300]) from None
    if corners.shape[1] != 3:
        raise refuse(Fault.CORRUPT, f"a vertex has {corners.shape[1]} numbers instead of three")
    return corners


def _check_end(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        if b"endsolid" not in file.read().lower():
            raise refuse(Fault.TRUNCATED, "the text STL breaks off: it ends without endsolid")


def _vertex_rows(lines: Iterable[str]) -> Iterator[str]:
    """The coordinates of each vertex line, while checking that every other line is where it
    belongs.
    """
    place, facets, inside = 0, 0, False
    for number, line in enumerate(lines, 1):
        words = line.split(None, 3)
        if not words:
            continue
        name = words[0].lower()
        if name in ("solid", "endsolid") and place == 0 and inside == (name == "endsolid"):
            inside = not inside
            continue
        wanted = _LINES[place]
        if not inside or tuple(word.lower() for word in words[: len(wanted)]) != wanted:
            raise refuse(
                Fault.CORRUPT,
                f"line {number} (facet {facets + 1}) begins with {words[0][:40]!r} "
                f"where {' '.join(wanted) if inside else 'solid'!r} belongs",
            )
        if name == "vertex":
            yield line[line.index(words[0]) + 6 :]
        place = (place + 1) % len(_LINES)
        if place == 0:
            facets += 1
            check_triangles(facets)
    if inside or place:
        raise refuse(Fault.TRUNCATED, f"the text STL breaks off after {facets:,} facets")
