"""How mails and reports write money, days and people's text. Pure: no clock, no I/O.

Two languages are known, each with one locale: ``es`` is written as in Mexico (1,234.56), ``en`` as
in the United States. ``es_MX`` and ``en_US`` both write ``$`` for their own money, so the ISO 4217
code always stands before an amount. Days are those of Mexico City. Text that came from people is
never trusted to be one line.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_precision

LOCALES: Final = {"es": "es_MX", "en": "en_US"}
ZONE: Final = ZoneInfo("America/Mexico_City")

_BREAKING: Final = {"Cc", "Zl", "Zp"}
_BIDI_CONTROLS: Final = {
    chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)
}


def money(amount: Decimal, currency: str, language: str) -> str:
    """``MXN 1,234.50`` with a no-break space.

    As many decimals as ISO 4217 gives the currency, and more only if the amount itself has more:
    what is printed is never rounded.
    """
    pattern = f"¤¤\u00a0#,##0.{'0' * _decimals(amount, currency)}".rstrip(".")
    return format_currency(
        amount, currency, pattern, locale=LOCALES[language], currency_digits=False
    )


def figure(amount: Decimal, currency: str, language: str) -> str:
    """The same amount without its code, for a column whose heading names the currency."""
    pattern = f"#,##0.{'0' * _decimals(amount, currency)}".rstrip(".")
    return format_decimal(amount, pattern, locale=LOCALES[language])


def number(value: float | Decimal, decimals: int, language: str) -> str:
    """A measured value rounded to a number of decimals, trailing zeros kept off."""
    return format_decimal(value, f"#,##0.{'#' * decimals}".rstrip("."), locale=LOCALES[language])


def long_date(day: date, language: str) -> str:
    """``23 de noviembre de 2026`` / ``November 23, 2026``: a date that reads the same on both sides
    of a border.
    """
    return format_date(day, "long", locale=LOCALES[language])


def working_days(count: int, language: str) -> str:
    """``5 días hábiles`` / ``5 working days``."""
    if language == "es":
        return f"{count} día hábil" if count == 1 else f"{count} días hábiles"
    return f"{count} working day" if count == 1 else f"{count} working days"


def days(count: int, language: str) -> str:
    """``5 días`` / ``5 days``, where a heading says that they are working days or it is plain."""
    word = {"es": "día", "en": "day"}[language]
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def local_day(moment_ms: int) -> date:
    """The day that it is in Mexico City at a moment given in milliseconds since the epoch."""
    return datetime.fromtimestamp(moment_ms / 1000, UTC).astimezone(ZONE).date()


def parse_day(text: str) -> date:
    """An ISO-8601 date, or the Mexico City day of an ISO-8601 time with an offset.

    Raises ValueError for anything else, a time without an offset included: it doesn't say which day
    it means.
    """
    if len(text) == 10:
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the time has no offset; end it with Z or +hh:mm")
    return moment.astimezone(ZONE).date()


def one_line(text: str) -> str:
    """Text from people as one clean line: NFC, line breaks and controls as single spaces, no
    direction marks.

    Direction marks go because they can make ``fdp.exe`` read as ``exe.pdf``.
    """
    kept = (
        " " if unicodedata.category(character) in _BREAKING else character
        for character in unicodedata.normalize("NFC", text)
        if character not in _BIDI_CONTROLS
    )
    return " ".join("".join(kept).split())


def _decimals(amount: Decimal, currency: str) -> int:
    exponent = amount.normalize().as_tuple().exponent
    own = -exponent if isinstance(exponent, int) else 0
    return max(get_currency_precision(currency), own)
