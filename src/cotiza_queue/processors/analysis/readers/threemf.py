"""3MF: what the build section places, in mm, each placed object a piece of its own.

The unit is the file's. Objects that nothing places, and supports, aren't part of the part. A
transform that mirrors turns the triangles round, so that outside stays outside (3MF Core
Specification 1.3, section 4.1.4). Refuses components that contain themselves and models that
unfold without measure: both are found by counting, before anything unfolds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..faults import Fault, refuse
from ..limits import MAX_COMPONENT_DEPTH, MAX_INSTANCES
from ..part import Floats, Ints, Part
from .archive import Archive
from .common import check_coordinates, check_triangles
from .model_xml import Key, ModelObject, ModelReader, Placement
from .relations import root_model

_PRINTED = frozenset({"model", "surface"})
"""Object types that are the part itself; the others are supports and helpers."""


def read(path: Path, unit: str | None) -> Part:
    """The placed triangles of a 3MF file. ``unit`` is not asked for: the file states its own."""
    del unit
    package = _Package(Archive(path))
    root = package.model(package.root)
    if not root.items:
        raise refuse(Fault.NO_GEOMETRY, "the build section of the 3MF file is empty")
    items = [item for item in root.items if package.object(item.target).kind in _PRINTED]
    package.check_size(items)
    unfolded = _Unfolded(package)
    for item in items:
        unfolded.place(item, np.eye(3), np.zeros(3))
    return unfolded.part(root.unit)


class _Package:
    """The model parts of an archive, each read once, when something refers to it."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._models: dict[str, ModelReader] = {}
        self._sizes: dict[Key, tuple[int, int]] = {}
        self.root = root_model(archive)

    def model(self, name: str) -> ModelReader:
        if name not in self._models:
            reader = ModelReader(name)
            reader.read(self._archive.chunks(name))
            self._models[name] = reader
        return self._models[name]

    def object(self, key: Key) -> ModelObject:
        found = self.model(key[0]).objects.get(key[1])
        if found is None:
            raise refuse(Fault.CORRUPT, f"object {key[1][:40]} is placed, but not in {key[0][:80]}")
        return found

    def check_size(self, items: list[Placement]) -> None:
        """Raises InvalidData if the placed objects unfold to more than may be measured."""
        sizes = [self._size(item.target, ()) for item in items]
        instances = sum(size[0] for size in sizes)
        if instances > MAX_INSTANCES:
            raise refuse(
                Fault.LIMIT_EXCEEDED,
                f"the model places {instances:,} objects; the limit is {MAX_INSTANCES:,}",
            )
        check_triangles(sum(size[1] for size in sizes))

    def _size(self, key: Key, above: tuple[Key, ...]) -> tuple[int, int]:
        """(objects, triangles) that placing an object places, itself included."""
        if key in self._sizes:
            return self._sizes[key]
        if key in above:
            raise refuse(Fault.CORRUPT, f"object {key[1][:40]} contains itself")
        if len(above) >= MAX_COMPONENT_DEPTH:
            raise refuse(
                Fault.LIMIT_EXCEEDED,
                f"components nest deeper than {MAX_COMPONENT_DEPTH} objects",
            )
        found = self.object(key)
        below = [self._size(part.target, (*above, key)) for part in found.components]
        self._sizes[key] = (
            1 + sum(size[0] for size in below),
            len(found.faces) + sum(size[1] for size in below),
        )
        return self._sizes[key]


class _Unfolded:
    """The triangles of all placed objects, in the frame of the build plate."""

    def __init__(self, package: _Package) -> None:
        self._package = package
        self._vertices: list[Floats] = []
        self._faces: list[Ints] = []
        self._count = 0

    def place(self, item: Placement, turn: Floats, shift: Floats) -> None:
        """Add an object and what is in it. ``turn``, ``shift``: the frame that ``item`` stands
        in.
        """
        found = self._package.object(item.target)
        shift = item.shift @ turn + shift
        turn = item.turn @ turn
        if len(found.faces):
            mirrored = np.linalg.det(turn) < 0
            self._vertices.append(found.vertices @ turn + shift)
            self._faces.append((found.faces[:, ::-1] if mirrored else found.faces) + self._count)
            self._count += len(found.vertices)
        for component in found.components:
            self.place(component, turn, shift)

    def part(self, unit: str) -> Part:
        if not self._faces:
            raise refuse(Fault.NO_GEOMETRY, "nothing that the 3MF file places has triangles")
        vertices = np.concatenate(self._vertices)
        check_coordinates(vertices, "placed vertex")
        sizes = [len(piece) for piece in self._vertices]
        return Part(
            vertices=vertices,
            faces=np.concatenate(self._faces),
            unit=unit,
            pieces=np.repeat(np.arange(len(sizes)), sizes),
        )
