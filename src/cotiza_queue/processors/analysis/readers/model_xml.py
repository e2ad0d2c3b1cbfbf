"""The XML of one 3MF model part, read as a stream: objects, components and build items in mm.

3MF Core Specification 1.3 and Production Extension 1.1 (3MF Consortium). Refuses any document type
declaration before it is looked at, deep nesting, endless tokens, and extensions whose geometry is
not made of triangles.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from xml.parsers.expat import ExpatError, ParserCreate

import numpy as np

from ..faults import Fault, refuse
from ..limits import MAX_OBJECTS, MAX_XML_DEPTH
from ..part import Floats, Ints
from .common import check_coordinates, check_triangles

_CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
_PRODUCTION = "http://schemas.microsoft.com/3dmanufacturing/production/2015/06"
_HARMLESS = frozenset(
    {
        _CORE,
        _PRODUCTION,
        "http://schemas.microsoft.com/3dmanufacturing/material/2015/02",
        "http://schemas.microsoft.com/3dmanufacturing/trianglesets/2021/07",
    }
)
"""Extensions that a file may require: their triangles are complete without what they add."""
_NOT_TRIANGLES = frozenset({"beamlattice", "displacementmesh", "booleanshape", "levelset"})
_UNITS = {
    "micron": "um",
    "millimeter": "mm",
    "centimeter": "cm",
    "meter": "m",
    "inch": "in",
    "foot": "ft",
}
_MM = {"um": 0.001, "mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4, "ft": 304.8}
_MAX_TOKEN_BYTES = 4 * 1024 * 1024
"""One tag or text; expat would buffer it whole."""

Attributes = dict[str, str]
Key = tuple[str, str]
"""Model part and object id."""


@dataclass(frozen=True, slots=True)
class Placement:
    """An object put somewhere: p becomes p·``turn`` (3, 3) + ``shift`` (3,), in mm."""

    target: Key
    turn: Floats
    shift: Floats


@dataclass(slots=True)
class ModelObject:
    """Triangles, or placed other objects. ``vertices`` (n, 3) in mm, ``faces`` (m, 3)."""

    kind: str
    vertices: Floats = field(default_factory=lambda: np.empty((0, 3)))
    faces: Ints = field(default_factory=lambda: np.empty((0, 3), np.int64))
    components: list[Placement] = field(default_factory=list)


class ModelReader:
    """Feeds one model part to expat and keeps what places geometry."""

    def __init__(self, name: str) -> None:
        self.unit = "mm"
        self.objects: dict[str, ModelObject] = {}
        self.items: list[Placement] = []
        self._name = name
        self._mm = 1.0
        self._path: list[str] = []
        self._namespaces: dict[str, str] = {}
        self._number = ""
        self._object: ModelObject | None = None
        self._coordinates = array("d")
        self._indices = array("q")
        self._handlers: dict[str, Callable[[Attributes], None]] = {
            f"{_CORE} model": self._model,
            f"{_CORE} object": self._begin_object,
            f"{_CORE} vertex": self._vertex,
            f"{_CORE} triangle": self._triangle,
            f"{_CORE} component": self._component,
            f"{_CORE} item": self._item,
        }

    def read(self, chunks: Iterable[bytes]) -> None:
        """Raises InvalidData for what is no sound model."""
        parser = ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = _no_doctype
        parser.StartNamespaceDeclHandler = self._namespace
        fed = 0
        try:
            for chunk in chunks:
                parser.Parse(chunk, False)
                fed += len(chunk)
                if fed - parser.CurrentByteIndex > _MAX_TOKEN_BYTES:
                    raise refuse(Fault.LIMIT_EXCEEDED, f"{self._name} has an endless XML tag")
            parser.Parse(b"", True)
        except ExpatError as error:
            raise refuse(Fault.CORRUPT, f"{self._name} is not sound XML: {error}") from None
        except KeyError as error:
            line = parser.CurrentLineNumber
            raise refuse(
                Fault.CORRUPT, f"line {line} of {self._name} lacks the attribute {error}"
            ) from None
        except (ValueError, OverflowError) as error:
            line = parser.CurrentLineNumber
            raise refuse(
                Fault.CORRUPT, f"line {line} of {self._name} has a wrong number: {error}"[:300]
            ) from None

    def _start(self, name: str, attributes: Attributes) -> None:
        self._path.append(name)
        if len(self._path) > MAX_XML_DEPTH:
            raise refuse(
                Fault.LIMIT_EXCEEDED, f"{self._name} nests deeper than {MAX_XML_DEPTH} elements"
            )
        handler = self._handlers.get(name)
        if handler is not None:
            handler(attributes)
        elif len(self._path) == 1:
            raise refuse(Fault.FORMAT_MISMATCH, f"{self._name} is not a 3MF core model")
        elif name.rpartition(" ")[2] in _NOT_TRIANGLES:
            word = name.rpartition(" ")[2]
            raise refuse(Fault.UNSUPPORTED_FEATURE, f"the model has geometry of the kind {word!r}")

    def _end(self, name: str) -> None:
        self._path.pop()
        if name == f"{_CORE} object" and self._object is not None:
            self._end_object(self._object)

    def _namespace(self, prefix: str | None, uri: str) -> None:
        self._namespaces[prefix or ""] = uri

    def _model(self, attributes: Attributes) -> None:
        unit = attributes.get("unit", "millimeter")
        if unit not in _UNITS:
            raise refuse(Fault.CORRUPT, f"the model has the unknown unit {unit[:40]!r}")
        self.unit = _UNITS[unit]
        self._mm = _MM[self.unit]
        for prefix in attributes.get("requiredextensions", "").split():
            uri = self._namespaces.get(prefix, prefix)
            if uri not in _HARMLESS:
                raise refuse(
                    Fault.UNSUPPORTED_FEATURE, f"the model requires the extension {uri[:120]!r}"
                )

    def _begin_object(self, attributes: Attributes) -> None:
        number = attributes["id"]
        if number in self.objects:
            raise refuse(Fault.CORRUPT, f"{self._name} has two objects {number[:40]!r}")
        if len(self.objects) >= MAX_OBJECTS:
            raise refuse(
                Fault.LIMIT_EXCEEDED, f"{self._name} has more than {MAX_OBJECTS:,} objects"
            )
        self._number = number
        self._object = ModelObject(attributes.get("type", "model"))
        self.objects[number] = self._object
        self._coordinates = array("d")
        self._indices = array("q")

    def _vertex(self, a: Attributes) -> None:
        self._coordinates.extend((float(a["x"]), float(a["y"]), float(a["z"])))

    def _triangle(self, a: Attributes) -> None:
        self._indices.extend((int(a["v1"]), int(a["v2"]), int(a["v3"])))

    def _end_object(self, done: ModelObject) -> None:
        number = self._number
        done.vertices = np.array(self._coordinates).reshape(-1, 3) * self._mm
        done.faces = np.array(self._indices, np.int64).reshape(-1, 3)
        self._object = None
        check_triangles(len(done.faces))
        check_coordinates(done.vertices, f"object {number[:40]}: vertex")
        wrong = np.argwhere((done.faces < 0) | (done.faces >= len(done.vertices)))
        if len(wrong):
            row, corner = wrong[0]
            raise refuse(
                Fault.CORRUPT,
                f"object {number[:40]}: triangle {row + 1} refers to vertex "
                f"{done.faces[row, corner]}, but there are {len(done.vertices):,}",
            )

    def _component(self, attributes: Attributes) -> None:
        if self._object is None:
            raise refuse(Fault.CORRUPT, f"{self._name} has a component outside of an object")
        self._object.components.append(self._placement(attributes))

    def _item(self, attributes: Attributes) -> None:
        self.items.append(self._placement(attributes))

    def _placement(self, attributes: Attributes) -> Placement:
        path = attributes.get(f"{_PRODUCTION} path", self._name).lstrip("/").lower()
        target = (path, attributes["objectid"])
        text = attributes.get("transform")
        if text is None:
            return Placement(target, np.eye(3), np.zeros(3))
        numbers = np.array([float(word) for word in text.split()])
        if len(numbers) != 12:
            raise refuse(Fault.CORRUPT, f"a transform has {len(numbers)} numbers instead of twelve")
        if not np.isfinite(numbers).all():
            raise refuse(Fault.NON_FINITE, f"the transform of object {target[1][:40]} isn't finite")
        matrix = numbers.reshape(4, 3)
        if abs(np.linalg.det(matrix[:3])) < 1e-12:
            raise refuse(Fault.CORRUPT, f"a transform squashes object {target[1][:40]} flat")
        return Placement(target, matrix[:3], matrix[3] * self._mm)


def _no_doctype(*_: object) -> None:
    raise refuse(Fault.FORBIDDEN_XML, "the model has a document type declaration")
