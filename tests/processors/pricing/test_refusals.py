"""What pricing refuses, always with the item, the field and the reason."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cotiza_queue.errors import InvalidData
from cotiza_queue.jobtypes import QuoteCalculation
from cotiza_queue.jobtypes.file_analysis import DfmIssue
from cotiza_queue.processors.pricing.money import exact
from cotiza_queue.processors.pricing.quote import check_currency, check_order
from cotiza_queue.processors.pricing.refusal import MAX_NAMED, Where, together

THIN_WALL = DfmIssue(
    type="thin_wall",
    severity="critical",
    description="a wall of 0.3 mm",
    measured=0.3,
    limit=0.8,
    unit="mm",
    source="a design guide",
)


def refusal(quote_of, item: Any, analysis: Any) -> InvalidData:
    with pytest.raises(InvalidData) as caught:
        quote_of([(item, analysis)])
    error = caught.value
    assert error.message.startswith(str(error.details["field"]))
    assert error.details["item"] == 0
    assert error.details["fileId"] == "part"
    return error


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"material": "unobtainium"}, "unknown_material", "data.items[0].material"),
        ({"process": "telekinesis"}, "unknown_process", "data.items[0].process"),
        ({"process": "laser"}, "process_not_priced", "data.items[0].process"),
        ({"process": "sheet"}, "process_not_priced", "data.items[0].process"),
        ({"material": "aluminium"}, "material_not_available", "data.items[0].material"),
        ({"finish_options": ("gilded",)}, "unknown_finish", "data.items[0].finishOptions[0]"),
        (
            {"finish_options": ("anodized",)},
            "finish_not_available",
            "data.items[0].finishOptions[0]",
        ),
        (
            {"finish_options": ("vapor-smoothed",)},
            "finish_not_available",
            "data.items[0].finishOptions[0]",
        ),
        (
            {"finish_options": ("sanded", "sanded")},
            "finish_not_available",
            "data.items[0].finishOptions[1]",
        ),
        ({"quantity": 1_000_000}, "needs_planning", "data.items[0].quantity"),
    ],
)
def test_a_request_outside_the_price_list_is_refused(
    quote_of, item_of, analysis_of, changes: dict[str, Any], code: str, field: str
) -> None:
    error = refusal(quote_of, item_of(**changes), analysis_of())
    assert (error.code, error.details["field"]) == (code, field)


def test_an_unknown_material_names_those_that_exist(quote_of, item_of, analysis_of) -> None:
    error = refusal(quote_of, item_of(material="unobtainium"), analysis_of())
    assert "pla" in (error.remedy or "")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"no_geometry": True}, "no_volume"),
        ({"volume": None}, "no_volume"),
        ({"watertight": False}, "not_watertight"),
        ({"watertight": False, "volume": None}, "not_watertight"),
        ({"warnings": ("NOT_WATERTIGHT",)}, "not_watertight"),
        ({"warnings": ("UNITS_AMBIGUOUS",)}, "units_uncertain"),
        ({"manufacturable": False}, "not_manufacturable"),
        ({"issues": (THIN_WALL,)}, "not_manufacturable"),
        ({"volume": 8.1}, "geometry_incoherent"),
        ({"volume": 0.0}, "geometry_incoherent"),
        ({"volume": -8.0}, "geometry_incoherent"),
        ({"area": 0.0}, "geometry_incoherent"),
        ({"area": 1e300}, "geometry_incoherent"),
        ({"size": (20.0, 20.0, 0.0)}, "geometry_incoherent"),
        ({"overhang": 25.0}, "geometry_incoherent"),
        ({"size": (20.0, 20.0, 251.0)}, "too_large"),
        ({"size": (2.9, 2.9, 2.9), "volume": 0.02, "area": 0.5}, "too_small"),
    ],
)
def test_a_part_that_cannot_be_priced_is_refused(
    quote_of, item_of, analysis_of, changes: dict[str, Any], code: str
) -> None:
    assert refusal(quote_of, item_of(), analysis_of(**changes)).code == code


def test_findings_of_another_process_do_not_refuse_but_warn(quote_of, item_of, analysis_of) -> None:
    analysis = analysis_of(process="cnc", manufacturable=False, issues=(THIN_WALL,))
    quote = quote_of([(item_of(), analysis)])
    assert "DFM_NOT_CHECKED" in quote.items[0].warnings
    unchecked = quote_of([(item_of(), analysis_of(no_dfm=True))])
    assert "DFM_NOT_CHECKED" in unchecked.items[0].warnings


@pytest.mark.parametrize(("longest", "priced"), [(2.9, False), (3.0, True), (249.0, True)])
def test_an_assumed_unit_is_a_warning_only_while_the_size_is_plausible(
    quote_of, item_of, analysis_of, longest: float, priced: bool
) -> None:
    analysis = analysis_of(
        size=(longest, 2.0, 2.0), volume=longest / 1000, area=0.1, warnings=("UNITS_ASSUMED",)
    )
    if priced:
        assert quote_of([(item_of(), analysis)]).items[0].warnings == ("UNITS_ASSUMED",)
    else:
        assert refusal(quote_of, item_of(), analysis).code == "units_uncertain"


def test_an_assumed_unit_with_a_giant_part_is_uncertain_rather_than_too_large(
    quote_of, item_of, analysis_of
) -> None:
    giant = {"size": (1500.1, 20.0, 20.0), "area": 100.0}
    assumed = analysis_of(**giant, warnings=("UNITS_ASSUMED",))
    assert refusal(quote_of, item_of(), assumed).code == "units_uncertain"
    assert refusal(quote_of, item_of(), analysis_of(**giant)).code == "too_large"


def test_a_part_in_metres_read_as_millimetres_is_uncertain_however_small(
    quote_of, item_of, analysis_of
) -> None:
    analysis = analysis_of(
        size=(0.2286, 0.1647, 0.015875), volume=2.5e-7, area=7.5e-4, warnings=("UNITS_AMBIGUOUS",)
    )
    assert refusal(quote_of, item_of(), analysis).code == "units_uncertain"


def test_the_build_volume_is_fair_to_its_edge(quote_of, item_of, analysis_of) -> None:
    box = {"volume": 8.0, "area": 1000.0}
    assert quote_of([(item_of(), analysis_of(size=(250.0, 210.0, 210.0), **box))])
    over = analysis_of(size=(250.01, 210.0, 210.0), **box)
    assert refusal(quote_of, item_of(), over).details["buildMm"] == ["250", "210", "210"]


def test_a_part_too_tall_to_stand_is_laid_down_and_says_so(quote_of, item_of, analysis_of) -> None:
    tall = analysis_of(size=(20.0, 20.0, 240.0), volume=90.0, area=200.0, overhang=1.0)
    warnings = quote_of([(item_of(), tall)]).items[0].warnings
    assert warnings == ("SUPPORTS_NOT_ESTIMATED", "TURNED_TO_FIT")


def test_another_currency_is_refused_because_there_is_no_exchange_rate(catalogue, item_of) -> None:
    payload = QuoteCalculation(quote_id="Q-1", items=(item_of(),), currency="USD")
    with pytest.raises(InvalidData) as caught:
        check_currency(payload, catalogue)
    assert caught.value.code == "currency_not_supported"
    assert caught.value.details == {"field": "currency", "supported": ["MXN"]}


def test_lines_that_only_together_are_too_much_are_refused_together(
    catalogue, item_of, analysis_of, lines_of
) -> None:
    order = [(item_of(quantity=6000), analysis_of())] * 2
    lines = lines_of(order)
    check_order(lines[:1])
    with pytest.raises(InvalidData) as caught:
        check_order(lines)
    assert (caught.value.code, caught.value.details["process"]) == ("needs_planning", "fff")


@pytest.mark.parametrize("faults", [MAX_NAMED, MAX_NAMED + 1])
def test_one_error_names_so_many_faults_and_counts_the_rest(faults: int) -> None:
    refusals = [
        Where(index, "part").refuse("material", "unknown_material", "no such material")
        for index in range(faults)
    ]
    error = together(refusals, 50)
    assert error.code == "unknown_material"
    assert error.details["refused"] == faults
    assert len(error.details["errors"]) == MAX_NAMED
    assert ("and 1 more" in error.message) == (faults > MAX_NAMED)


def test_faults_of_several_kinds_share_one_code_and_keep_their_own_in_the_details() -> None:
    error = together(
        [
            Where(0, "a").refuse("material", "unknown_material", "no such material"),
            Where(3, "b").refuse("fileId", "not_analysed", "there is no analysis"),
        ],
        4,
    )
    assert error.code == "not_priceable"
    assert error.message.startswith("2 of 4 items")
    assert [fault["code"] for fault in error.details["errors"]] == [
        "unknown_material",
        "not_analysed",
    ]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1.1e15])
def test_no_measure_without_meaning_becomes_a_decimal(number: float) -> None:
    with pytest.raises(ValueError):
        exact(number)


def test_a_measure_enters_by_its_shortest_text() -> None:
    assert exact(0.1) == Decimal("0.100000")
    assert exact(1e15) == Decimal(10) ** 15
