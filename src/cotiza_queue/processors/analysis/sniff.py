"""What a file is, from its first bytes, before any parser sees it.

Refuses an empty or oversized file, and one whose content is not what its type and name say. Binary
STL and OBJ have no signature: for them this module only rules out everything else, and their
readers are strict.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path, PurePath

from .faults import Fault, refuse
from .limits import MAX_FILE_BYTES

_HEAD_BYTES = 4096
_KINDS = {"stl": "stl", "obj": "obj", "3mf": "3mf", "step": "step", "stp": "step"}
_TITLES = {"stl": "an STL file", "obj": "an OBJ file", "3mf": "a 3MF file", "step": "a STEP file"}

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"RIFF", "a WebP picture or a sound"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"glTF", "a GLB model"),
    (b"Kaydara FBX", "an FBX model"),
    (b"ply\n", "a PLY model"),
    (b"ply\r", "a PLY model"),
    (b"AC10", "a DWG drawing"),
    (b"AutoCAD Binary DXF", "a DXF drawing"),
    (b"\xd0\xcf\x11\xe0", "an OLE file (an old Office or native CAD format)"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
)
"""First bytes that no readable part begins with, as the formats' own specifications give them."""

_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_STEP = re.compile(rb"(?:\s|/\*.*?\*/)*ISO-10303-21\s*;", re.S)
_ASCII_STL = re.compile(rb"\s*solid\b", re.I)
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml|error|svg)", re.I)
_OBJ = re.compile(rb"(?:^|[\r\n])[ \t]*(?:#|(?:v|vn|vt|vp|f|o|g|s|l|p|mtllib|usemtl)[ \t])")
_IGES = re.compile(rb"[^\r\n]{72}S[ 0]{6}1")
_DXF = re.compile(rb"\s*(?:999\s*[\r\n][^\r\n]*[\r\n]+\s*)*0\s*[\r\n]+\s*SECTION\b")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def recognise(path: Path, *, file_type: str, file_name: str) -> str:
    """``stl``, ``obj``, ``3mf`` or ``step``: what the file is, and what its owner says it is.

    Raises InvalidData: EMPTY_FILE, LIMIT_EXCEEDED (bytes), FORMAT_MISMATCH.
    """
    size = path.stat().st_size
    if size == 0:
        raise refuse(Fault.EMPTY_FILE, "the file is empty")
    if size > MAX_FILE_BYTES:
        raise refuse(
            Fault.LIMIT_EXCEEDED,
            f"the file has {size:,} bytes; at most {MAX_FILE_BYTES:,} are read",
        )
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES).removeprefix(b"\xef\xbb\xbf")
    claimed = _KINDS[file_type]
    found, title = _content(head, size, claimed)
    if found != claimed:
        raise refuse(
            Fault.FORMAT_MISMATCH,
            f"the file is said to be {_TITLES[claimed]}, but it holds {title}",
        )
    suffix = PurePath(file_name).suffix.lower().removeprefix(".")
    if _KINDS.get(suffix, found) != found:
        raise refuse(Fault.FORMAT_MISMATCH, f"the file is named .{suffix}, but it holds {title}")
    return found


def is_binary_stl(head: bytes, size: int) -> bool:
    """True if the facet count in the header explains the size to the byte, whatever the header
    says.
    """
    return size >= 84 and bool(size == 84 + 50 * struct.unpack_from("<I", head, 80)[0])


def is_text(head: bytes) -> bool:
    """True if there are no control characters but white space and escape."""
    return _CONTROL.search(head) is None


def _content(head: bytes, size: int, claimed: str) -> tuple[str, str]:
    """(kind, title): what the content is. A kind that we don't read is the empty string."""
    if is_binary_stl(head, size):
        return "stl", "a binary STL"
    for signature, title in _SIGNATURES:
        if head.startswith(signature):
            return "", title
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        return "3mf", "a zip archive (perhaps a 3MF)"
    if _STEP.match(head):
        return "step", "a STEP file"
    if _MARKUP.match(head):
        return "", "a web page or an XML text"
    if _IGES.match(head):
        return "", "an IGES file"
    if _DXF.match(head):
        return "", "a DXF drawing"
    if not is_text(head):
        return (
            ("stl", "a binary STL") if claimed == "stl" else ("", "binary data of no known format")
        )
    if _ASCII_STL.match(head):
        return "stl", "a text STL"
    if _OBJ.search(head):
        return "obj", "an OBJ file"
    return "", "a text of no known format"
