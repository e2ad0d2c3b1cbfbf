"""Where the filament figures of the price list come from, and how far off they are.

tests/data/pricing/slicer_calibration.csv: 28 parts sliced with PrusaSlicer 2.5.0 (Original Prusa i3
MK3S, 0.20 mm QUALITY, 15 % gyroid, Prusament PLA) as modelled, with and without supports. The fit
below is least squares of the relative error; the price list must hold what it gives, and the
errors stated in ``estimate.extrude`` must be what is measured here.
"""

from __future__ import annotations

import csv
from decimal import Decimal, localcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from cotiza_queue.processors.pricing.catalogue import Extrusion
from cotiza_queue.processors.pricing.estimate import extrude
from cotiza_queue.processors.pricing.money import ARITHMETIC, exact
from cotiza_queue.processors.pricing.part import Part
from cotiza_queue.processors.pricing.placement import Placement

DATA = Path(__file__).parents[2] / "data" / "pricing" / "slicer_calibration.csv"
LAYER_MM = 0.2


class Sliced(NamedTuple):
    """One row per part: mm, mm², mm³, seconds."""

    volume: np.ndarray
    area: np.ndarray
    height: np.ndarray
    overhang: np.ndarray
    seconds: np.ndarray
    filament: np.ndarray
    seconds_held: np.ndarray
    filament_held: np.ndarray

    def only(self, rows: np.ndarray) -> Sliced:
        return Sliced(*(column[rows] for column in self))


class Fit(NamedTuple):
    contour_mm: float
    infill: float
    contour_s: float
    infill_s: float
    layer_s: float
    support_share: float
    support_s: float


@pytest.fixture(scope="module")
def sliced() -> Sliced:
    with DATA.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    def column(name: str, scale: float = 1.0) -> np.ndarray:
        return np.array([float(row[name]) * scale for row in rows])

    return Sliced(
        volume=column("volume_mm3"),
        area=column("area_mm2"),
        height=column("height_mm"),
        overhang=column("overhang_area_mm2"),
        seconds=column("time_s"),
        filament=column("filament_cm3", 1000),
        seconds_held=column("time_support_s"),
        filament_held=column("filament_support_cm3", 1000),
    )


def relative_least_squares(columns: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Factors that bring the sum of the columns closest to the truth, as a share of it."""
    scaled = columns / truth[:, None]
    return np.linalg.lstsq(scaled, np.ones(len(truth)), rcond=None)[0]


def fit_filament(parts: Sliced) -> tuple[float, float]:
    """The width of the contour (searched in steps of 0.001 mm) and the share of infill."""
    best = (np.inf, 0.0, 0.0)
    for width in np.arange(0.5, 1.5, 0.001):
        contour = np.minimum(width * parts.area, parts.volume)
        inner = (parts.volume - contour) / parts.filament
        share = inner @ (1 - contour / parts.filament) / (inner @ inner)
        error = np.sum((contour / parts.filament + share * inner - 1) ** 2)
        best = min(best, (error, float(width), float(share)))
    return best[1], best[2]


def fit(parts: Sliced) -> Fit:
    """All figures: filament, then its time, then supports where there are any."""
    width, share = (round(number, 4) for number in fit_filament(parts))
    contour = np.minimum(width * parts.area, parts.volume)
    infill = share * (parts.volume - contour)
    layers = np.ceil(np.round(parts.height / LAYER_MM, 9))
    columns = np.column_stack([contour, infill, layers])
    rates = relative_least_squares(columns, parts.seconds)

    held = parts.overhang > 0
    towers = (parts.overhang * parts.height)[held]
    filament, seconds = parts.filament_held[held], parts.seconds_held[held]
    missing = 1 - (contour + infill)[held] / filament
    support = float(towers / filament @ missing / np.sum((towers / filament) ** 2))
    support = round(support, 4)
    column = support * towers / seconds
    left = 1 - (columns @ rates)[held] / seconds
    support_s = float(column @ left / (column @ column))
    return Fit(width, share, *map(float, rates), support, support_s)


def figures_of(process: Extrusion) -> Fit:
    return Fit(
        float(process.contour_mm),
        float(process.infill),
        float(process.contour_s_per_mm3),
        float(process.infill_s_per_mm3),
        float(process.layer_s),
        float(process.support_share),
        float(process.support_s_per_mm3),
    )


def estimated(parts: Sliced, fff: Extrusion, pla, *, held: bool) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and mm³ of filament (without waste) by the estimator of the product."""
    seconds, filament = [], []
    for row in zip(parts.volume, parts.area, parts.height, parts.overhang, strict=True):
        volume, area, height, overhang = (exact(float(number)) for number in row)
        part = Part(
            x_mm=height,
            y_mm=height,
            z_mm=height,
            volume_mm3=volume,
            area_mm2=area,
            overhang_mm2=overhang if held else Decimal(0),
        )
        with localcontext(ARITHMETIC):
            work = extrude(part, Placement(height, 1), pla, fff)
        seconds.append(work.piece_s)
        filament.append(float(work.material / pla.density / (1 + fff.waste)) * 1e6)
    return np.array(seconds), np.array(filament)


def off(estimates: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Median and ninth decile of the relative error."""
    errors = np.abs(estimates / truth - 1)
    return float(np.median(errors)), float(np.quantile(errors, 0.9))


def test_the_price_list_holds_what_the_fit_gives(sliced, catalogue) -> None:
    held = figures_of(catalogue.processes["fff"])
    assert held == pytest.approx(fit(sliced), rel=2e-3)


def test_the_error_on_the_parts_of_the_fit_is_what_we_state(sliced, catalogue) -> None:
    fff, pla = catalogue.processes["fff"], catalogue.materials["pla"]
    seconds, filament = estimated(sliced, fff, pla, held=False)
    time, material = off(seconds, sliced.seconds), off(filament, sliced.filament)
    assert time == pytest.approx((0.096, 0.176), abs=0.002)
    assert material == pytest.approx((0.028, 0.044), abs=0.002)

    with_supports = sliced.only(sliced.overhang > 0)
    seconds, filament = estimated(with_supports, fff, pla, held=True)
    time = off(seconds, with_supports.seconds_held)
    material = off(filament, with_supports.filament_held)
    assert time == pytest.approx((0.108, 0.263), abs=0.002)
    assert material == pytest.approx((0.052, 0.134), abs=0.002)


def test_the_error_on_a_part_left_out_of_the_fit_is_what_we_state(sliced) -> None:
    count = len(sliced.volume)
    time, material = [], []
    for index in range(count):
        rest = np.arange(count) != index
        figures = fit(sliced.only(rest))
        one = sliced.only(~rest)
        contour = np.minimum(figures.contour_mm * one.area, one.volume)
        infill = figures.infill * (one.volume - contour)
        layers = np.ceil(np.round(one.height / LAYER_MM, 9))
        seconds = contour * figures.contour_s + infill * figures.infill_s
        seconds += layers * figures.layer_s
        time.append(off(seconds, one.seconds)[0])
        material.append(off(contour + infill, one.filament)[0])
    assert np.median(time) == pytest.approx(0.106, abs=0.005)
    assert np.quantile(time, 0.9) == pytest.approx(0.22, abs=0.01)
    assert max(time) == pytest.approx(0.44, abs=0.01)
    assert np.median(material) == pytest.approx(0.028, abs=0.005)
    assert np.quantile(material, 0.9) == pytest.approx(0.048, abs=0.005)


def test_four_parts_outside_the_fit_are_underestimated_by_up_to_a_fifth(catalogue) -> None:
    # 20mm-xyz-cube, low_poly_benchy, component8 and io1-cm-214, sliced in the same way.
    fff, pla = catalogue.processes["fff"], catalogue.materials["pla"]
    others = Sliced(
        volume=np.array([7940.0, 15160.0, 18390.0, 78220.0]),
        area=np.array([2500.0, 9240.0, 6370.0, 21130.0]),
        height=np.array([20.0, 48.0, 32.0, 88.0]),
        overhang=np.zeros(4),
        seconds=np.array([1877.0, 5421.0, 4092.0, 15176.0]),
        filament=np.array([3180.0, 9830.0, 8680.0, 30990.0]),
        seconds_held=np.ones(4),
        filament_held=np.ones(4),
    )
    seconds, filament = estimated(others, fff, pla, held=False)
    assert seconds / others.seconds - 1 == pytest.approx([-0.07, -0.12, -0.10, -0.19], abs=0.01)
    assert np.all(np.abs(filament / others.filament - 1) < 0.10)
