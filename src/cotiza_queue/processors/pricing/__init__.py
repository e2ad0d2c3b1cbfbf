"""quote-calculation: a cost model in Decimal over a price list with sources."""

from __future__ import annotations

from .catalogue import LATEST, Catalogue, load_catalogue
from .processor import CalculateQuote

__all__ = ["LATEST", "CalculateQuote", "Catalogue", "load_catalogue"]
