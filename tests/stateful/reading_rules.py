"""The rules of the game that only ask."""

from __future__ import annotations

from .doctor_rules import DoctorRules
from .listing_rules import ListingRules
from .why_rules import WhyRules


class ReadingRules(ListingRules, WhyRules, DoctorRules):
    """Part of Game."""
