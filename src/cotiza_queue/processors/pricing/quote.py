"""From items and analyses to a quote: pure, and the same for the same input and price list.

The order's arithmetic, exact to the cent (an absent amount counts as zero):

    base price  = sum of the lines' total prices (before discount)
    subtotal    = base price + minimum-order supplement
    total       = subtotal - volume discount + rush fee + tax

The supplement lifts base price less discount to the minimum order. The rush fee is a share of what
is then due, the tax a share of that with the rush fee, each rounded once for the order, halves up.
``pricing.adjustments`` are signed: base price + their amounts = total. The total never falls when a
quantity rises, because no line's discounted price does (``line``) and supplement, fee and tax
follow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal, localcontext

import msgspec

from cotiza_queue.errors import InvalidData
from cotiza_queue.jobtypes import FileAnalysisResult, QuoteCalculation, QuoteResult
from cotiza_queue.jobtypes.quote_calculation import (
    Adjustment,
    Pricing,
    QuotedItem,
    QuoteItem,
    QuoteSummary,
)

from .catalogue import Catalogue
from .choice import Choice, choose
from .estimate import Work, estimate
from .line import LinePlan, LinePrice, machine_seconds, price
from .money import ARITHMETIC, nearest
from .part import Part, part_of
from .placement import place
from .refusal import Where
from .schedule import Production, lead_days, production_days, production_hours, valid_until

_MINUTES_PER_HOUR = 60
_SECONDS_PER_HOUR = 3600
_RATIO = Decimal("0.0001")


class PricedLine(msgspec.Struct, frozen=True, kw_only=True):
    """One item with its price, ready to be summed up."""

    item: QuotedItem
    price: LinePrice
    production: Production


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What file-analysis knows of an item's file.

    ``first``: no earlier item has the same part and process.
    """

    file_name: str
    analysis: FileAnalysisResult
    first: bool = True


def price_item(
    item: QuoteItem, where: Where, measured: Measured, catalogue: Catalogue, *, rush: bool
) -> PricedLine:
    """One line of the quote. Raises InvalidData, naming the field, for what can't be priced."""
    with localcontext(ARITHMETIC):
        choice = choose(item, catalogue, where)
        part = part_of(measured.analysis, choice.process_key, where)
        work = estimate(part, place(part, choice.process, where), choice.material, choice.process)
        production = _produce(work, choice, item.quantity)
        _check_load(production, where)
        plan = plan_line(part, work, choice, catalogue, programmed=not measured.first)
        line = price(plan, item.quantity, catalogue.terms, catalogue.quantum)
        quoted = QuotedItem(
            id=item.id or f"item-{where.index + 1}",
            file_id=item.file_id,
            name=item.name or measured.file_name,
            material=choice.material_key,
            process=choice.process_key,
            quantity=item.quantity,
            unit_price=line.unit,
            total_price=line.listed,
            material_cost=line.costs.material,
            machine_cost=line.costs.machine,
            labor_cost=line.costs.labor,
            setup_cost=line.costs.setup,
            overhead_cost=line.costs.overhead,
            margin=line.margin,
            machine_seconds=machine_seconds(
                work.piece_s, work.batch_s, work.capacity, item.quantity
            ),
            lead_time=lead_days([production], rush),
            warnings=part.warnings + work.warnings,
        )
        return PricedLine(item=quoted, price=line, production=production)


def plan_line(
    part: Part, work: Work, choice: Choice, catalogue: Catalogue, *, programmed: bool
) -> LinePlan:
    """The cost of a line on its levels.

    ``programmed``: an earlier line pays for this part's programming. Bought-in finishing counts as
    material, the work on it as labor, its lot charge as set-up.
    """
    terms, process = catalogue.terms, choice.process
    minute = terms.technician_rate / _MINUTES_PER_HOUR
    second = process.hourly_rate / _SECONDS_PER_HOUR
    minutes, bought, lot = work.labor_minutes, Decimal(0), Decimal(0)
    for finish in choice.finishes:
        minutes += finish.minutes + finish.minutes_per_cm2 * part.area_cm2
        bought += finish.price + finish.price_per_cm2 * part.area_cm2
        lot += finish.lot_price
    programming = process.programming_minutes * terms.engineer_rate / _MINUTES_PER_HOUR
    return LinePlan(
        piece_material=work.material * choice.material.price + bought,
        piece_machine=work.piece_s * second,
        batch_machine=work.batch_s * second,
        piece_labor=minutes * minute,
        batch_setup=process.setup_minutes * minute,
        line_setup=lot if programmed else programming + lot,
        capacity=work.capacity,
    )


def total_up(
    payload: QuoteCalculation, lines: Sequence[PricedLine], catalogue: Catalogue, created_ms: int
) -> QuoteResult:
    """The quote over its lines, at least one.

    ``created_ms``: when the job was enqueued, milliseconds since the epoch.
    """
    with localcontext(ARITHMETIC):
        terms, quantum = catalogue.terms, catalogue.quantum
        base = sum((line.price.listed for line in lines), Decimal(0))
        due = sum((line.price.discounted for line in lines), Decimal(0))
        discount = base - due
        supplement = max(terms.minimum_order - due, Decimal(0))
        due += supplement
        rush = nearest(due * terms.rush_rate, quantum) if payload.rush_order else None
        net = due + (rush or 0)
        tax = nearest(net * terms.tax_rate, quantum)
        cost = sum((line.price.costs.total for line in lines), Decimal(0))
        return QuoteResult(
            quote_id=payload.quote_id,
            items=tuple(line.item for line in lines),
            summary=QuoteSummary(
                subtotal=base + supplement,
                tax=tax,
                tax_rate=terms.tax_rate,
                total=net + tax,
                currency=terms.currency,
                valid_until=valid_until(created_ms, terms),
                lead_time=lead_days([line.production for line in lines], payload.rush_order),
                rush_fee=rush,
                volume_discount=discount or None,
            ),
            pricing=Pricing(
                base_price=base,
                adjustments=_adjustments(catalogue, discount, supplement, rush, tax),
                profit_margin=((net - cost) / net).quantize(_RATIO, ROUND_DOWN),
                price_list=catalogue.version,
            ),
        )


def check_order(lines: Sequence[PricedLine]) -> None:
    """Raises InvalidData if the lines of one process together are more than its machines can do."""
    hours: dict[str, Decimal] = {}
    for line in lines:
        production = line.production
        key, process = production.process_key, production.process
        hours[key] = hours.get(key, Decimal(0)) + production.hours
        days = production_days(process, hours[key])
        if days > process.max_production_days:
            raise InvalidData(
                f"items: the {process.name} lines together need {days} or more working days on our "
                f"machines; up to {process.max_production_days} are quoted automatically",
                code="needs_planning",
                remedy="Ask for a delivery plan, or split the order.",
                details={"field": "items", "process": key},
            )


def check_currency(payload: QuoteCalculation, catalogue: Catalogue) -> None:
    """Raises InvalidData for any currency but the price list's.

    It holds no exchange rates, and we invent none.
    """
    own = catalogue.terms.currency
    if payload.currency != own:
        raise InvalidData(
            f"currency: the price list {catalogue.version} is in {own} and has no dated exchange "
            f"rate for {payload.currency}",
            code="currency_not_supported",
            remedy=f"Ask for the quote in {own}.",
            details={"field": "currency", "supported": [own]},
        )


def _produce(work: Work, choice: Choice, quantity: int) -> Production:
    process = choice.process
    return Production(
        process_key=choice.process_key,
        process=process,
        hours=production_hours(process, work.piece_s, work.batch_s, work.capacity, quantity),
        extra_days=choice.material.lead_days + sum(finish.days for finish in choice.finishes),
    )


def _check_load(production: Production, where: Where) -> None:
    process = production.process
    days = production_days(process, production.hours)
    if days > process.max_production_days:
        raise where.refuse(
            "quantity",
            "needs_planning",
            f"so many pieces need {days} working days on our machines; up to "
            f"{process.max_production_days} are quoted automatically",
            "Ask for a delivery plan, or for fewer pieces.",
            productionDays=days,
            limitDays=process.max_production_days,
        )


def _adjustments(
    catalogue: Catalogue,
    discount: Decimal,
    supplement: Decimal,
    rush: Decimal | None,
    tax: Decimal,
) -> tuple[Adjustment, ...]:
    terms = catalogue.terms
    found = []
    if discount:
        reason = "quantity discount by line, limited by the margin floor"
        found.append(Adjustment(type="volume_discount", amount=-discount, reason=reason))
    if supplement:
        reason = f"minimum order of {terms.minimum_order:f} {terms.currency} before tax"
        found.append(Adjustment(type="minimum_order", amount=supplement, reason=reason))
    if rush is not None:
        reason = f"rush order, {_percent(terms.rush_rate)} of the price after discount"
        found.append(Adjustment(type="rush_fee", amount=rush, reason=reason))
    found.append(Adjustment(type="tax", amount=tax, reason=f"IVA {_percent(terms.tax_rate)}"))
    return tuple(found)


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f} %"
