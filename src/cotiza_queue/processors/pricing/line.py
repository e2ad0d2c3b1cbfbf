"""The price of so many pieces of one part: pure arithmetic, and the guarantees that come with it.

Costs lie on four levels: per distinct part (programming), per batch (set-up, and the machine time
that a batch shares), per piece (material, machine, labor, finishes), and per order (the minimum, in
``quote``). Then, for q pieces,

    cost        the five costs, each rounded to the cent once per line, halves up
    asked       cost / (1 - margin), rounded up to the cent
    listed      q x unit price, the unit price being asked / q rounded up to the cent;
                but asked itself where that would be above what q + 1 pieces are asked
    discounted  listed less the discount of its step, but neither below cost / (1 - margin floor)
                nor below the discounted price of the last quantity before the step

Guaranteed for every q, and tested:

- listed and discounted never fall when q rises. No cost falls, so asked doesn't; listed lies
  between what q and what q + 1 are asked; a step never starts below the total before it.
- unit price x q = listed to the cent wherever the line allows it. Where a piece costs less than
  about q cents no unit price in whole cents can: a cent less per piece would make q pieces cheaper
  than q - 1. There listed is the price, and the unit price is listed / q to the nearest cent, for
  display.
- what is left over the costs is never below the margin floor.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from .catalogue import Discount, Terms
from .money import nearest, upward, whole_up


class LinePlan(msgspec.Struct, frozen=True, kw_only=True):
    """Amounts before rounding.

    ``capacity``: pieces per batch. ``line_setup``: once, whatever the quantity.
    """

    piece_material: Decimal
    piece_machine: Decimal
    batch_machine: Decimal
    piece_labor: Decimal
    batch_setup: Decimal
    line_setup: Decimal
    capacity: int


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What a line costs us, in whole cents."""

    material: Decimal
    machine: Decimal
    labor: Decimal
    setup: Decimal
    overhead: Decimal

    @property
    def total(self) -> Decimal:
        return self.material + self.machine + self.labor + self.setup + self.overhead


class LinePrice(msgspec.Struct, frozen=True, kw_only=True):
    """``listed`` is ``costs.total`` + ``margin``; ``discounted`` is never above it."""

    unit: Decimal
    listed: Decimal
    discounted: Decimal
    costs: Costs
    margin: Decimal
    discount_rate: Decimal
    """The rate of the step that the quantity reached; what was granted can be less."""


def batches(plan: LinePlan, quantity: int) -> int:
    return -(-quantity // plan.capacity)


def costs(plan: LinePlan, quantity: int, terms: Terms, quantum: Decimal) -> Costs:
    """Each kind of cost of a line. None falls when the quantity rises."""
    runs = batches(plan, quantity)
    material = nearest(quantity * plan.piece_material, quantum)
    machine = nearest(quantity * plan.piece_machine + runs * plan.batch_machine, quantum)
    labor = nearest(quantity * plan.piece_labor, quantum)
    setup = nearest(runs * plan.batch_setup + plan.line_setup, quantum)
    direct = material + machine + labor + setup
    return Costs(
        material=material,
        machine=machine,
        labor=labor,
        setup=setup,
        overhead=nearest(direct * terms.overhead_rate, quantum),
    )


def price(plan: LinePlan, quantity: int, terms: Terms, quantum: Decimal) -> LinePrice:
    """The price of a line, at least one piece. Call it in ``money.ARITHMETIC``."""
    cost = costs(plan, quantity, terms, quantum)
    listed = _listed(plan, quantity, terms, quantum)
    step = _step(terms.discounts, quantity)
    return LinePrice(
        unit=nearest(listed / quantity, quantum),
        listed=listed,
        discounted=_discounted(plan, quantity, terms, quantum),
        costs=cost,
        margin=listed - cost.total,
        discount_rate=step.rate if step else Decimal(0),
    )


def _asked(plan: LinePlan, quantity: int, terms: Terms, quantum: Decimal) -> Decimal:
    return upward(costs(plan, quantity, terms, quantum).total / (1 - terms.margin), quantum)


def _listed(plan: LinePlan, quantity: int, terms: Terms, quantum: Decimal) -> Decimal:
    asked = _asked(plan, quantity, terms, quantum)
    by_unit = upward(asked / quantity, quantum) * quantity
    return by_unit if by_unit <= _asked(plan, quantity + 1, terms, quantum) else asked


def _discounted(plan: LinePlan, quantity: int, terms: Terms, quantum: Decimal) -> Decimal:
    step = _step(terms.discounts, quantity)
    listed = _listed(plan, quantity, terms, quantum)
    if step is None:
        return listed
    floor = upward(costs(plan, quantity, terms, quantum).total / (1 - terms.margin_floor), quantum)
    before = _discounted(plan, step.quantity - 1, terms, quantum)
    return max(upward(listed * (1 - step.rate), quantum), floor, before)


def _step(discounts: tuple[Discount, ...], quantity: int) -> Discount | None:
    reached = [step for step in discounts if step.quantity <= quantity]
    return reached[-1] if reached else None


def machine_seconds(piece_s: int, batch_s: int, capacity: int, quantity: int) -> int:
    """Machine time per piece, its share of the batches included, in whole seconds begun."""
    return piece_s + whole_up(Decimal(batch_s * -(-quantity // capacity)) / quantity)
