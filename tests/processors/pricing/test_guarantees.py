"""What holds for every quote: exact sums, totals that never fall, a margin above its floor."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotiza_queue.errors import InvalidData
from cotiza_queue.jobtypes import FileAnalysisResult, QuoteResult
from cotiza_queue.jobtypes.quote_calculation import QuoteItem
from cotiza_queue.processors.pricing import Catalogue
from cotiza_queue.processors.pricing.catalogue import Discount, Terms
from cotiza_queue.processors.pricing.line import LinePlan, LinePrice, price
from cotiza_queue.processors.pricing.money import ARITHMETIC

CENT = Decimal("0.01")
HALF = CENT / 2
RANDOM_QUOTES = 10_000

amounts = st.decimals(0, 5000, places=6, allow_nan=False, allow_infinity=False)
small_amounts = st.decimals(0, 1, places=6, allow_nan=False, allow_infinity=False)
plans = st.builds(
    LinePlan,
    piece_material=small_amounts | amounts,
    piece_machine=small_amounts | amounts,
    batch_machine=small_amounts | amounts,
    piece_labor=small_amounts | amounts,
    batch_setup=amounts,
    line_setup=amounts,
    capacity=st.integers(1, 500),
)
quantities = st.integers(1, 60) | st.integers(1, 1_000_000)


@st.composite
def terms(draw: st.DrawFn) -> dict[str, Any]:
    """Any margins and discount steps that a price list may have."""
    floor = draw(st.decimals(0, Decimal("0.6"), places=4))
    steps = sorted(draw(st.sets(st.integers(2, 2000), max_size=6)))
    rates = sorted(draw(st.sets(st.integers(1, 9000), min_size=len(steps), max_size=len(steps))))
    return {
        "margin_floor": floor,
        "margin": draw(st.decimals(floor, Decimal("0.9"), places=4)),
        "overhead_rate": draw(st.decimals(0, Decimal("0.9"), places=4)),
        "discounts": tuple(
            Discount(quantity, Decimal(rate) / 10_000)
            for quantity, rate in zip(steps, rates, strict=True)
        ),
    }


def priced(plan: LinePlan, quantity: int, terms: Terms) -> LinePrice:
    with localcontext(ARITHMETIC):
        return price(plan, quantity, terms, CENT)


def check_line(line: LinePrice, quantity: int, terms: Terms) -> None:
    cost = line.costs
    parts = (cost.material, cost.machine, cost.labor, cost.setup, cost.overhead)
    assert sum(parts) + line.margin == line.listed
    assert all(part == part.quantize(CENT) for part in (*parts, line.listed, line.discounted))
    assert line.discounted <= line.listed
    assert line.discounted - cost.total >= terms.margin_floor * line.discounted
    assert abs(line.unit * quantity - line.listed) <= HALF * quantity


@settings(max_examples=1000, derandomize=True, deadline=None)
@given(plan=plans, quantity=quantities, rules=terms())
def test_a_line_sums_to_the_cent_and_keeps_its_margin(
    catalogue: Catalogue, plan: LinePlan, quantity: int, rules: dict[str, Any]
) -> None:
    changed = msgspec.structs.replace(catalogue.terms, **rules)
    check_line(priced(plan, quantity, changed), quantity, changed)


@settings(max_examples=800, derandomize=True, deadline=None)
@given(plan=plans, quantity=quantities, more=st.integers(1, 3000), rules=terms())
def test_more_pieces_never_cost_less(
    catalogue: Catalogue, plan: LinePlan, quantity: int, more: int, rules: dict[str, Any]
) -> None:
    changed = msgspec.structs.replace(catalogue.terms, **rules)
    near = [quantity, quantity + 1]
    edges = [q for step in changed.discounts for q in (step.quantity - 1, step.quantity)]
    lines = [priced(plan, q, changed) for q in sorted({*near, *edges, quantity + more})]
    for fewer, line in pairwise(lines):
        assert line.listed >= fewer.listed
        assert line.discounted >= fewer.discounted


@settings(max_examples=25, derandomize=True, deadline=None)
@given(plan=plans, rules=terms())
def test_no_single_step_up_to_300_pieces_lowers_the_total(
    catalogue: Catalogue, plan: LinePlan, rules: dict[str, Any]
) -> None:
    changed = msgspec.structs.replace(catalogue.terms, **rules)
    totals = [priced(plan, quantity, changed).discounted for quantity in range(1, 301)]
    assert totals == sorted(totals)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(plan=plans, quantity=st.integers(1, 1000))
def test_unit_price_times_quantity_is_the_total_where_a_piece_costs_more_cents_than_pieces(
    catalogue: Catalogue, plan: LinePlan, quantity: int
) -> None:
    dear = msgspec.structs.replace(plan, piece_labor=plan.piece_labor + (quantity + 1) * CENT)
    line = priced(dear, quantity, catalogue.terms)
    assert line.unit * quantity == line.listed


def test_setup_is_charged_once_per_line_and_batch_and_spread_over_the_pieces(
    catalogue: Catalogue,
) -> None:
    zero = Decimal(0)
    plan = LinePlan(
        piece_material=zero,
        piece_machine=zero,
        batch_machine=zero,
        piece_labor=Decimal(10),
        batch_setup=Decimal(30),
        line_setup=Decimal(70),
        capacity=50,
    )
    setups = {q: priced(plan, q, catalogue.terms).costs.setup for q in (1, 50, 51, 100, 101)}
    assert setups == {1: 100, 50: 100, 51: 130, 100: 130, 101: 160}


def random_order(
    dice: random.Random,
    catalogue: Catalogue,
    item_of: Callable[..., QuoteItem],
    analysis_of: Callable[..., FileAnalysisResult],
) -> list[tuple[QuoteItem, FileAnalysisResult]]:
    """One to three lines of boxes with some material taken out, in any process and material."""
    order = []
    for _ in range(dice.choice((1, 1, 2, 3))):
        material = dice.choice(sorted(catalogue.materials))
        process = dice.choice(catalogue.materials[material].processes)
        size = tuple(round(dice.uniform(6, 64), 3) for _ in range(3))
        x, y, z = size
        finishes = [
            key
            for key, finish in catalogue.finishes.items()
            if process in finish.processes
            and (not finish.materials or material in finish.materials)
        ]
        analysis = analysis_of(
            size=size,
            volume=x * y * z / 1000 * dice.uniform(0.05, 1),
            area=(x * y + y * z + x * z) / 50 * dice.uniform(0.8, 3),
            overhang=dice.choice((None, 0.0, x * y / 500)),
            process=process,
        )
        item = item_of(
            material=material,
            process=process,
            quantity=int(10 ** dice.uniform(0, 2.5)),
            finish_options=tuple(dice.sample(finishes, dice.randint(0, len(finishes)))),
        )
        order.append((item, analysis))
    return order


def check_quote(quote: QuoteResult, catalogue: Catalogue) -> None:
    for item in quote.items:
        parts = (item.material_cost, item.machine_cost, item.labor_cost, item.setup_cost)
        assert sum(parts) + item.overhead_cost + item.margin == item.total_price
    summary, pricing = quote.summary, quote.pricing
    discount, rush = summary.volume_discount or 0, summary.rush_fee or 0
    assert summary.subtotal - discount + rush + summary.tax == summary.total
    assert sum(item.total_price for item in quote.items) == pricing.base_price
    assert pricing.base_price + sum(a.amount for a in pricing.adjustments) == summary.total
    net = summary.total - summary.tax
    assert abs(summary.tax - net * summary.tax_rate) <= HALF
    assert net >= catalogue.terms.minimum_order
    assert summary.total == summary.total.quantize(CENT)
    assert pricing.profit_margin >= catalogue.terms.margin_floor
    assert summary.lead_time >= max(item.lead_time for item in quote.items)


def test_ten_thousand_random_quotes_add_up(catalogue, quote_of, item_of, analysis_of) -> None:
    dice = random.Random(20261123)
    quoted = 0
    for _ in range(RANDOM_QUOTES):
        order = random_order(dice, catalogue, item_of, analysis_of)
        try:
            quote = quote_of(order, rush=dice.random() < 0.3)
        except InvalidData as refusal:
            if refusal.code != "needs_planning":
                raise
            continue
        check_quote(quote, catalogue)
        quoted += 1
    assert quoted > RANDOM_QUOTES * 0.95


def test_the_total_of_an_order_never_falls_when_one_quantity_rises(
    catalogue, quote_of, item_of, analysis_of
) -> None:
    dice = random.Random(4217)
    for _ in range(60):
        (item, analysis), *others = random_order(dice, catalogue, item_of, analysis_of)
        rush = dice.random() < 0.5
        totals, leads = [], []
        for quantity in (1, 2, 3, 8, 9, 10, 11, 24, 25, 49, 50, 51):
            line = (msgspec.structs.replace(item, quantity=quantity), analysis)
            try:
                summary = quote_of([line, *others], rush=rush).summary
            except InvalidData:
                break
            totals.append(summary.total)
            leads.append(summary.lead_time)
        assert totals == sorted(totals)
        assert leads == sorted(leads)


def test_the_same_request_gives_the_identical_quote_whatever_the_callers_decimal_context(
    quote_of, item_of, analysis_of
) -> None:
    order = [(item_of(quantity=37), analysis_of())]
    wanted = msgspec.json.encode(quote_of(order, rush=True))
    with localcontext(Context(prec=3)):
        assert msgspec.json.encode(quote_of(order, rush=True)) == wanted


@pytest.mark.parametrize("quantity", [1, 10, 100])
def test_rush_is_dearer_and_never_later(quote_of, item_of, analysis_of, quantity: int) -> None:
    for material, process in (("pla", "fff"), ("resin", "sla"), ("pa12", "mjf"), ("pom", "cnc")):
        item = item_of(material=material, process=process, quantity=quantity)
        order = [(item, analysis_of(process=process))]
        standard, rush = quote_of(order).summary, quote_of(order, rush=True).summary
        assert rush.lead_time <= standard.lead_time
        assert rush.total > standard.total
        assert standard.rush_fee is None
