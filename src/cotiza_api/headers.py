"""A request's headers, read where they lie. Every request needs a handful of them; to build the
whole map each time would cost more than to look.
"""

from __future__ import annotations

from starlette.types import Scope


def every(scope: Scope, name: bytes) -> list[str]:
    """All values of a header, in order. ``name``: in lower case."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def first(scope: Scope, name: bytes, otherwise: str = "") -> str:
    """The first value of a header. ``name``: in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return otherwise
