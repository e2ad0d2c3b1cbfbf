"""A second opinion: trimesh measures the same on the files that it reads rightly."""

from __future__ import annotations

from pathlib import Path

import pytest
import trimesh
from part_measuring import Examine

CAD = Path(__file__).parents[2] / "data/cad"
CLEAN = ("ns_rear_case.stl", "tm_20mm-xyz-cube.stl", "tm_7_8ths_cube.stl", "tm_featuretype.STL")


@pytest.mark.parametrize("name", CLEAN)
def test_volume_area_and_size_of_a_clean_mesh_are_those_of_trimesh(
    examine: Examine, name: str
) -> None:
    ours = examine((CAD / name).read_bytes(), name).geometry
    assert ours is not None
    theirs = trimesh.load_mesh(CAD / name)
    assert theirs.is_watertight
    assert ours.watertight
    assert ours.volume == pytest.approx(abs(theirs.volume) / 1000, rel=1e-6)
    assert ours.surface_area == pytest.approx(theirs.area / 100, rel=1e-6)
    box = (ours.bounding_box.x, ours.bounding_box.y, ours.bounding_box.z)
    assert box == pytest.approx(tuple(theirs.extents), abs=1e-3)
    assert ours.part_count == theirs.body_count
    assert ours.triangle_count == len(theirs.faces)
