"""What a caller may ask of a unique key, and what of it is stored. Pure."""

from __future__ import annotations

from ..errors import FieldError, InvalidInput
from .policy import JobOptions
from .status import UNIQUE_WHILE, Status

ALWAYS = (Status.BLOCKED, Status.DELAYED, Status.WAITING)
"""A job that has yet to start holds its key in any case."""
_KEYLESS = "needs a uniqueKey beside it"


def held_while(options: JobOptions) -> str:
    """The statuses that keep the key, as the scripts read them: words in the order of ``Status``;
    "" for the usual ones, or if a span keeps it. Raises InvalidInput.
    """
    if options.unique_key is None and options.unique_for is not None:
        raise _wrong("uniqueFor", _KEYLESS)
    if options.unique_while is UNIQUE_WHILE:
        return ""
    asked = frozenset(options.unique_while)
    if asked == frozenset(UNIQUE_WHILE):
        return ""
    if options.unique_key is None:
        raise _wrong("uniqueWhile", _KEYLESS)
    if options.unique_for is not None:
        raise _wrong("uniqueWhile", "can't stand beside uniqueFor, which says it already")
    if missing := [str(status) for status in ALWAYS if status not in asked]:
        raise _wrong("uniqueWhile", f"must also name {', '.join(missing)}")
    return " ".join(status for status in Status if status in asked)


def when_held(options: JobOptions) -> str:
    """What becomes of the call if another job holds the key; "" to leave that job as it is. Raises
    InvalidInput.
    """
    if options.on_duplicate == "keep":
        return ""
    if options.unique_key is None:
        raise _wrong("onDuplicate", _KEYLESS)
    if options.on_duplicate == "next" and options.unique_for is not None:
        raise _wrong("onDuplicate", "can't be next beside uniqueFor: a span has no end to wait for")
    return options.on_duplicate


def _wrong(name: str, message: str) -> InvalidInput:
    field = FieldError(f"options.{name}", message)
    return InvalidInput(f"the options are not valid: {field.field} {message}", fields=[field])
