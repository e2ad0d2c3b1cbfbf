"""The price list: what we make, from what, on which machines, at which rates.

Every figure has its source beside it, and "our assumption" where it is one.
"""

from __future__ import annotations

from .loader import LATEST, load_catalogue
from .schema import (
    Catalogue,
    Discount,
    Extrusion,
    Finish,
    Machine,
    Material,
    Milling,
    PowderBed,
    Process,
    Terms,
    Unpriced,
    Vat,
)

__all__ = [
    "LATEST",
    "Catalogue",
    "Discount",
    "Extrusion",
    "Finish",
    "Machine",
    "Material",
    "Milling",
    "PowderBed",
    "Process",
    "Terms",
    "Unpriced",
    "Vat",
    "load_catalogue",
]
