"""Quotes worked out by hand, figure by figure, from the price list 2026-11."""

from __future__ import annotations

from decimal import Decimal as D

import msgspec

from cotiza_queue.jobtypes import QuoteResult


def test_ten_rushed_pla_cubes_cost_what_a_pocket_calculator_says(
    quote_of, item_of, analysis_of
) -> None:
    # A cube of 20 mm: volume 8 000 mm³, area 2 400 mm², no overhang.
    # contour  2 400 x 0.961 = 2 306.4 mm³        infill (8 000 - 2 306.4) x 0.1541 = 877.38376 mm³
    # seconds  2 306.4 x 0.3124 + 877.38376 x 0.3229 + 100 layers x 7.125
    #          = 720.51936 + 283.30722 + 712.5 = 1 716.3… -> 1 717
    # filament 3 183.78376 mm³ x 1.05 x 1.24 g/cm³ = 4.145286… g -> 0.004146 kg
    quote = quote_of([(item_of(quantity=10), analysis_of())], rush=True)
    item = quote.items[0]
    assert item.machine_seconds == 1717

    assert item.material_cost == D("17.41")  # 10 x 0.004146 kg x 420 = 17.4132
    assert item.machine_cost == D("214.63")  # 10 x 1 717 s x 45 / 3 600 = 214.625
    assert item.labor_cost == D("46.67")  # 10 x 2 min x 140 / 60 = 46.666…
    # One plate holds 9 x 8 cubes with 6 mm between them, so there is one batch:
    # 10 min x 140 / 60 + programming 6 min x 320 / 60 = 23.333… + 32
    assert item.setup_cost == D("55.33")
    assert item.overhead_cost == D("60.13")  # 18 % of 334.04 = 60.1272
    # Cost 394.17 / 0.65 = 606.4153… -> 606.42; a tenth of it, rounded up: 60.65
    assert item.unit_price == D("60.65")
    assert item.total_price == D("606.50")
    assert item.margin == D("212.33")  # 606.50 - 394.17

    summary = quote.summary
    assert summary.subtotal == D("606.50")
    # From ten pieces on 3 %: 606.50 x 0.97 = 588.305, rounded up 588.31
    assert summary.volume_discount == D("18.19")
    assert summary.rush_fee == D("205.91")  # 35 % of 588.31 = 205.9085
    assert summary.tax == D("127.08")  # 16 % of 794.22 = 127.0752
    assert summary.total == D("921.30")  # 606.50 - 18.19 + 205.91 + 127.08
    assert summary.tax_rate == D("0.16")
    assert summary.currency == "MXN"
    # Rush: 1 day, and 10 x 1 717 s + 10 min = 4.9 h of printing: one day of 20 h
    assert summary.lead_time == item.lead_time == 2
    assert summary.valid_until == "2026-12-23"  # 30 days after 23 November, in Mexico City
    assert quote.pricing.profit_margin == D("0.5037")  # (794.22 - 394.17) / 794.22
    assert quote.pricing.price_list.startswith("2026-11+")


def test_one_small_resin_part_is_lifted_to_the_minimum_order(
    quote_of, item_of, analysis_of
) -> None:
    # A cube of 10 mm: volume 1 000 mm³. Layers (10 + 6.5) / 0.05 = 330
    # seconds  330 x 10.25 + 134.65 = 3 517.15 -> 3 518
    # resin    1 000 mm³ x 1.15 x 1.10 = 0.001265 l
    analysis = analysis_of(size=(10.0, 10.0, 10.0), volume=1.0, area=6.0, process="sla")
    quote = quote_of([(item_of(material="resin", process="sla"), analysis)])
    item = quote.items[0]
    assert (item.material, item.machine_seconds) == ("resin-standard", 3518)
    assert item.material_cost == D("1.45")  # 0.001265 l x 1 150 = 1.45475
    assert item.machine_cost == D("68.41")  # 3 518 s x 70 / 3 600 = 68.4055…
    assert item.labor_cost == D("14.00")  # 6 min x 140 / 60
    assert item.setup_cost == D("110.67")  # 20 min x 140 / 60 + 12 min x 320 / 60 = 46.67 + 64
    assert item.overhead_cost == D("35.02")  # 18 % of 194.53 = 35.0154
    assert item.total_price == D("353.16")  # 229.55 / 0.65 = 353.1538…

    cheaper = analysis_of(size=(5.0, 5.0, 5.0), volume=0.125, area=1.5, process="sla")
    small = quote_of([(item_of(material="resin", process="sla"), cheaper)])
    # 230 layers, 2 493 s: 0.18 + 48.48 + 14.00 + 110.67 = 173.33; + 31.20 = 204.53; / 0.65
    assert small.items[0].total_price == small.pricing.base_price == D("314.67")
    assert small.summary.subtotal == D("350.00")
    assert [(a.type, a.amount) for a in small.pricing.adjustments] == [
        ("minimum_order", D("35.33")),
        ("tax", D("56.00")),
    ]
    assert small.summary.total == D("406.00")


def test_finishes_add_labor_bought_in_work_a_lot_charge_and_days(
    quote_of, item_of, analysis_of
) -> None:
    plain = quote_of([(item_of(material="aluminum", process="cnc"), analysis_of(process="cnc"))])
    item = item_of(material="aluminum", process="cnc", finish_options=("anodised",))
    finished = quote_of([(item, analysis_of(process="cnc"))])
    before, after = plain.items[0], finished.items[0]
    assert after.material_cost - before.material_cost == D("16.00")  # 10 + 0.25 x 24 cm²
    assert after.labor_cost - before.labor_cost == D("4.67")  # 2 min x 140 / 60
    assert after.setup_cost - before.setup_cost == D("600.00")
    assert after.lead_time - before.lead_time == 4


def test_money_crosses_the_wire_as_text_and_comes_back_equal(
    quote_of, item_of, analysis_of
) -> None:
    quote = quote_of([(item_of(quantity=3), analysis_of())])
    wire = msgspec.json.encode(quote)
    assert msgspec.json.decode(wire)["items"][0]["totalPrice"] == str(quote.items[0].total_price)
    assert msgspec.json.decode(wire, type=QuoteResult) == quote
