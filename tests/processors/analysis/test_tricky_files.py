"""Files that look wrong and are right: all of them are measured, with the warnings they deserve."""

from __future__ import annotations

import part_shapes as shapes
import pytest
from part_measuring import Examine

from cotiza_queue.jobtypes.file_analysis import Geometry

CUBE = shapes.box(20, 20, 20)
MESH = shapes.mesh_xml(CUBE)


def geometry_of(examine: Examine, content: bytes, name: str, **options: object) -> Geometry:
    found = examine(content, name, perform_dfm=False, detect_features=False, **options).geometry
    assert found is not None
    return found


def placed(*objects: str, items: str = '<item objectid="1"/>') -> bytes:
    return shapes.three_mf(shapes.model_xml(objects, [items]))


def test_a_binary_stl_may_begin_with_solid(examine: Examine) -> None:
    content = shapes.binary_stl(CUBE, header=b"solid made by some exporter")
    assert geometry_of(examine, content, "part.stl").volume == 8.0


@pytest.mark.parametrize("extra", [1, 37, 49])
def test_bytes_after_the_last_facet_are_taken_with_a_warning(examine: Examine, extra: int) -> None:
    found = geometry_of(examine, shapes.binary_stl(CUBE) + b"\n" * extra, "part.stl")
    assert found.volume == 8.0
    assert "TRAILING_BYTES" in found.warnings


def test_a_whole_facet_after_the_last_is_a_wrong_count(examine: Examine) -> None:
    with pytest.raises(Exception, match="room for 13"):
        examine(shapes.binary_stl(CUBE) + bytes(50), "part.stl")


@pytest.mark.parametrize("ending", ["\r\n", "\r", "\n\n"])
def test_line_ends_letter_case_and_exponents_do_not_matter(examine: Examine, ending: str) -> None:
    text = shapes.text_stl(CUBE).replace("20.0", "+2.000e+01").upper().replace("\n", ending)
    found = geometry_of(examine, text.encode(), "PART.STL")
    assert (found.volume, found.triangle_count) == (8.0, 12)


def test_a_text_stl_may_hold_several_solids_and_odd_names(examine: Examine) -> None:
    other = shapes.box(10, 10, 10, (50, 0, 0))
    text = shapes.text_stl(CUBE, "Pieza ñ facet 1") + shapes.text_stl(other, "")
    found = geometry_of(examine, text.encode(), "part.stl")
    assert (found.volume, found.part_count) == (9.0, 2)


def test_a_byte_order_mark_is_no_content(examine: Examine) -> None:
    for name, text in (("a.stl", shapes.text_stl(CUBE)), ("a.obj", shapes.obj(CUBE))):
        assert geometry_of(examine, b"\xef\xbb\xbf" + text.encode(), name).volume == 8.0


def test_doubled_and_collapsed_faces_are_dropped_with_a_warning(examine: Examine) -> None:
    collapsed = CUBE[:1].copy()
    collapsed[0, 1] = collapsed[0, 0]
    for extra in (CUBE[:2], collapsed):
        found = geometry_of(examine, shapes.binary_stl(shapes.together(CUBE, extra)), "part.stl")
        assert found.volume == 8.0
        assert found.watertight
        assert "DUPLICATE_OR_DEGENERATE_FACES" in found.warnings


def test_corners_that_differ_in_the_last_digit_are_one(examine: Examine) -> None:
    shaken = CUBE.copy()
    shaken[::2] += 2e-6
    found = geometry_of(examine, shapes.text_stl(shaken).encode(), "part.stl")
    assert found.watertight
    assert found.volume == pytest.approx(8.0, rel=1e-6)


def test_a_slit_of_a_hundredth_is_not_closed(examine: Examine) -> None:
    halves = shapes.together(shapes.box(10, 20, 20), shapes.box(9.99, 20, 20, (10.01, 0, 0)))
    found = geometry_of(examine, shapes.binary_stl(halves), "part.stl")
    assert (found.part_count, found.watertight) == (2, True)


def test_an_obj_may_have_polygons_textures_negatives_and_continued_lines(examine: Examine) -> None:
    text = """# a cube
mtllib ../../etc/passwd
o cube
v 0 0 0 1 0 0
v 20 0 0 1 0 0
v 20 20 0
v 0 20 0
v 0 0 20
v 20 0 20
v 20 20 20
v 0 20 20   # the last
vt 0 0
vn 0 0 1
usemtl steel
s off
f 4/1/1 3/1/1 2/1/1 1/1/1
f 5//1 6//1 7//1 8//1
f 1 2 \\
  6 5
f\t2 3 7 6
f -6 -5 -1 -2
f 4 1 5 8"""
    found = geometry_of(examine, text.encode(), "part.obj")
    assert (found.volume, found.triangle_count, found.watertight) == (8.0, 12, True)


def test_a_concave_polygon_is_covered_once(examine: Examine) -> None:
    star = [(0, 0), (10, 4), (20, 0), (16, 10), (20, 20), (10, 16), (0, 20), (4, 10)]
    near = "".join(f"v {x} 0 {z}\n" for x, z in star)
    far = "".join(f"v {x} 5 {z}\n" for x, z in star)
    sides = "".join(f"f {i + 1} {i + 9} {(i + 1) % 8 + 9} {(i + 1) % 8 + 1}\n" for i in range(8))
    caps = (
        f"f {' '.join(str(i + 1) for i in range(8))}\nf {' '.join(str(16 - i) for i in range(8))}"
    )
    found = geometry_of(examine, (near + far + sides + caps).encode(), "star.obj")
    face = 20 * 20 - 4 * (20 * 4 / 2)
    assert found.volume == pytest.approx(face * 5 / 1000)
    side = 8 * (10**2 + 4**2) ** 0.5 * 5
    assert found.surface_area == pytest.approx((2 * face + side) / 100)


def test_a_dart_is_covered_once_wherever_its_list_begins(examine: Examine) -> None:
    dart = [(0, 0), (10, 20), (0, 10), (-10, 20)]
    for shift in range(4):
        corners = dart[shift:] + dart[:shift]
        near = "".join(f"v {x} 0 {z}\n" for x, z in corners)
        far = "".join(f"v {x} 5 {z}\n" for x, z in corners)
        sides = "".join(
            f"f {i + 1} {i + 5} {(i + 1) % 4 + 5} {(i + 1) % 4 + 1}\n" for i in range(4)
        )
        found = geometry_of(
            examine, (near + far + sides + "f 1 2 3 4\nf 8 7 6 5").encode(), "a.obj"
        )
        assert found.volume == pytest.approx(0.5)
        edges = 2 * (10**2 + 20**2) ** 0.5 + 2 * (10**2 + 10**2) ** 0.5
        assert found.surface_area == pytest.approx((2 * 100 + edges * 5) / 100)


def test_a_mirrored_component_keeps_its_outside(examine: Examine) -> None:
    mirror = (
        '<components><component objectid="1" transform="-1 0 0 0 1 0 0 0 1 0 0 0"/></components>'
    )
    found = geometry_of(examine, placed(MESH, mirror, items='<item objectid="2"/>'), "part.3mf")
    assert found.volume == 8.0
    assert found.warnings == ()


def test_components_and_items_move_turn_and_scale(examine: Examine) -> None:
    scaled = (
        '<components><component objectid="1" transform="2 0 0 0 2 0 0 0 2 1 1 1"/></components>'
    )
    items = '<item objectid="2" transform="0 1 0 -1 0 0 0 0 1 100 0 0"/><item objectid="1"/>'
    found = geometry_of(examine, placed(MESH, scaled, items=items), "part.3mf")
    assert found.volume == pytest.approx(8 * 8 + 8)
    assert found.part_count == 2
    assert found.bounding_box.x == pytest.approx(99.0)
    assert found.bounding_box.y == pytest.approx(41.0)


def test_only_what_the_build_section_places_is_measured(examine: Examine) -> None:
    other = shapes.mesh_xml(shapes.box(5, 5, 5))
    assert geometry_of(examine, placed(MESH, other), "part.3mf").volume == 8.0


def test_supports_are_not_the_part(examine: Examine) -> None:
    xml = shapes.model_xml([MESH, MESH], ['<item objectid="1"/>', '<item objectid="2"/>'])
    xml = xml.replace('<object id="2">', '<object id="2" type="support">')
    assert geometry_of(examine, shapes.three_mf(xml), "part.3mf").volume == 8.0


def test_a_3mf_whose_triangles_share_no_vertices_is_still_closed(examine: Examine) -> None:
    vertices = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in CUBE.reshape(-1, 3))
    triangles = "".join(
        f'<triangle v1="{3 * i}" v2="{3 * i + 1}" v3="{3 * i + 2}"/>' for i in range(12)
    )
    mesh = f"<mesh><vertices>{vertices}</vertices><triangles>{triangles}</triangles></mesh>"
    found = geometry_of(examine, placed(mesh), "part.3mf")
    assert (found.volume, found.watertight, found.warnings) == (8.0, True, ())


def test_objects_in_other_parts_of_the_package_are_found(examine: Examine) -> None:
    production = "http://schemas.microsoft.com/3dmanufacturing/production/2015/06"
    head = f'unit="millimeter" xmlns:p="{production}" requiredextensions="p"'
    outer = '<components><component p:path="/3D/Objects/a.model" objectid="1"/></components>'
    files = {
        "_rels/.rels": shapes.RELATIONS,
        shapes.MODEL: shapes.model_xml([outer], ['<item objectid="1"/>'], head),
        "3D/Objects/a.model": shapes.model_xml([MESH], [], 'unit="centimeter"'),
    }
    assert geometry_of(examine, shapes.package(files), "part.3mf").volume == 8000.0
