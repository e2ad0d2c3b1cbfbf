"""What each mail says: the fields of ``templateData`` per type, parsed once.

    quote-ready      needs quoteNumber total currency validUntil
                     may have customerName quoteUrl leadTime
    quote-accepted   needs quoteNumber
                     may have customerName orderNumber total currency leadTime orderUrl
    quote-expired    needs quoteNumber
                     may have customerName total currency validUntil quoteUrl
    order-shipped    needs orderNumber trackingNumber carrier
                     may have customerName quoteNumber trackingUrl estimatedDelivery

``total`` is a decimal string or a number, ``currency`` an ISO 4217 code (needed as soon as there is
a total), ``validUntil`` and ``estimatedDelivery`` ISO-8601 dates or times, ``leadTime`` working
days, the URLs http or https. An optional field that is null or empty counts as left out; unknown
fields are ignored, because callers keep data of their own there. Anything else is refused with the
path of the field: a mail with a hole in it is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from ...errors import InvalidData
from ..formats import long_date, money, one_line, parse_day, working_days

PATH: Final = "data.templateData"
MAX_TEXT: Final = 200
MAX_URL: Final = 2048
MAX_AMOUNT: Final = Decimal(10) ** 15
MAX_DECIMALS: Final = 6
"""A price finer than a millionth is a fault upstream."""

Label = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
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
    """The facts of a mail. Raises InvalidData that names every missing field, or the first wrong
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
        reason, _, path = str(error).rpartition(" - at `$.")
        raise _refuse([path.rstrip("`")], reason) from None
    _check_total(facts)
    return facts


def as_shown(facts: Facts, language: str) -> dict[str, Any]:
    """Every field as the reader sees it, under its Python name: money with its ISO code, dates in
    long form, safe links.

    A field that was left out is None. Raises InvalidData that names the field.
    """
    shown: dict[str, Any] = {}
    for field in msgspec.structs.fields(facts):
        value = getattr(facts, field.name)
        shown[field.name] = None if value is None else _show(field, value, facts, language)
    return shown


def _show(field: msgspec.structs.FieldInfo, value: Any, facts: Facts, language: str) -> Any:
    match value:
        case Decimal():
            return money(value, getattr(facts, "currency", ""), language)
        case str() if field.name in ("valid_until", "estimated_delivery"):
            return long_date(_day(value, field.encode_name), language)
        case str() if field.name.endswith("_url"):
            return _link(value, field.encode_name)
        case str():
            text = one_line(value)
            if not text:
                raise _refuse([field.encode_name], "holds no visible text")
            return text
        case int():
            return working_days(value, language)
        case _:
            return value


def _check_total(facts: Facts) -> None:
    total: Decimal | None = getattr(facts, "total", None)
    if total is None:
        return
    if not (total.is_finite() and 0 <= total < MAX_AMOUNT) or total != round(total, MAX_DECIMALS):
        reason = f"an amount is 0 to {MAX_AMOUNT:,} (excluded) with at most {MAX_DECIMALS} decimals"
        raise _refuse(["total"], reason)
    if getattr(facts, "currency", None) is None:
        raise _refuse(["currency"], "a total needs its currency", "template_field_missing")


def _day(text: str, name: str) -> date:
    try:
        return parse_day(text)
    except ValueError:
        raise _refuse([name], "not an ISO-8601 date such as 2026-12-31") from None


def _link(text: str, name: str) -> str:
    """The URL itself if it is http(s), names a host, hides no user name and holds only printable
    ASCII.
    """
    try:
        parts = urlsplit(text)
        usable = (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        )
    except ValueError:
        usable = False
    if not usable or not re.fullmatch(r"[\x21-\x7e]+", text) or "\\" in text:
        raise _refuse([name], "not a plain http or https link")
    return text


def _refuse(names: list[str], reason: str, code: str | None = None) -> InvalidData:
    fields = [f"{PATH}.{name}" for name in names]
    return InvalidData(
        f"{', '.join(fields)}: {reason}",
        code=code,
        remedy="Correct templateData and send the job again.",
        details={"fields": fields},
    )
