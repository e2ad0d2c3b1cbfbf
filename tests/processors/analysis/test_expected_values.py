"""Real files, against figures that at least two independent programs agree on (tests/data/cad)."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest
from part_measuring import Examine

_CAD = Path(__file__).parents[2] / "data" / "cad"
with (_CAD / "expected.csv").open(encoding="utf-8", newline="") as _file:
    _ROWS = list(csv.DictReader(_file))
_SIDES = {"x": "bbox_x", "y": "bbox_y", "z": "bbox_z"}


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row["file"])
def test_a_real_file_measures_as_two_other_programs_say(
    row: dict[str, str], examine: Examine
) -> None:
    found = examine(_CAD / row["file"])
    geometry = found.geometry
    assert geometry is not None
    assert row["sha256"] == hashlib.sha256((_CAD / row["file"]).read_bytes()).hexdigest()
    is_cad = row["file"].endswith(".STEP")
    assert geometry.exact is is_cad
    if row["volume_mm3"] and not row["tolerance"].startswith("V not comparable"):
        assert geometry.volume is not None
        assert geometry.volume * 1000 == pytest.approx(float(row["volume_mm3"]), rel=1e-4)
    if row["area_mm2"]:
        assert geometry.surface_area * 100 == pytest.approx(float(row["area_mm2"]), rel=1e-4)
    for side, column in _SIDES.items():
        if row[column]:
            wanted = float(row[column])
            allowed = 0.02 if is_cad else max(1e-5 * wanted, 1e-9)
            assert getattr(geometry.bounding_box, side) == pytest.approx(wanted, abs=allowed)
    if row["triangles"]:
        assert geometry.triangle_count == int(row["triangles"])
    if row["watertight"]:
        assert geometry.watertight is (row["watertight"] == "True")
    if row["bodies"]:
        assert geometry.part_count == int(row["bodies"])
    if row["error_code"]:
        assert row["error_code"] in geometry.warnings


@pytest.mark.parametrize("row", [r for r in _ROWS if not r["error_code"]], ids=lambda r: r["file"])
def test_a_clean_file_gets_no_warning_but_that_its_unit_is_a_guess(
    row: dict[str, str], examine: Examine
) -> None:
    geometry = examine(_CAD / row["file"], perform_dfm=False).geometry
    assert geometry is not None
    states_unit = row["file"].upper().endswith((".3MF", ".STEP"))
    if states_unit:
        assert geometry.warnings == ()
    else:
        doubtful = row["file"] == "tm_featuretype.STL"  # 5 inches, read as 5 mm
        assert geometry.warnings == (("UNITS_AMBIGUOUS" if doubtful else "UNITS_ASSUMED"),)


def test_the_same_part_in_three_formats_has_the_same_size(examine: Examine, cad: Path) -> None:
    sizes = []
    for name, unit in (("STEP", None), ("3MF", None), ("STL", "in")):
        geometry = examine(cad / f"tm_featuretype.{name}", unit=unit).geometry
        assert geometry is not None
        assert geometry.unit == "in"
        assert geometry.volume == pytest.approx(190.53, rel=2e-3)
        sizes.append((geometry.bounding_box.x, geometry.bounding_box.y, geometry.bounding_box.z))
    assert sizes[0] == pytest.approx((127.0, 63.5, 34.925), abs=1e-3)
    assert sizes[1] == pytest.approx(sizes[0], abs=1e-3)
    assert sizes[2] == pytest.approx(sizes[0], abs=1e-3)


def test_a_volume_that_the_mesh_does_not_close_is_not_invented(examine: Examine, cad: Path) -> None:
    geometry = examine(cad / "tm_teapot.stl").geometry
    assert geometry is not None
    assert geometry.volume is None
    assert geometry.surface_area > 0
    assert "NOT_WATERTIGHT" in geometry.warnings


def test_cracks_without_area_leave_the_volume_certain(examine: Examine, cad: Path) -> None:
    geometry = examine(cad / "tm_featuretype.3MF").geometry
    assert geometry is not None
    assert not geometry.watertight
    assert geometry.volume == pytest.approx(190.679141, rel=1e-4)
