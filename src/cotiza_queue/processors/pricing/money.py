"""Rounding and currencies.

An amount is a Decimal that is a whole multiple of its currency's smallest unit.
No float becomes an amount: ``exact`` is the one door for measured numbers.
"""

from __future__ import annotations

import math
from decimal import (
    ROUND_CEILING,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)

from cotiza_queue.errors import ConfigurationError

ARITHMETIC = Context(
    prec=34, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow]
)
"""The context of all sums (IEEE 754 decimal128), whatever the caller's own context is."""

MINOR_UNITS = {"CLP": 0, "EUR": 2, "JPY": 0, "KWD": 3, "MXN": 2, "USD": 2}
"""Digits after the point, ISO 4217:2015 list one. Those that a price list may be kept in."""

LARGEST_MEASURE = 1e15
"""Measured numbers beyond this, in any unit of ours, belong to no part and are refused."""
_MEASURED = Decimal("1e-9")
_SETTLED = Decimal("1e-12")
"""Quotients end in the 34th digit. Settled to so many places first, 48.47499…9 is the 48.475 that a
pocket calculator shows. No true amount lies so close to half a cent without being it."""


def quantum_of(currency: str) -> Decimal:
    """The smallest amount of a currency: 0.01 for MXN, 1 for JPY. Raises ConfigurationError."""
    try:
        return Decimal(1).scaleb(-MINOR_UNITS[currency])
    except KeyError:
        raise ConfigurationError(f"the minor unit of {currency!r} is not known here") from None


def nearest(amount: Decimal, quantum: Decimal) -> Decimal:
    """The nearest multiple of the quantum, halves up."""
    return amount.quantize(_SETTLED).quantize(quantum, ROUND_HALF_UP)


def upward(amount: Decimal, quantum: Decimal) -> Decimal:
    """The smallest multiple of the quantum that is not below the amount."""
    return amount.quantize(_SETTLED).quantize(quantum, ROUND_CEILING)


def whole_up(number: Decimal) -> int:
    """The smallest integer that is not below the number."""
    return int(number.quantize(_SETTLED).to_integral_value(ROUND_CEILING))


def exact(measured: float) -> Decimal:
    """A measured number by its shortest decimal text, to nine places.

    Raises ValueError if it is not finite, or beyond LARGEST_MEASURE.
    """
    if not math.isfinite(measured) or abs(measured) > LARGEST_MEASURE:
        raise ValueError("not a number that a part can have")
    return Decimal(repr(measured)).quantize(_MEASURED, ROUND_HALF_EVEN, context=ARITHMETIC)
