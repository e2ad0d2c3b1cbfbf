"""quote-calculation: what the analysed parts cost, and when they can be there.

Money is a decimal string on the wire ("1234.50") in the quote's currency; lead times are working
days.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from ..model.job import JobType
from ..model.policy import Defaults, RetryPolicy
from .common import ID, Currency, Text, Wire

ProcessName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[0-9a-z_-]+$(?!\n)",
        description="lower-case letters, digits, - and _",
    ),
]


class QuoteItem(Wire, frozen=True, kw_only=True):
    """``file_id`` names a part that file-analysis has measured for the same tenant."""

    file_id: ID
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)]
    material: ProcessName
    process: ProcessName
    id: ID | None = None
    finish_options: tuple[ProcessName, ...] = ()
    name: Text | None = None


class QuoteCalculation(Wire, frozen=True, kw_only=True):
    """The payload."""

    quote_id: ID
    items: Annotated[tuple[QuoteItem, ...], Meta(min_length=1, max_length=1000)]
    rush_order: bool = False
    currency: Currency = "MXN"
    customer_name: Text | None = None
    customer_email: Annotated[str, Meta(max_length=254)] | None = None


class QuotedItem(Wire, frozen=True, kw_only=True):
    """One priced line. The four costs are per line; their sum is ``total_price`` to the cent."""

    id: str
    file_id: str
    name: str
    material: str
    process: str
    quantity: int
    unit_price: Decimal
    total_price: Decimal
    material_cost: Decimal
    machine_cost: Decimal
    labor_cost: Decimal
    setup_cost: Decimal
    overhead_cost: Decimal
    margin: Decimal
    machine_seconds: int
    """Per piece."""
    lead_time: int
    warnings: tuple[str, ...] = ()


class QuoteSummary(Wire, frozen=True, kw_only=True):
    """``subtotal`` − ``volume_discount`` + ``rush_fee`` + ``tax`` = ``total``, to the cent."""

    subtotal: Decimal
    tax: Decimal
    tax_rate: Decimal
    total: Decimal
    currency: str
    valid_until: str
    lead_time: int
    rush_fee: Decimal | None = None
    volume_discount: Decimal | None = None


class Adjustment(Wire, frozen=True, kw_only=True):
    type: Literal["volume_discount", "rush_fee", "minimum_order", "tax"]
    amount: Decimal
    reason: str


class Pricing(Wire, frozen=True, kw_only=True):
    base_price: Decimal
    adjustments: tuple[Adjustment, ...]
    profit_margin: Decimal
    """Margin after all adjustments as a share of the price before tax."""
    price_list: str
    """Version of the catalogue that the figures come from."""


class QuoteResult(Wire, frozen=True, kw_only=True):
    quote_id: str
    items: tuple[QuotedItem, ...]
    summary: QuoteSummary
    pricing: Pricing


QUOTE_CALCULATION: JobType[QuoteCalculation, QuoteResult] = JobType(
    "quote-calculation",
    QuoteCalculation,
    Defaults(attempts=3, backoff=RetryPolicy("exponential", 3_000), timeout=120_000),
    result=QuoteResult,
)
