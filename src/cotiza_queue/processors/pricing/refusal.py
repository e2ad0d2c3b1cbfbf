"""How pricing says no: permanent errors that name the item, its field and the reason.

Nothing here is retried: the same request against the same analyses and price list fails again.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cotiza_queue.errors import InvalidData

MAX_NAMED = 20
"""How many faulty items one error names; it counts the rest."""


class Where(msgspec.Struct, frozen=True):
    """Which item of the request is at fault, from 0, and the file it asks for."""

    index: int
    file_id: str

    def refuse(
        self, field: str, code: str, reason: str, remedy: str | None = None, **facts: object
    ) -> InvalidData:
        """The error for one field of this item; ``facts`` are small JSON values for its details."""
        path = f"data.items[{self.index}].{field}"
        details = {"field": path, "item": self.index, "fileId": self.file_id, **facts}
        message = f"{path}: {reason} (file {self.file_id})"
        return InvalidData(message, code=code, remedy=remedy, details=details)


def together(refusals: Sequence[InvalidData], items: int) -> InvalidData:
    """One error for all that is wrong with a request of so many items.

    A single refusal stands for itself. Several keep their common code, or get ``not_priceable``;
    the details list each with its own code.
    """
    if len(refusals) == 1:
        return refusals[0]
    named = refusals[:MAX_NAMED]
    codes = {refusal.code for refusal in refusals}
    rest = f"; and {len(refusals) - MAX_NAMED} more" if len(refusals) > MAX_NAMED else ""
    return InvalidData(
        f"{len(refusals)} of {items} items can't be priced: "
        + "; ".join(refusal.message for refusal in named)
        + rest,
        code=codes.pop() if len(codes) == 1 else "not_priceable",
        remedy="Correct these items, or ask for them to be quoted by a person.",
        details={
            "refused": len(refusals),
            "errors": [
                {"code": refusal.code, "message": refusal.message, **refusal.details}
                for refusal in named
            ],
        },
    )
