"""The words for what is wrong with a file (it is refused) and for what is odd about it (it is
measured, and told).

Refuses nothing itself: readers raise what ``refuse`` returns.
"""

from __future__ import annotations

from enum import StrEnum

from ...errors import InvalidData


class Fault(StrEnum):
    """Why a file is refused. Each is permanent: the same bytes will fail again."""

    EMPTY_FILE = "EMPTY_FILE"
    TRUNCATED = "TRUNCATED"
    COUNT_MISMATCH = "COUNT_MISMATCH"
    FORMAT_MISMATCH = "FORMAT_MISMATCH"
    UNSUPPORTED_FEATURE = "UNSUPPORTED_FEATURE"
    CORRUPT = "CORRUPT"
    NON_FINITE = "NON_FINITE"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    NO_GEOMETRY = "NO_GEOMETRY"
    NOT_A_SOLID = "NOT_A_SOLID"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    FORBIDDEN_XML = "FORBIDDEN_XML"


class Caution(StrEnum):
    """What the reader of the result must know about a file that was measured all the same."""

    NOT_WATERTIGHT = "NOT_WATERTIGHT"
    INVERTED_NORMALS = "INVERTED_NORMALS"
    INCONSISTENT_NORMALS = "INCONSISTENT_NORMALS"
    SELF_INTERSECTION = "SELF_INTERSECTION"
    DUPLICATE_OR_DEGENERATE_FACES = "DUPLICATE_OR_DEGENERATE_FACES"
    TRAILING_BYTES = "TRAILING_BYTES"
    UNITS_AMBIGUOUS = "UNITS_AMBIGUOUS"
    UNITS_ASSUMED = "UNITS_ASSUMED"
    ENCLOSED_VOID = "ENCLOSED_VOID"
    EXCEEDS_BUILD_VOLUME = "EXCEEDS_BUILD_VOLUME"
    SURFACES_SEWN = "SURFACES_SEWN"
    LARGE_MESH = "LARGE_MESH"
    MESH_CHECKS_SKIPPED = "MESH_CHECKS_SKIPPED"


_REMEDIES = {
    Fault.EMPTY_FILE: "Export the part again and upload the new file.",
    Fault.TRUNCATED: "The upload or the export broke off; upload the whole file.",
    Fault.COUNT_MISMATCH: "The file contradicts itself; export the part again.",
    Fault.FORMAT_MISMATCH: "Name the file's true type, or export it as STL, OBJ, 3MF or STEP.",
    Fault.UNSUPPORTED_FEATURE: "Export the part as a plain triangle mesh or as STEP.",
    Fault.CORRUPT: "Export the part again.",
    Fault.NON_FINITE: "Repair the mesh in the CAD program and export it again.",
    Fault.OUT_OF_RANGE: "Check the unit and the origin of the model.",
    Fault.NO_GEOMETRY: "Export a solid body; sketches, points and texts have no volume.",
    Fault.NOT_A_SOLID: "Close or thicken the surfaces into a solid body.",
    Fault.LIMIT_EXCEEDED: "Simplify the part, or split it into several files.",
    Fault.FORBIDDEN_XML: "Export the part again without a document type declaration.",
}


def refuse(fault: Fault, message: str) -> InvalidData:
    """The error of a file that can't be measured. ``message``: one sentence that names the
    cause.
    """
    return InvalidData(message, code=fault.value, remedy=_REMEDIES[fault])
