"""STEP: exact figures, its own unit, holes, and what is no solid."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import step_files as step
from part_measuring import Examine

from cotiza_queue.errors import InvalidData

PLATE = step.cut(
    step.box(60, 40, 20),
    step.cylinder(3, 20, (15, 20, 0)),
    step.cylinder(1, 18, (45, 20, 2)),
    step.cylinder(4, 60, (0, 8, 10), (1, 0, 0)),
)
"""A through hole of 6, a blind one of 2 x 18, and one of 8 from side to side."""


@pytest.mark.parametrize("unit", ["MM", "CM", "M", "INCH", "FT"])
def test_the_same_part_in_any_unit_has_the_same_size(
    examine: Examine, tmp_path: Path, unit: str
) -> None:
    path = step.write(tmp_path / "box.step", step.box(10, 20, 30), unit)
    found = examine(path, unit="m").geometry
    assert found is not None
    assert found.volume == pytest.approx(6.0, rel=1e-9)
    assert found.surface_area == pytest.approx(22.0, rel=1e-9)
    box = found.bounding_box
    assert (box.x, box.y, box.z) == pytest.approx((10, 20, 30), abs=1e-5)
    assert found.unit == {"INCH": "in"}.get(unit, unit.lower())
    assert (found.exact, found.watertight, found.part_count) == (True, True, 1)
    assert found.warnings == ()


def test_a_curved_part_has_its_exact_volume_not_that_of_its_triangles(
    examine: Examine, tmp_path: Path
) -> None:
    path = step.write(tmp_path / "rod.stp", step.cylinder(10, 30, (0, 0, 0)))
    found = examine(path)
    assert found.geometry is not None
    assert found.geometry.volume == pytest.approx(math.pi * 100 * 30 / 1000, rel=1e-8)
    assert found.geometry.bounding_box.x == pytest.approx(20, abs=0.01)
    assert found.geometry.wall_thickness_min == pytest.approx(20, rel=0.02)
    assert found.study.mesh.watertight


def test_a_void_and_an_assembly_are_counted(examine: Examine, tmp_path: Path) -> None:
    hollow = step.cut(step.box(40, 30, 20), step.box(30, 20, 10, (5, 5, 5)))
    shape = step.together(hollow, step.box(5, 5, 5, (40, 0, 0)))
    found = examine(step.write(tmp_path / "two.step", shape), process_type="sla")
    assert found.geometry is not None
    assert found.geometry.part_count == 2
    assert found.geometry.volume == pytest.approx((24000 - 6000 + 125) / 1000)
    assert found.geometry.warnings == ("ENCLOSED_VOID",)
    assert found.dfm_analysis is not None
    void = [issue for issue in found.dfm_analysis.issues if issue.type == "enclosed_void"]
    assert void[0].measured == pytest.approx(6000)


def test_holes_are_exact_and_deep_ones_are_told(examine: Examine, tmp_path: Path) -> None:
    found = examine(step.write(tmp_path / "plate.step", PLATE), process_type="cnc")
    exact = found.study.part.exact
    assert exact is not None
    holes = [(hole.diameter, hole.depth) for hole in exact.holes]
    wanted = [(2, 18), (6, 20), (8, 60)]
    assert holes == [(pytest.approx(d, abs=0.01), pytest.approx(h, abs=0.1)) for d, h in wanted]
    assert found.dfm_analysis is not None
    issues = {issue.type: issue for issue in found.dfm_analysis.issues}
    deep = issues["deep_hole"]
    assert deep.measured == pytest.approx(9.0, abs=0.01)
    assert (deep.limit, deep.severity) == (4.0, "warning")
    assert deep.location is not None
    assert (deep.location.x, deep.location.z) == (45, 11)


def test_holes_of_a_real_part_are_all_found(examine: Examine, cad: Path) -> None:
    exact = examine(cad / "tm_featuretype.STEP", perform_dfm=False).study.part.exact
    assert exact is not None
    assert len(exact.holes) == 17


def test_loose_surfaces_are_sewn_if_they_close(examine: Examine, tmp_path: Path) -> None:
    loose = step.together(*step.faces(step.box(10, 20, 30)))
    found = examine(step.write(tmp_path / "loose.step", loose)).geometry
    assert found is not None
    assert found.volume == pytest.approx(6.0)
    assert "SURFACES_SEWN" in found.warnings


def test_what_encloses_nothing_is_no_solid(examine: Examine, tmp_path: Path) -> None:
    five = step.together(*step.faces(step.box(10, 20, 30))[:5])
    for shape, words in ((five, "5 surfaces"), (step.edge(), "curves")):
        with pytest.raises(InvalidData, match=words) as caught:
            examine(step.write(tmp_path / "open.step", shape))
        assert caught.value.code == "NOT_A_SOLID"


def test_a_file_that_breaks_off_is_truncated(examine: Examine, cad: Path) -> None:
    content = (cad / "tm_featuretype.STEP").read_bytes()
    with pytest.raises(InvalidData) as caught:
        examine(content[: len(content) // 2], "part.step")
    assert caught.value.code == "TRUNCATED"
