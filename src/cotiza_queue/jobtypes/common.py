"""What the payloads share. On the wire every name is camelCase; an unknown field is an error, not a
shrug.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

# In Python, $ also matches before a final newline; the lookahead rules that out, in Python and in
# the JSON Schema that is made from these patterns.
# A description is read after "must be", by callers whose value does not fit.
ID = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        pattern=r"^[0-9A-Za-z_.:-]+$(?!\n)",
        description="letters (a-z, A-Z), digits, and any of _ . : -",
    ),
]
Url = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2048,
        pattern=r"^(file-store|s3|https)://[\x21-\x7e]+$(?!\n)",
        description="a file-store://, s3:// or https:// URL",
    ),
]
Text = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)",
        description="text without control characters",
    ),
]
Currency = Annotated[
    str,
    Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="a three-letter currency code such as MXN"),
]


class Wire(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Base of all payload and result structs."""
