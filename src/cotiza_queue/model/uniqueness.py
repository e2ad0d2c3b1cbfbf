"""What a caller may ask of a unique key, and what of it is stored. Pure."""

from __future__ import annotations

from ..errors import FieldError, InvalidInput
from .policy import JobOptions
from .status import UNIQUE_WHILE, Status

ALWAYS = (Status.BLOCKED, Status.DELAYED, Status.WAITING)
"""A job that has yet to start holds its key in any case."""


def held_while(options: JobOptions) -> str:
    """The statuses that keep the key, as the scripts read them: words in the order of ``Status``;
    "" for the usual ones. Raises InvalidInput.
    """
    asked = frozenset(options.unique_while)
    if asked == frozenset(UNIQUE_WHILE):
        return ""
    if options.unique_key is None:
        raise _wrong("needs a uniqueKey beside it")
    if missing := [str(status) for status in ALWAYS if status not in asked]:
        raise _wrong(f"must also name {', '.join(missing)}")
    return " ".join(status for status in Status if status in asked)


def _wrong(message: str) -> InvalidInput:
    field = FieldError("options.uniqueWhile", message)
    return InvalidInput(f"the options are not valid: {field.field} {message}", fields=[field])
