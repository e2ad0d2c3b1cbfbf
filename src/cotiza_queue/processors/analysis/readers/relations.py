"""Where a 3MF package keeps its root model, by its relations part (Open Packaging Conventions)."""

from __future__ import annotations

from xml.parsers.expat import ExpatError, ParserCreate

from ..faults import Fault, refuse
from .archive import Archive

_RELATIONS = "_rels/.rels"
_MODEL_TYPE = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
_USUAL = "3d/3dmodel.model"
_MAX_BYTES = 1024 * 1024


def root_model(archive: Archive) -> str:
    """The name of the root model part.

    Raises InvalidData: FORMAT_MISMATCH for a zip archive that is something else, FORBIDDEN_XML.
    """
    targets: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.endswith("Relationship") and attributes.get("Type") == _MODEL_TYPE:
            targets.append(attributes.get("Target", "").lstrip("/").lower())

    def doctype(*_: object) -> None:
        raise refuse(Fault.FORBIDDEN_XML, "the relations have a document type declaration")

    if _RELATIONS in archive:
        parser = ParserCreate()
        parser.StartElementHandler = start
        parser.StartDoctypeDeclHandler = doctype
        fed = 0
        try:
            for chunk in archive.chunks(_RELATIONS):
                fed += len(chunk)
                if fed > _MAX_BYTES:
                    raise refuse(Fault.LIMIT_EXCEEDED, "the relations of the package are too long")
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except ExpatError as error:
            raise refuse(Fault.CORRUPT, f"the relations are not sound XML: {error}") from None
    for name in [*targets[:1], _USUAL]:
        if name in archive:
            return name
    raise refuse(Fault.FORMAT_MISMATCH, "the zip archive holds no 3MF model")
