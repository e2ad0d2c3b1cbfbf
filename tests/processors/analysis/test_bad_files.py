"""What must be refused, for good, with a code and a sentence that names the cause."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import part_shapes as shapes
import pytest
from part_measuring import Examine

from cotiza_queue.errors import InvalidData, PermanentError

CUBE = shapes.box(20, 20, 20)
BINARY = shapes.binary_stl(CUBE)
TEXT = shapes.text_stl(CUBE)
OBJ = shapes.obj(CUBE)
MESH = shapes.mesh_xml(CUBE)
ITEM = '<item objectid="1"/>'
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
HTML = b"<!DOCTYPE html><html><body>404</body></html>"
S3_ERROR = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>'


def with_number(value: float) -> bytes:
    """The cube with one coordinate of its third facet replaced."""
    broken = CUBE.copy()
    broken[2, 1, 0] = value
    return shapes.binary_stl(broken)


def model(*objects: str, items: str = ITEM, head: str = 'unit="millimeter"') -> bytes:
    return shapes.three_mf(shapes.model_xml(objects, [items], head))


def component(*targets: int, attributes: str = "") -> str:
    inner = "".join(f'<component objectid="{target}" {attributes}/>' for target in targets)
    return f"<components>{inner}</components>"


STEP = b"ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\n%s\nENDSEC;\nEND-ISO-10303-21;\n"

BAD = [
    ("part.stl", b"", "EMPTY_FILE", "empty"),
    ("part.stl", BINARY[:300], "TRUNCATED", "ends after 4"),
    ("part.stl", BINARY[:50], "FORMAT_MISMATCH", "no known format"),
    ("part.stl", bytes(50), "TRUNCATED", "at least 84 bytes"),
    ("part.stl", TEXT[:900].encode(), "TRUNCATED", "breaks off"),
    ("part.stl", TEXT.removesuffix("endsolid part\n").encode(), "TRUNCATED", "endsolid"),
    ("part.stl", shapes.binary_stl(CUBE[:1], count=4_000_000_000), "COUNT_MISMATCH", "4,000,000,"),
    ("part.stl", shapes.binary_stl(CUBE, count=13), "COUNT_MISMATCH", "13 facets"),
    ("part.stl", shapes.binary_stl(CUBE, count=5), "COUNT_MISMATCH", "room for 12"),
    ("part.stl", PNG, "FORMAT_MISMATCH", "PNG"),
    ("part.stl", HTML, "FORMAT_MISMATCH", "web page"),
    ("part.stl", gzip.compress(BINARY), "FORMAT_MISMATCH", "gzip"),
    ("part.stl", shapes.plain_three_mf(CUBE), "FORMAT_MISMATCH", "zip archive"),
    ("part.stl", OBJ.encode(), "FORMAT_MISMATCH", "OBJ"),
    ("part.stl", STEP % b"#1=X();", "FORMAT_MISMATCH", "STEP"),
    ("part.stl", b"hello world, this is no part\n" * 9, "FORMAT_MISMATCH", "no known format"),
    ("part.obj", BINARY, "FORMAT_MISMATCH", "binary STL"),
    ("part.obj", TEXT.encode(), "FORMAT_MISMATCH", "text STL"),
    ("part.obj", PNG, "FORMAT_MISMATCH", "PNG"),
    ("part.3mf", BINARY, "FORMAT_MISMATCH", "binary STL"),
    ("part.3mf", shapes.package({"word/document.xml": "<a/>"}), "FORMAT_MISMATCH", "no 3MF model"),
    ("part.step", S3_ERROR, "FORMAT_MISMATCH", "XML"),
    ("part.step", TEXT.encode(), "FORMAT_MISMATCH", "text STL"),
    ("part.step", b"AC1032" + bytes(300), "FORMAT_MISMATCH", "DWG"),
    ("part.stl", with_number(float("nan")), "NON_FINITE", "facet 3 has a NaN"),
    ("part.stl", with_number(float("-inf")), "NON_FINITE", "facet 3 has an infinite"),
    ("part.stl", TEXT.replace("20.0", "nan", 1).encode(), "NON_FINITE", "facet 1 has a NaN"),
    ("part.stl", TEXT.replace("20.0", "1e400", 1).encode(), "NON_FINITE", "facet 1"),
    ("part.stl", with_number(1e38), "OUT_OF_RANGE", "facet 3 lies 1e+38 mm"),
    ("part.stl", shapes.binary_stl(CUBE[:1]), "NOT_A_SOLID", "1 triangles"),
    ("part.stl", shapes.binary_stl(CUBE[:2]), "NOT_A_SOLID", "2 triangles"),
    ("part.stl", shapes.binary_stl(CUBE[:0]), "NO_GEOMETRY", "no facets"),
    ("part.stl", b"solid nothing\nendsolid nothing\n", "NO_GEOMETRY", "no facets"),
    ("part.stl", shapes.binary_stl(np.repeat(CUBE[:, :1], 3, axis=1)), "NO_GEOMETRY", "collapsed"),
    ("part.stl", shapes.binary_stl(CUBE * (1, 0, 0)), "NO_GEOMETRY", ""),
    ("part.stl", shapes.binary_stl(CUBE * (1, 1, 0)), "NOT_A_SOLID", "plane"),
    ("part.stl", shapes.text_stl(shapes.turned(CUBE * (1, 1, 0))).encode(), "NOT_A_SOLID", ""),
    ("part.stl", TEXT.replace("facet n", "face n", 1).encode(), "CORRUPT", "'face'"),
    ("part.stl", TEXT.replace("20.0", "2o.0", 1).encode(), "CORRUPT", "2o.0"),
    ("part.stl", TEXT.replace("20.0", "", 1).encode(), "CORRUPT", "number"),
    ("part.stl", TEXT.replace("endloop", "vertex 1 2 3", 1).encode(), "CORRUPT", "'vertex'"),
    ("part.obj", (OBJ + "\nf 1 2 99\n").encode(), "CORRUPT", "face 13 refers to vertex 99"),
    ("part.obj", (OBJ + "\nf 1 2 0\n").encode(), "CORRUPT", "vertex 0"),
    ("part.obj", (OBJ + "\nf -1 -2 -9\n").encode(), "CORRUPT", "vertex -9"),
    ("part.obj", (OBJ + "\nf 1 2\n").encode(), "CORRUPT", "2 corners"),
    ("part.obj", (OBJ + "\nf 1 x 3\n").encode(), "CORRUPT", "indices"),
    ("part.obj", (OBJ + "\nv 1 2\n").encode(), "CORRUPT", "three numbers"),
    ("part.obj", (OBJ + "\nv 1 2 nan\n").encode(), "NON_FINITE", "vertex 9"),
    ("part.obj", (OBJ + "\nfoo 1\n").encode(), "CORRUPT", "'foo'"),
    ("part.obj", (OBJ + "\ncurv2 1 2\n").encode(), "UNSUPPORTED_FEATURE", "curv2"),
    ("part.obj", b"v 0 0 0\nv 1 0 0\n", "NO_GEOMETRY", "2 vertices but no faces"),
    ("part.obj", b"f 1 2 3\n", "CORRUPT", "no vertices"),
    ("part.3mf", shapes.plain_three_mf(CUBE)[:-40], "TRUNCATED", "directory"),
    ("part.3mf", shapes.three_mf("<model"), "CORRUPT", "XML"),
    ("part.3mf", shapes.three_mf("<svg/>"), "FORMAT_MISMATCH", "core model"),
    ("part.3mf", model(MESH, items=""), "NO_GEOMETRY", "build section"),
    ("part.3mf", model("<mesh/>"), "NO_GEOMETRY", "triangles"),
    ("part.3mf", model(MESH.replace('v1="', 'v1="9', 1)), "CORRUPT", "refers to vertex 9"),
    ("part.3mf", model(MESH.replace("v1=", "v9=", 1)), "CORRUPT", "'v1'"),
    ("part.3mf", model(MESH.replace('x="0.0"', 'x="nan"', 1)), "NON_FINITE", "NaN"),
    ("part.3mf", model(MESH.replace('x="0.0"', 'x="zero"', 1)), "CORRUPT", "zero"),
    ("part.3mf", model(MESH, items='<item objectid="7"/>'), "CORRUPT", "object 7"),
    ("part.3mf", model(component(2), component(1)), "CORRUPT", "contains itself"),
    ("part.3mf", model(component(1)), "CORRUPT", "contains itself"),
    ("part.3mf", model(MESH, head='unit="parsec"'), "CORRUPT", "parsec"),
    (
        "part.3mf",
        model(MESH, items='<item objectid="1" transform="1 0 0 0 1 0 0 0 0 0 0 0"/>'),
        "CORRUPT",
        "flat",
    ),
    ("part.3mf", model(MESH, items='<item objectid="1" transform="1 2"/>'), "CORRUPT", "twelve"),
    (
        "part.3mf",
        model(MESH, head='requiredextensions="b" xmlns:b="http://example.org/lattice"'),
        "UNSUPPORTED_FEATURE",
        "example.org/lattice",
    ),
    ("part.step", STEP % b"", "NO_GEOMETRY", "no entities"),
    ("part.step", (STEP % b"#1=X();")[:-24], "TRUNCATED", "END-ISO"),
    ("part.step", STEP % b"#1=CARTESIAN_POINT('',(0.,0.,0.));", "NO_GEOMETRY", "no shapes"),
]


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    BAD,
    ids=[f"{i}-{case[0]}-{case[2]}" for i, case in enumerate(BAD)],
)
def test_a_bad_file_is_refused_for_good_and_told_why(
    examine: Examine, name: str, content: bytes, code: str, words: str
) -> None:
    with pytest.raises(InvalidData) as caught:
        examine(content, name)
    assert isinstance(caught.value, PermanentError)
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.remedy


def test_a_document_type_is_forbidden_before_its_entities_grow(examine: Examine) -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    dtd = f'<!DOCTYPE model [<!ENTITY l0 "ha">{laughs}]>'
    xml = shapes.model_xml([MESH], [ITEM]).replace("?>", f"?>{dtd}", 1)
    outside = '<!DOCTYPE model SYSTEM "file:///etc/hostname">'
    for text in (xml, xml.replace(dtd, outside), xml.encode("utf-16")):
        content = text.replace('encoding="UTF-8"', "") if isinstance(text, str) else text
        with pytest.raises(InvalidData) as caught:
            examine(shapes.three_mf(content), "part.3mf")
        assert caught.value.code == "FORBIDDEN_XML" or isinstance(text, bytes)


def test_the_extension_of_the_name_must_fit_the_content_too(examine: Examine, cad) -> None:  # type: ignore[no-untyped-def]
    from cotiza_queue.processors.analysis.sniff import recognise

    path = cad / "mf_box.3mf"
    assert recognise(path, file_type="3mf", file_name="box.3mf") == "3mf"
    assert recognise(path, file_type="3mf", file_name="box") == "3mf"
    with pytest.raises(InvalidData, match=r"named \.stl"):
        recognise(path, file_type="3mf", file_name="box.STL")


def test_damage_anywhere_ends_in_a_result_or_a_refusal(examine: Examine) -> None:
    """No byte of a file may bring the reader down: 40 damaged copies of each format."""
    originals = {"a.stl": BINARY, "b.stl": TEXT.encode(), "c.obj": OBJ.encode()}
    originals["d.3mf"] = shapes.plain_three_mf(CUBE)
    refused = 0
    for name, content in originals.items():
        for seed in range(40):
            at = (seed * 7919 + 13) % len(content)
            damaged = bytearray(content)
            damaged[at : at + 4] = struct.pack("<I", (seed * 2654435761) % 2**32)
            try:
                examine(bytes(damaged), name, perform_dfm=False, detect_features=False)
            except InvalidData:
                refused += 1
    assert refused > 40
