"""Machine time, material and batches against figures worked out or measured elsewhere."""

from __future__ import annotations

from decimal import Decimal as D
from decimal import localcontext

import msgspec
import pytest

from cotiza_queue.processors.pricing.estimate import Work, estimate
from cotiza_queue.processors.pricing.line import machine_seconds
from cotiza_queue.processors.pricing.money import ARITHMETIC
from cotiza_queue.processors.pricing.part import Part
from cotiza_queue.processors.pricing.placement import MAX_BATCH, Placement, place
from cotiza_queue.processors.pricing.refusal import Where

HERE = Where(0, "part")


def box(x: int, y: int, z: int, **changes: D | None) -> Part:
    """A solid box, in mm."""
    part = Part(
        x_mm=D(x),
        y_mm=D(y),
        z_mm=D(z),
        volume_mm3=D(x * y * z),
        area_mm2=D(2 * (x * y + y * z + x * z)),
        overhang_mm2=D(0),
    )
    return msgspec.structs.replace(part, **changes)


def work_of(catalogue, part: Part, material: str, process: str) -> Work:
    machine = catalogue.processes[process]
    with localcontext(ARITHMETIC):
        placement = place(part, machine, HERE)
        return estimate(part, placement, catalogue.materials[material], machine)


@pytest.mark.parametrize(
    ("height", "seconds"), [(20, "5567.15"), (32, "8027.15"), (48, "11307.15")]
)
def test_resin_time_is_that_of_the_slicer_to_the_hundredth(
    catalogue, height: int, seconds: str
) -> None:
    # PrusaSlicer 2.5.0, Original Prusa SL1, 0.05 mm, 5 s exposure, supports and pad.
    sla = catalogue.processes["sla"]
    layers = (D(height) + sla.lift_mm) / sla.layer_mm
    assert layers * sla.layer_s + sla.fixed_s == D(seconds)
    work = work_of(catalogue, box(20, 20, height), "resin-standard", "sla")
    assert (work.batch_s, work.piece_s) == (int(D(seconds)) + 1, 0)


def test_resin_with_supports_is_within_a_tenth_of_three_sliced_parts(catalogue) -> None:
    # ml for mm³ of part: supports differ from part to part, an average share can't follow them.
    sla = catalogue.processes["sla"]
    for volume, sliced in ((7940, "9.04"), (18390, "20.04"), (15160, "18.50")):
        estimated = D(volume) * (1 + sla.support_share) / 1000
        assert abs(estimated / D(sliced) - 1) < D("0.10")


def test_a_plate_of_resin_shares_its_time(catalogue) -> None:
    work = work_of(catalogue, box(20, 20, 20), "resin-standard", "sla")
    assert work.capacity == 5 * 3  # (118 + 3) // 23 and (66 + 3) // 23
    seconds = [machine_seconds(0, work.batch_s, work.capacity, q) for q in (1, 15, 16)]
    assert seconds == [5568, 372, 696]


def test_supports_take_filament_time_and_labor(catalogue) -> None:
    plain = work_of(catalogue, box(40, 40, 30), "pla", "fff")
    held = work_of(catalogue, box(40, 40, 30, overhang_mm2=D(400)), "pla", "fff")
    # 400 mm² x 30 mm x 0.0812 = 974.4 mm³
    assert abs(held.material - plain.material - D("974.4") * D("1.05") * D("1.24e-6")) < D("2e-6")
    assert abs(held.piece_s - plain.piece_s - D("974.4") * D("0.4540")) <= 1
    assert held.labor_minutes - plain.labor_minutes == 4 * D("0.25")


def test_overhang_that_was_not_measured_is_said(catalogue) -> None:
    work = work_of(catalogue, box(40, 40, 30, overhang_mm2=None), "pla", "fff")
    assert work.warnings == ("SUPPORTS_NOT_ESTIMATED",)


def test_thin_parts_are_all_contour(catalogue) -> None:
    sheet = work_of(catalogue, box(100, 100, 1), "pla", "fff")
    # Contour is capped at the volume: 10 000 mm³ of solid PLA and five layers.
    assert sheet.material == D("0.01302")  # 10 cm³ x 1.05 x 1.24 g
    assert sheet.piece_s == 3160  # 3 124 + 5 x 7.125 = 3 159.625


def test_powder_is_charged_by_the_share_of_the_chamber(catalogue) -> None:
    mjf = catalogue.processes["mjf"]
    work = work_of(catalogue, box(20, 20, 20), "pa12", "mjf")
    # Box with gaps 25³ = 15 625 mm³; a chamber of 4 450 layers x 10 s; 356 x 280 x 356 x 0.7 mm³
    assert work.piece_s == 28  # 44 500 x 15 625 / 24 840 256 = 27.99…
    # Fused 8.08 g, loose 7.625 cm³ x 0.425 = 3.24 g; a fifth of both is less than the fused mass
    assert work.material == D("0.00808")
    assert work.capacity == 14 * 11 * 14
    full = work_of(catalogue, box(356, 280, 356), "pa12", "mjf")
    assert full.piece_s == 4450 * mjf.layer_s


def test_hollow_parts_pay_for_the_powder_they_age(catalogue) -> None:
    frame = box(100, 100, 100, volume_mm3=D(20_000))
    work = work_of(catalogue, frame, "pa12", "sls")
    # Fused 20.2 g; loose (105³ - 20 000) mm³ x 0.425 = 483.490625 g; half of both
    assert work.material == D("0.251846")


def test_milling_pays_for_the_block_and_its_chips(catalogue) -> None:
    work = work_of(catalogue, box(50, 40, 20), "aluminium-6061", "cnc")
    # Block 56 x 46 x 26 = 66 976 mm³ -> 180.8352 g; chips 26.976 cm³ at 40 and 76 cm² at 20 per min
    assert work.material == D("0.180836")
    assert work.piece_s == 359  # 40.464 + 228 + 90 s
    assert work.capacity == 100
    assert work.warnings == ("MACHINING_TIME_ASSUMED",)


def test_harder_metal_takes_longer(catalogue) -> None:
    times = [
        work_of(catalogue, box(50, 40, 20), material, "cnc").piece_s
        for material in ("aluminium-6061", "steel-1018", "stainless-304")
    ]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("size", "height", "capacity", "turned"),
    [
        ((20, 20, 20), 20, 72, False),
        ((210, 250, 210), 210, 1, False),
        ((122, 102, 50), 50, 4, False),
        ((123, 103, 50), 50, 2, False),
        ((20, 20, 211), 20, 8, True),
        ((1, 1, 100), 100, 36 * 30, False),
    ],
)
def test_parts_stand_as_modelled_if_they_can(
    catalogue, size: tuple[int, int, int], height: int, capacity: int, turned: bool
) -> None:
    placement = place(box(*size), catalogue.processes["fff"], HERE)
    assert placement == Placement(D(height), capacity, turned)


def test_a_batch_never_holds_more_than_its_limit(catalogue) -> None:
    tiny = place(box(3, 3, 3), catalogue.processes["mjf"], HERE)
    assert tiny.capacity == MAX_BATCH
