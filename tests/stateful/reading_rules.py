"""The rules of the game that only ask."""

from __future__ import annotations

from .listing_rules import ListingRules
from .why_rules import WhyRules


class ReadingRules(ListingRules, WhyRules):
    """Part of Game."""
