"""Walls, gaps, overhangs, reach and inner corners against closed forms."""

from __future__ import annotations

import math

import numpy as np
import part_shapes as shapes
import pytest
from part_measuring import Examine

from cotiza_queue.processors.analysis.study import Study

RIB = [(0, 0), (60, 0), (60, 5), (30.3, 5), (30.3, 25), (29.7, 25), (29.7, 5), (0, 5)]
"""A rib 0.6 thick and 20 high on a base of 60 x 5."""
T_SLOT = [
    *[(0, 0), (50, 0), (50, 30), (28, 30), (28, 20), (35, 20)],
    *[(35, 12), (15, 12), (15, 20), (22, 20), (22, 30), (0, 30)],
]
"""A slot 20 wide and 8 high, under a neck of 6."""


def study(examine: Examine, shape: np.ndarray, **options: object) -> Study:
    found: Study = examine(shapes.binary_stl(shape), "part.stl", **options).study
    assert found.survey is not None
    return found


@pytest.mark.parametrize(
    ("shape", "thickness", "tolerance"),
    [
        (shapes.box(20, 20, 20), 20.0, 0.01),
        (shapes.turned(shapes.box(20, 20, 20)), 20.0, 0.01),
        (shapes.hollow_box(40, 30, 20, 1.2), 1.2, 0.01),
        (shapes.open_box(40, 30, 20, 0.8), 0.8, 0.01),
        (shapes.turned(shapes.open_box(40, 30, 20, 0.8)), 0.8, 0.01),
        (shapes.extrude(RIB, 40), 0.6, 0.01),
        (shapes.tube(10, 9.2, 15), 0.8, 0.02),
        (shapes.together(shapes.ball(15), shapes.inside_out(shapes.ball(14))), 1.0, 0.02),
    ],
    ids=["cube", "turned cube", "hollow", "open", "turned open", "rib", "tube", "shell"],
)
def test_the_thinnest_wall_is_right(
    examine: Examine, shape: np.ndarray, thickness: float, tolerance: float
) -> None:
    survey = study(examine, shape).survey
    assert survey is not None
    robust = survey.walls.robust()
    assert robust is not None
    assert robust[0] == pytest.approx(thickness, rel=tolerance)


def test_no_sample_of_a_cube_sees_a_thinner_wall_near_its_edges(examine: Examine) -> None:
    survey = study(examine, shapes.box(20, 20, 20)).survey
    assert survey is not None
    assert survey.walls.lengths[0] >= 19.8
    assert len(survey.walls.lengths) == 50_000
    assert survey.walls.mean() == pytest.approx(20.0)


def test_the_thin_area_of_a_rib_is_its_two_sides(examine: Examine) -> None:
    survey = study(examine, shapes.extrude(RIB, 40)).survey
    assert survey is not None
    assert survey.walls.area_below(0.8) == pytest.approx(2 * 20 * 40, rel=0.05)
    assert survey.walls.area_below(0.59) == 0.0
    where = survey.walls.robust()
    assert where is not None
    assert where[1][2] > 5  # the place is on the rib


def test_a_slot_is_as_narrow_as_it_was_drawn(examine: Examine) -> None:
    slot = [(0, 0), (40, 0), (40, 20), (20.9, 20), (20.9, 6), (20, 6), (20, 20), (0, 20)]
    survey = study(examine, shapes.extrude(slot, 30)).survey
    assert survey is not None
    narrow = survey.gaps.robust()
    assert narrow is not None
    assert narrow[0] == pytest.approx(0.9, rel=0.01)


def test_a_convex_part_has_no_gaps(examine: Examine) -> None:
    survey = study(examine, shapes.ball(12, rings=24)).survey
    assert survey is not None
    assert survey.gaps.robust() is None


@pytest.mark.parametrize("degrees", [0.0, 30.0, 45.0])
def test_a_lean_up_to_45_degrees_needs_no_support(examine: Examine, degrees: float) -> None:
    found = examine(shapes.binary_stl(shapes.wedge(degrees, 30, 20, 15)), "part.stl")
    assert found.geometry is not None
    assert found.geometry.overhang_area == 0.0
    assert found.dfm_analysis is not None
    assert "overhang" not in [issue.type for issue in found.dfm_analysis.issues]


@pytest.mark.parametrize("degrees", [46.0, 60.0, 80.0])
def test_a_steeper_lean_is_measured_with_its_support(examine: Examine, degrees: float) -> None:
    length, width, height = 30, 20, 15
    found = study(examine, shapes.wedge(degrees, length, width, height)).survey
    assert found is not None
    tangent = math.tan(math.radians(degrees))
    face = width * height / math.cos(math.radians(degrees))
    assert found.overhang.area == pytest.approx(face, rel=0.005)
    assert found.overhang.steepest == pytest.approx(degrees, abs=0.01)
    column = 0.5 * height**2 * tangent * width
    assert found.overhang.support_volume == pytest.approx(column, rel=0.03)


def test_the_ceiling_of_a_hollow_box_hangs_over_its_floor(examine: Examine) -> None:
    found = study(examine, shapes.hollow_box(40, 30, 20, 1.2)).survey
    assert found is not None
    assert found.overhang.area == pytest.approx(37.6 * 27.6, rel=1e-4)
    assert found.overhang.support_volume == pytest.approx(37.6 * 27.6 * 17.6, rel=0.03)
    assert found.overhang.steepest == pytest.approx(90.0)


@pytest.mark.parametrize("at", [(0, 0, 0), (3, 4, -250), (0, 0, 900)])
def test_the_face_on_the_bed_is_no_overhang_wherever_the_part_lies(
    examine: Examine, at: tuple[float, float, float]
) -> None:
    found = study(examine, shapes.box(20, 20, 20, at)).survey
    assert found is not None
    assert found.overhang.area == 0.0


def test_a_t_slot_is_out_of_reach_from_above_but_not_from_its_end(examine: Examine) -> None:
    found = study(examine, shapes.extrude(T_SLOT, 60)).survey
    assert found is not None
    assert found.reach.undercut == pytest.approx((2 * (20 - 6) + 2 * 8) * 60, rel=0.02)
    assert found.reach.unreachable == 0.0


def test_the_inside_of_a_void_is_out_of_every_reach(examine: Examine) -> None:
    found = study(examine, shapes.hollow_box(40, 30, 20, 1.2)).survey
    assert found is not None
    inner = 2 * (37.6 * 27.6 + 37.6 * 17.6 + 27.6 * 17.6)
    assert found.reach.unreachable == pytest.approx(inner, rel=0.02)


def test_the_upright_corners_of_a_pocket_are_sharp_and_those_of_a_step_are_not(
    examine: Examine,
) -> None:
    def corners(shape: np.ndarray) -> list[tuple[float, str]]:
        found = examine(shapes.binary_stl(shape), "part.stl", process_type="cnc").dfm_analysis
        assert found is not None
        sharp = [issue for issue in found.issues if issue.type == "sharp_inner_corner"]
        return [(issue.measured, issue.severity) for issue in sharp]

    assert corners(shapes.open_box(60, 50, 40, 5)) == [(pytest.approx(4 * 35), "critical")]
    step = [(0, 0), (40, 0), (40, 10), (20, 10), (20, 20), (0, 20)]
    assert corners(shapes.extrude(step, 30)) == []


def test_the_samples_follow_from_the_mesh_alone(examine: Examine) -> None:
    shape = shapes.tube(10, 8, 5)
    first, second = (study(examine, shape).samples for _ in range(2))
    assert np.array_equal(first.points, second.points)
    assert first.weight * len(first.points) == pytest.approx(shapes.area(shape), rel=1e-6)
