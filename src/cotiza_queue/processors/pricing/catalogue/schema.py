"""The shape of a price list.

All numbers are Decimal or int; amounts are in the list's currency, before tax.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec


class Sourced(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of figures. ``sources``: field → where its figure comes from; none may be missing."""

    sources: dict[str, str] = {}


class Discount(NamedTuple):
    """From ``quantity`` pieces of one line on, ``rate`` (a share of one) off the line."""

    quantity: int
    rate: Decimal


class Terms(Sourced, frozen=True, kw_only=True):
    """What holds for the whole order. Rates are shares of one.

    ``technician_rate`` and ``engineer_rate`` per hour; ``validity_days`` on the calendar.
    ``margin`` is the target before discounts and ``margin_floor`` what no line may fall below, both
    as shares of the price before tax.
    """

    version: str
    currency: str
    timezone: str
    minimum_order: Decimal
    technician_rate: Decimal
    engineer_rate: Decimal
    overhead_rate: Decimal
    margin: Decimal
    margin_floor: Decimal
    discounts: tuple[Discount, ...]
    rush_rate: Decimal
    tax_rate: Decimal
    validity_days: int


class Material(Sourced, frozen=True, kw_only=True):
    """``density`` g/cm³, ``price`` per kg or litre. The milling rates are set where ``processes``
    has a milling one.
    """

    name: str
    processes: tuple[str, ...]
    density: Decimal
    sold_by: Literal["kg", "l"]
    price: Decimal
    lead_days: int
    aliases: tuple[str, ...] = ()
    removal_cm3_per_min: Decimal | None = None
    finishing_cm2_per_min: Decimal | None = None


class Machine(Sourced, frozen=True, kw_only=True):
    """What all priced processes have in common.

    The head of ``processes.toml`` says what each figure means.
    """

    name: str
    machine: str
    build_mm: tuple[Decimal, Decimal, Decimal]
    spacing_mm: Decimal
    min_part_mm: Decimal
    hourly_rate: Decimal
    machines: int
    hours_per_day: Decimal
    setup_minutes: Decimal
    programming_minutes: Decimal
    piece_minutes: Decimal
    base_days: int
    rush_days: int
    max_production_days: int
    aliases: tuple[str, ...] = ()


class Extrusion(Machine, frozen=True, kw_only=True, tag_field="model", tag="extrusion"):
    """Filament. The estimate of time and filament is documented at ``estimate.extrude``."""

    layer_mm: Decimal
    contour_mm: Decimal
    infill: Decimal
    contour_s_per_mm3: Decimal
    infill_s_per_mm3: Decimal
    layer_s: Decimal
    support_share: Decimal
    support_s_per_mm3: Decimal
    support_minutes_per_cm2: Decimal
    waste: Decimal


class Vat(Machine, frozen=True, kw_only=True, tag_field="model", tag="vat"):
    """Resin, a whole layer exposed at once: documented at ``estimate.expose``."""

    layer_mm: Decimal
    lift_mm: Decimal
    layer_s: Decimal
    fixed_s: Decimal
    support_share: Decimal
    waste: Decimal


class PowderBed(Machine, frozen=True, kw_only=True, tag_field="model", tag="powder"):
    """Parts packed in a chamber of powder: documented at ``estimate.fuse``.

    ``bulk_density`` g/cm³.
    """

    layer_mm: Decimal
    layer_s: Decimal
    packing: Decimal
    bulk_density: Decimal
    refresh: Decimal


class Milling(Machine, frozen=True, kw_only=True, tag_field="model", tag="milling"):
    """Stock less part is chips: documented at ``estimate.mill``. ``lot``: pieces per set-up."""

    allowance_mm: Decimal
    lot: int
    tool_change_s: Decimal


class Unpriced(Sourced, frozen=True, kw_only=True, tag_field="model", tag="unpriced"):
    """A process that we know and refuse, and why."""

    name: str
    reason: str
    aliases: tuple[str, ...] = ()


Process = Extrusion | Vat | PowderBed | Milling
"""What can be priced."""


class Finish(Sourced, frozen=True, kw_only=True):
    """``minutes`` of labor per piece and per cm² of surface; ``price`` per piece, per cm² and per
    lot (a line).

    ``materials``: keys of materials; empty means every material of ``processes``.
    """

    name: str
    processes: tuple[str, ...]
    minutes: Decimal
    minutes_per_cm2: Decimal
    price: Decimal
    price_per_cm2: Decimal
    lot_price: Decimal
    days: int
    materials: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """A whole price list. Keys are the canonical names; ``aliases`` of an entry name it too.

    ``version`` is the name of the list and the first characters of its content's SHA-256, so that
    two quotes with the same version come from the same figures.
    """

    version: str
    quantum: Decimal
    """The smallest amount of the currency by ISO 4217: 0.01 for MXN."""
    terms: Terms
    materials: dict[str, Material]
    processes: dict[str, Process]
    unpriced: dict[str, Unpriced]
    finishes: dict[str, Finish]
