"""Shapes with figures in closed form: whatever the format, the turning or the winding."""

from __future__ import annotations

import itertools
import math

import numpy as np
import part_shapes as shapes
import pytest
from part_measuring import Examine

from cotiza_queue.jobtypes.file_analysis import Geometry

HOLLOW = shapes.hollow_box(40, 30, 20, 1.2)
OPEN = shapes.open_box(40, 30, 20, 0.8)


def geometry_of(examine: Examine, shape: np.ndarray, **options: object) -> Geometry:
    found = examine(shapes.text_stl(shape).encode(), "part.stl", **options).geometry
    assert found is not None
    return found


def test_a_cube_has_its_volume_area_and_box(examine: Examine) -> None:
    cube = geometry_of(examine, shapes.box(20, 20, 20))
    assert cube.volume == 8.0
    assert cube.surface_area == 24.0
    box = cube.bounding_box
    assert (box.x, box.y, box.z) == (20.0, 20.0, 20.0)
    assert (cube.part_count, cube.triangle_count, cube.watertight) == (1, 12, True)
    assert cube.warnings == ("UNITS_ASSUMED",)
    assert not cube.exact


def test_a_hollow_box_is_one_body_without_the_volume_of_its_void(examine: Examine) -> None:
    hollow = geometry_of(examine, HOLLOW)
    assert hollow.volume == pytest.approx((40 * 30 * 20 - 37.6 * 27.6 * 17.6) / 1000)
    inner = 2 * (37.6 * 27.6 + 37.6 * 17.6 + 27.6 * 17.6)
    outer = 2 * (40 * 30 + 40 * 20 + 30 * 20)
    assert hollow.surface_area == pytest.approx((inner + outer) / 100)
    assert hollow.part_count == 1
    assert hollow.watertight
    assert "ENCLOSED_VOID" in hollow.warnings


def test_an_open_box_is_solid_without_a_void(examine: Examine) -> None:
    geometry = geometry_of(examine, OPEN)
    assert geometry.volume == pytest.approx((40 * 30 * 20 - 38.4 * 28.4 * 19.2) / 1000)
    assert geometry.watertight
    assert "ENCLOSED_VOID" not in geometry.warnings


def test_a_tube_has_the_volume_of_its_polygons(examine: Examine) -> None:
    tube = geometry_of(examine, shapes.tube(10, 9.2, 15))
    polygons = 128 * math.sin(2 * math.pi / 256) * (10**2 - 9.2**2)
    assert tube.volume == pytest.approx(polygons * 15 / 1000, rel=1e-6)
    assert tube.part_count == 1


def test_a_wedge_has_its_volume_in_closed_form(examine: Examine) -> None:
    wedge = geometry_of(examine, shapes.wedge(30, 20, 15, 10))
    exact = (20 * 10 + 0.5 * 100 * math.tan(math.radians(30))) * 15
    assert wedge.volume == pytest.approx(exact / 1000, rel=1e-6)


def test_a_shape_that_is_inside_out_is_turned_and_said_to_be(examine: Examine) -> None:
    cube = geometry_of(examine, shapes.inside_out(shapes.box(20, 20, 20)))
    assert cube.volume == 8.0
    assert cube.warnings == ("INVERTED_NORMALS", "UNITS_ASSUMED")


def test_a_hollow_box_that_is_inside_out_keeps_its_void(examine: Examine) -> None:
    turned = geometry_of(examine, shapes.inside_out(HOLLOW))
    assert turned.volume == pytest.approx(geometry_of(examine, HOLLOW).volume)
    assert {"INVERTED_NORMALS", "ENCLOSED_VOID"} <= set(turned.warnings)


def test_a_void_below_an_inverted_skin_stays_a_void(examine: Examine) -> None:
    skin, void = HOLLOW[:12], HOLLOW[12:]
    half_wrong = geometry_of(examine, shapes.together(shapes.inside_out(skin), void))
    assert half_wrong.volume == pytest.approx(geometry_of(examine, HOLLOW).volume)


def test_mixed_winding_gives_the_same_volume_and_a_warning(examine: Examine) -> None:
    ball = shapes.ball(15, rings=24)
    mixed = ball.copy()
    mixed[::3] = mixed[::3, ::-1]  # a third of the faces
    repaired = geometry_of(examine, mixed)
    assert repaired.volume == pytest.approx(shapes.volume(ball) / 1000, rel=1e-9)
    assert "INCONSISTENT_NORMALS" in repaired.warnings
    assert repaired.volume is not None
    assert repaired.volume < 4 / 3 * math.pi * 15**3 / 1000


def test_two_separate_boxes_are_two_bodies(examine: Examine) -> None:
    pair = shapes.together(shapes.box(10, 10, 10), shapes.box(10, 10, 10, (20, 0, 0)))
    found = geometry_of(examine, pair)
    assert (found.part_count, found.volume) == (2, 2.0)
    assert "SELF_INTERSECTION" not in found.warnings


def test_overlapping_boxes_are_summed_with_a_warning(examine: Examine) -> None:
    pair = shapes.together(shapes.box(10, 10, 10), shapes.box(10, 10, 10, (7, 2, 3)))
    found = geometry_of(examine, pair)
    assert found.volume == 2.0
    assert "SELF_INTERSECTION" in found.warnings


def test_touching_bodies_of_a_3mf_are_closed_and_do_not_overlap(examine: Examine) -> None:
    objects = [shapes.mesh_xml(shapes.box(10, 10, 10, (x, 0, 0))) for x in (0, 10)]
    model = shapes.model_xml(objects, ['<item objectid="1"/>', '<item objectid="2"/>'])
    geometry = examine(shapes.three_mf(model), "pair.3mf").geometry
    assert geometry is not None
    assert (geometry.watertight, geometry.part_count, geometry.volume) == (True, 2, 2.0)
    assert geometry.warnings == ()


def test_a_cube_without_its_lid_has_no_volume(examine: Examine) -> None:
    cube = np.delete(shapes.box(20, 20, 20), [2, 3], axis=0)
    found = geometry_of(examine, cube)
    assert (found.volume, found.watertight) == (None, False)
    assert "NOT_WATERTIGHT" in found.warnings


def test_a_split_edge_is_a_crack_not_a_hole(examine: Examine) -> None:
    cube = shapes.box(20, 20, 20)
    a, b, c = cube[0]
    split = shapes.together(cube[1:], np.array([[a, (a + b) / 2, c], [(a + b) / 2, b, c]]))
    found = geometry_of(examine, split)
    assert (found.volume, found.watertight) == (8.0, False)
    assert "NOT_WATERTIGHT" in found.warnings


@pytest.mark.parametrize(
    "shape", [HOLLOW, OPEN, shapes.tube(10, 9, 12)], ids=["hollow", "open", "tube"]
)
def test_format_order_and_rotation_change_nothing(examine: Examine, shape: np.ndarray) -> None:
    plain = geometry_of(examine, shape)
    order = np.argsort(np.sin(np.arange(len(shape)) * 12.9898))
    files = {
        "turned.stl": shapes.text_stl(shapes.turned(shape)).encode(),
        "shuffled.stl": shapes.text_stl(shape[order]).encode(),
        "binary.stl": shapes.binary_stl(shape),
        "part.obj": shapes.obj(shape).encode(),
        "part.3mf": shapes.plain_three_mf(shape),
    }
    for name, content in files.items():
        found = examine(content, name).geometry
        assert found is not None
        assert found.volume == pytest.approx(plain.volume, rel=1e-5), name
        assert found.surface_area == pytest.approx(plain.surface_area, rel=1e-5), name
        assert found.part_count == plain.part_count, name
        assert found.wall_thickness_min == pytest.approx(plain.wall_thickness_min, rel=5e-3), name


@pytest.mark.parametrize(
    ("unit", "scale"), [("mm", 1.0), ("cm", 10.0), ("m", 1e3), ("in", 25.4), ("ft", 304.8)]
)
def test_a_stated_unit_scales_length_area_and_volume(
    examine: Examine, unit: str, scale: float
) -> None:
    shape = shapes.box(0.2, 0.3, 0.4)
    for name, content in (("a.stl", shapes.text_stl(shape)), ("a.obj", shapes.obj(shape))):
        found = examine(content.encode(), name, unit=unit).geometry
        assert found is not None
        assert found.bounding_box.z == pytest.approx(0.4 * scale)
        assert found.surface_area == pytest.approx(0.52 * scale**2 / 100)
        assert found.volume == pytest.approx(0.024 * scale**3 / 1000)
        assert found.unit == unit
        assert not any(word.startswith("UNITS") for word in found.warnings)


_3MF_UNITS = {
    "micron": 0.001,
    "millimeter": 1.0,
    "centimeter": 10,
    "inch": 25.4,
    "foot": 304.8,
    "meter": 1000.0,
}


@pytest.mark.parametrize(("unit", "scale"), _3MF_UNITS.items())
def test_the_unit_of_a_3mf_is_law(examine: Examine, unit: str, scale: float) -> None:
    content = shapes.plain_three_mf(shapes.box(1, 2, 3), f'unit="{unit}"')
    found = examine(content, "part.3mf", unit="cm").geometry
    assert found is not None
    assert found.bounding_box.z == pytest.approx(3 * scale)
    assert found.volume == pytest.approx(6 * scale**3 / 1000)
    assert not any(word.startswith("UNITS") for word in found.warnings)


@pytest.mark.parametrize(
    ("side", "warning"),
    [
        (7.99, "UNITS_AMBIGUOUS"),
        (8, "UNITS_ASSUMED"),
        (1500, "UNITS_ASSUMED"),
        (1501, "UNITS_AMBIGUOUS"),
    ],
)
def test_an_unlikely_size_makes_the_unit_ambiguous(
    examine: Examine, side: float, warning: str
) -> None:
    found = geometry_of(examine, shapes.box(side, side / 2, side / 2))
    assert warning in found.warnings


def test_what_is_not_asked_for_is_not_in_the_result(examine: Examine) -> None:
    content = shapes.binary_stl(shapes.box(20, 20, 20))
    switches = ("perform_dfm", "extract_geometry", "calculate_volume", "detect_features")
    for chosen in itertools.product((True, False), repeat=4):
        options = dict(zip(switches, chosen, strict=True))
        found = examine(content, "part.stl", **options)
        assert (found.geometry is not None) is options["extract_geometry"]
        assert (found.dfm_analysis is not None) is options["perform_dfm"]
        assert (found.features is not None) is options["detect_features"]
        if found.geometry:
            assert (found.geometry.volume is not None) is options["calculate_volume"]
            looked = options["perform_dfm"] or options["detect_features"]
            assert (found.geometry.wall_thickness_min is not None) is looked
