"""The facts of a mail as its reader sees them: money with its ISO code, dates in long form.

What ``templateData`` may hold is said, and checked at intake, by ``jobtypes.template_data``. The
check is repeated here, because a payload may have come in before it was as strict.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from ...errors import InvalidData, InvalidInput
from ...jobtypes import template_data
from ...jobtypes.template_data import KINDS, Facts
from ..formats import long_date, money, one_line, parse_day, working_days

__all__ = ["KINDS", "Facts", "as_shown", "parse"]


def parse(kind: str, data: Mapping[str, Any]) -> Facts:
    """The facts of a mail. Raises InvalidData that names every missing field, or the first wrong
    one, by its path.
    """
    try:
        return template_data.parse(kind, data)
    except InvalidInput as error:
        raise InvalidData(
            error.message,
            code=None if error.code == InvalidInput.code else error.code,
            remedy=error.remedy,
            details={"fields": [fault.field for fault in error.fields]},
        ) from None


def as_shown(facts: Facts, language: str) -> dict[str, Any]:
    """Every field as the reader sees it, under its Python name: money with its ISO code, dates in
    long form. A field that was left out is None.
    """
    shown: dict[str, Any] = {}
    for field in msgspec.structs.fields(facts):
        value = getattr(facts, field.name)
        shown[field.name] = None if value is None else _show(field.name, value, facts, language)
    return shown


def _show(name: str, value: Any, facts: Facts, language: str) -> Any:
    match value:
        case Decimal():
            return money(value, getattr(facts, "currency", ""), language)
        case str() if name in ("valid_until", "estimated_delivery"):
            return long_date(parse_day(value), language)
        case str() if name.endswith("_url"):
            return value
        case str():
            return one_line(value)
        case int():
            return working_days(value, language)
        case _:
            return value
