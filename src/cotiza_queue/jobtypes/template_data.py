"""What each mail says: the fields of ``templateData`` per type, and their check.

    quote-ready      needs quoteNumber total currency validUntil
                     may have customerName quoteUrl leadTime
    quote-accepted   needs quoteNumber
                     may have customerName orderNumber total currency leadTime orderUrl
    quote-expired    needs quoteNumber
                     may have customerName total currency validUntil quoteUrl
    order-shipped    needs orderNumber trackingNumber carrier
                     may have customerName quoteNumber trackingUrl estimatedDelivery

``total`` is a decimal string or a number, ``currency`` an ISO 4217 code (needed as soon as there is
a total), ``validUntil`` and ``estimatedDelivery`` ISO-8601 dates, or times with an offset,
``leadTime`` working days, the URLs http or https. An optional field that is null or empty counts as
left out; unknown fields are ignored, because callers keep data of their own there. Anything else is
refused with the path of the field: a mail with a hole in it is worse than none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from ..errors import FieldError, InvalidInput
from ..wording import explain

PATH: Final = "data.templateData"
MAX_TEXT: Final = 200
MAX_URL: Final = 2048
MAX_AMOUNT: Final = Decimal(10) ** 15
MAX_DECIMALS: Final = 6
"""A price finer than a millionth is a fault upstream."""
FIRST_YEAR, LAST_YEAR = 1900, 9998
"""Beyond them no time zone can be applied, and no mail means them."""

_UNSEEN: Final = {"Cc", "Cf", "Zl", "Zp", "Zs"}

Label = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
Currency = Annotated[
    str, Meta(pattern=r"^[A-Z]{3}\Z", description="a three-letter currency code such as MXN")
]
Day = Annotated[str, Meta(min_length=10, max_length=40)]
Link = Annotated[str, Meta(min_length=1, max_length=MAX_URL)]
WorkingDays = Annotated[int, Meta(ge=0, le=3650)]


class Facts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What every mail may know."""

    customer_name: Label | None = None


class QuoteReady(Facts, frozen=True, kw_only=True):
    quote_number: Label
    total: Decimal
    currency: Currency
    valid_until: Day
    quote_url: Link | None = None
    lead_time: WorkingDays | None = None


class QuoteAccepted(Facts, frozen=True, kw_only=True):
    quote_number: Label
    order_number: Label | None = None
    total: Decimal | None = None
    currency: Currency | None = None
    lead_time: WorkingDays | None = None
    order_url: Link | None = None


class QuoteExpired(Facts, frozen=True, kw_only=True):
    quote_number: Label
    total: Decimal | None = None
    currency: Currency | None = None
    valid_until: Day | None = None
    quote_url: Link | None = None


class OrderShipped(Facts, frozen=True, kw_only=True):
    order_number: Label
    tracking_number: Label
    carrier: Label
    quote_number: Label | None = None
    tracking_url: Link | None = None
    estimated_delivery: Day | None = None


KINDS: Final[dict[str, type[Facts]]] = {
    "quote-ready": QuoteReady,
    "quote-accepted": QuoteAccepted,
    "quote-expired": QuoteExpired,
    "order-shipped": OrderShipped,
}
"""Mail type → the facts it needs."""


def parse(kind: str, data: Mapping[str, Any]) -> Facts:
    """The facts of a mail. Raises InvalidInput that names every missing field, or the first wrong
    one, by its path.
    """
    shape = KINDS[kind]
    given = {name: value for name, value in data.items() if value not in (None, "")}
    needed = [field.encode_name for field in msgspec.structs.fields(shape) if field.required]
    missing = [name for name in needed if name not in given]
    if missing:
        raise _refuse(missing, f"needed for the {kind} mail", "template_field_missing")
    try:
        facts = msgspec.convert(given, shape)
    except msgspec.ValidationError as error:
        fault = explain(error, shape)
        raise _refuse([fault.path], fault.message) from None
    _check_total(facts)
    for field in msgspec.structs.fields(shape):
        value = getattr(facts, field.name)
        reason = _text_fault(field.name, value) if isinstance(value, str) else None
        if reason is not None:
            raise _refuse([field.encode_name], reason)
    return facts


def _check_total(facts: Facts) -> None:
    total: Decimal | None = getattr(facts, "total", None)
    if total is None:
        return
    if not (total.is_finite() and 0 <= total < MAX_AMOUNT) or total != round(total, MAX_DECIMALS):
        reason = f"an amount is 0 to {MAX_AMOUNT:,} (excluded) with at most {MAX_DECIMALS} decimals"
        raise _refuse(["total"], reason)
    if getattr(facts, "currency", None) is None:
        raise _refuse(["currency"], "a total needs its currency", "template_field_missing")


def _text_fault(name: str, text: str) -> str | None:
    """What is wrong with a text that has the right length."""
    if name in ("valid_until", "estimated_delivery"):
        return None if _is_day(text) else "not an ISO-8601 date such as 2026-12-31"
    if name.endswith("_url"):
        return None if _is_link(text) else "not a plain http or https link"
    visible = any(unicodedata.category(character) not in _UNSEEN for character in text)
    return None if visible else "holds no visible text"


def _is_day(text: str) -> bool:
    """A date, or a time with an offset: without one it doesn't say which day it means."""
    try:
        day = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return False
    known_place = not isinstance(day, datetime) or day.tzinfo is not None
    return known_place and FIRST_YEAR <= day.year <= LAST_YEAR


def _is_link(text: str) -> bool:
    """http(s), with a host, without a hidden user name, of printable ASCII only."""
    try:
        parts = urlsplit(text)
        usable = (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        )
    except ValueError:
        return False
    return usable and re.fullmatch(r"[\x21-\x7e]+", text) is not None and "\\" not in text


def _refuse(names: Sequence[str], reason: str, code: str | None = None) -> InvalidInput:
    fields = [FieldError(f"{PATH}.{name}", reason) for name in names]
    return InvalidInput(
        f"{', '.join(field.field for field in fields)}: {reason}",
        code=code,
        fields=fields,
        remedy="Correct templateData and send the job again.",
    )
