"""Every ceiling at its edge: the last that passes, the first that doesn't."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import part_shapes as shapes
import pytest
from part_measuring import Examine

from cotiza_queue.errors import InvalidData
from cotiza_queue.processors.analysis import limits
from cotiza_queue.processors.analysis.cracks import lips_cancel
from cotiza_queue.processors.analysis.readers.archive import Archive
from cotiza_queue.processors.analysis.readers.common import check_triangles
from cotiza_queue.processors.analysis.sniff import recognise

MESH = shapes.mesh_xml(shapes.box(20, 20, 20))
ITEM = '<item objectid="1"/>'


def code_of(examine: Examine, content: bytes, name: str) -> str:
    """``ok``, or the code of the refusal."""
    try:
        examine(content, name, perform_dfm=False, detect_features=False)
    except InvalidData as error:
        return error.code
    return "ok"


def placed(*objects: str, items: str = ITEM) -> bytes:
    return shapes.three_mf(shapes.model_xml(objects, [items]))


def test_a_file_may_have_200_mib_and_no_byte_more(tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_bytes(shapes.binary_stl(shapes.box(1, 1, 1)))
    for size, code in ((limits.MAX_FILE_BYTES, "ok"), (limits.MAX_FILE_BYTES + 1, "LIMIT")):
        with path.open("r+b") as file:
            file.truncate(size)  # a sparse file: nothing is written
        if code == "ok":
            assert recognise(path, file_type="stl", file_name="part.stl") == "stl"
        else:
            with pytest.raises(InvalidData, match="bytes") as caught:
                recognise(path, file_type="stl", file_name="part.stl")
            assert caught.value.code == "LIMIT_EXCEEDED"


def test_five_million_triangles_are_measured_and_no_more() -> None:
    check_triangles(limits.MAX_TRIANGLES)
    with pytest.raises(InvalidData, match="5,000,001") as caught:
        check_triangles(limits.MAX_TRIANGLES + 1)
    assert caught.value.code == "LIMIT_EXCEEDED"


def test_a_part_may_lie_a_kilometre_out_and_no_further(examine: Examine) -> None:
    for edge, code in ((1e6, "ok"), (1e6 + 1, "OUT_OF_RANGE")):
        shape = shapes.box(20, 20, 20, (edge - 20, 0, 0))
        assert code_of(examine, shapes.text_stl(shape).encode(), "part.stl") == code


def test_a_polygon_may_have_256_corners(examine: Examine) -> None:
    for corners, code in ((256, "ok"), (257, "LIMIT_EXCEEDED")):
        ring = shapes.tube(10, 5, 5, corners)[:, :, :2][:corners, 0]
        low = "".join(f"v {x!r} {y!r} 0\n" for x, y in ring.tolist())
        high = low.replace(" 0\n", " 5\n")
        caps = [range(corners, 0, -1), range(corners + 1, 2 * corners + 1)]
        sides = [
            (i, i % corners + 1, i % corners + 1 + corners, i + corners)
            for i in range(1, corners + 1)
        ]
        polygons = "".join(f"f {' '.join(map(str, face))}\n" for face in (*caps, *sides))
        assert code_of(examine, (low + high + polygons).encode(), "part.obj") == code


def test_a_3mf_may_place_ten_thousand_objects(examine: Examine) -> None:
    for count, code in ((limits.MAX_INSTANCES, "ok"), (limits.MAX_INSTANCES + 1, "LIMIT_EXCEEDED")):
        content = placed("<mesh/>", MESH, items=ITEM * (count - 1) + '<item objectid="2"/>')
        assert code_of(examine, content, "part.3mf") == code


def test_a_3mf_may_define_twenty_thousand_objects(examine: Examine) -> None:
    mesh = f'<object id="x">{MESH}</object>'
    for count, code in ((limits.MAX_OBJECTS, "ok"), (limits.MAX_OBJECTS + 1, "LIMIT_EXCEEDED")):
        more = "".join(f'<object id="{at}"/>' for at in range(count - 1))
        model = shapes.model_xml([], ['<item objectid="x"/>'])
        content = shapes.three_mf(model.replace("<resources>", f"<resources>{mesh}{more}"))
        assert code_of(examine, content, "part.3mf") == code


def test_cracks_are_looked_into_up_to_two_thousand_open_edges() -> None:
    for edges, cancel in ((limits.MAX_CRACK_EDGES, True), (limits.MAX_CRACK_EDGES + 1, False)):
        stops = np.column_stack([np.arange(edges, dtype=float), np.zeros((edges, 2))])
        pieces = np.column_stack([np.arange(edges - 1), np.arange(1, edges)])
        ends = np.concatenate([pieces, [[edges - 1, 0]]])
        assert len(ends) == edges
        assert lips_cancel(stops, ends) is cancel


def test_beyond_two_thousand_shells_signs_are_taken_as_they_are(examine: Examine) -> None:
    hollow = shapes.hollow_box(40, 30, 20, 2)
    for count in (limits.MAX_NESTED_SHELLS, limits.MAX_NESTED_SHELLS + 1):
        cubes = [shapes.box(1, 1, 1, (50 + 2 * at, 0, 0)) for at in range(count - 2)]
        content = shapes.binary_stl(shapes.together(hollow, *cubes))
        found = examine(content, "part.stl", perform_dfm=False, detect_features=False).geometry
        assert found is not None
        assert found.volume == pytest.approx((shapes.volume(hollow) + count - 2) / 1000)
        assert ("ENCLOSED_VOID" in found.warnings) is (count == limits.MAX_NESTED_SHELLS)


def test_a_component_bomb_is_counted_not_unfolded(examine: Examine) -> None:
    one = '<component objectid="{}"/>'
    tens = [f"<components>{one.format(level) * 10}</components>" for level in range(1, 10)]
    content = placed(MESH, *tens, items='<item objectid="10"/>')
    assert len(content) < 3000
    assert code_of(examine, content, "part.3mf") == "LIMIT_EXCEEDED"


def test_components_may_nest_63_deep(examine: Examine) -> None:
    for depth, code in ((63, "ok"), (64, "LIMIT_EXCEEDED")):
        chain = [
            f'<components><component objectid="{at}"/></components>' for at in range(1, depth + 1)
        ]
        content = placed(MESH, *chain, items=f'<item objectid="{depth + 1}"/>')
        assert code_of(examine, content, "part.3mf") == code


def test_xml_may_nest_64_deep(examine: Examine) -> None:
    for depth, code in ((limits.MAX_XML_DEPTH, "ok"), (limits.MAX_XML_DEPTH + 1, "LIMIT_EXCEEDED")):
        nested = "<x>" * (depth - 1) + "</x>" * (depth - 1)
        model = shapes.model_xml([MESH], [ITEM]).replace("<resources>", nested + "<resources>")
        assert code_of(examine, shapes.three_mf(model), "part.3mf") == code


def test_an_endless_tag_is_not_buffered(examine: Examine) -> None:
    noise = "".join(f"{i:x}" for i in range(1_000_000))
    model = shapes.model_xml([MESH], [ITEM]).replace("<resources>", f'<resources a="{noise}">')
    assert code_of(examine, shapes.three_mf(model), "part.3mf") == "LIMIT_EXCEEDED"


def test_an_archive_may_have_a_thousand_entries(examine: Examine) -> None:
    files = {"_rels/.rels": shapes.RELATIONS, shapes.MODEL: shapes.model_xml([MESH], [ITEM])}
    for count, code in ((1000, "ok"), (1001, "LIMIT_EXCEEDED")):
        more = {f"Metadata/{i}": "" for i in range(count - 2)}
        assert code_of(examine, shapes.package(files | more), "part.3mf") == code


def test_an_archive_with_two_entries_of_one_name_is_corrupt(examine: Examine) -> None:
    model = shapes.model_xml([MESH], [ITEM])
    files = {"_rels/.rels": shapes.RELATIONS, shapes.MODEL: model, shapes.MODEL.lower(): model}
    assert code_of(examine, shapes.package(files), "part.3mf") == "CORRUPT"


def test_an_archive_may_inflate_a_hundredfold(tmp_path: Path) -> None:
    """Archives of one stored and one deflated entry, tuned to the byte around the ratio."""

    def archive(zeros: int, ballast: int) -> Path:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr("a", bytes(zeros), zipfile.ZIP_DEFLATED)
            packed.writestr("b", bytes(ballast), zipfile.ZIP_STORED)
        path = tmp_path / "part.3mf"
        path.write_bytes(file.getvalue())
        return path

    zeros = 4 * 1024 * 1024
    with zipfile.ZipFile(archive(zeros, 0)) as probe:
        compressed = probe.getinfo("a").compress_size
    # (zeros + b) / (compressed + b) = ratio
    ballast = -(-(zeros - limits.MAX_INFLATION_RATIO * compressed) // 99)
    Archive(archive(zeros, ballast))
    with pytest.raises(InvalidData, match="inflates") as caught:
        Archive(archive(zeros, ballast - 1))
    assert caught.value.code == "LIMIT_EXCEEDED"
    Archive(archive(limits.RATIO_COUNTS_FROM_BYTES, 0))
    with pytest.raises(InvalidData, match="inflates"):
        Archive(archive(limits.RATIO_COUNTS_FROM_BYTES + 1, 0))


def test_a_size_that_the_archive_lies_about_is_found_out(examine: Examine) -> None:
    model = shapes.model_xml([MESH], [ITEM]).replace("<resources>", " " * 900_000 + "<resources>")
    content = bytearray(shapes.three_mf(model))
    directory = content.rfind(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (500).to_bytes(4, "little")
    assert code_of(examine, bytes(content), "part.3mf") == "CORRUPT"
