"""The picture of a part."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import part_shapes as shapes
from part_measuring import measure_path
from PIL import Image

from cotiza_queue.processors.analysis.picture import SIZE


def picture(path: Path) -> np.ndarray:
    """(SIZE, SIZE, 4) numbers from 0 to 255."""
    image = Image.open(io.BytesIO(measure_path(path).thumbnail))
    assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (SIZE, SIZE))
    return np.asarray(image).astype(int)


def test_the_part_fills_the_picture_on_a_transparent_ground(cad: Path) -> None:
    pixels = picture(cad / "tm_20mm-xyz-cube.stl")
    solid = pixels[..., 3] == 255
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) > 0.75 * SIZE
    assert not pixels[[0, -1], :, 3].any()
    assert not pixels[:, [0, -1], 3].any()
    middle = (columns[0] + columns[-1]) / 2
    assert abs(middle - SIZE / 2) < 0.05 * SIZE


def test_the_three_sides_of_a_cube_are_told_apart_by_light(tmp_path: Path) -> None:
    path = tmp_path / "cube.stl"
    path.write_bytes(shapes.binary_stl(shapes.box(20, 20, 20)))
    pixels = picture(path)
    top, left, right = pixels[150, 256], pixels[340, 180], pixels[340, 330]
    brightness = [pixel[:3].sum() for pixel in (top, left, right)]
    assert brightness == sorted(brightness, reverse=True)
    assert brightness[0] - brightness[2] > 100


def test_a_part_that_is_inside_out_looks_the_same(tmp_path: Path) -> None:
    shape = shapes.open_box(40, 30, 20, 2)
    pictures = []
    for name, version in (("a.stl", shape), ("b.stl", shapes.inside_out(shape))):
        (tmp_path / name).write_bytes(shapes.binary_stl(version))
        pictures.append(picture(tmp_path / name))
    assert np.abs(pictures[0] - pictures[1]).mean() < 1.0


def test_the_same_file_gives_the_same_result_to_the_byte(cad: Path) -> None:
    for name in ("mf_torus.3mf", "tm_featuretype.STEP"):
        assert measure_path(cad / name) == measure_path(cad / name)
