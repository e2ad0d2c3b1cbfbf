"""The rules of the game that ask, and those about what lies apart."""

from __future__ import annotations

from .doctor_rules import DoctorRules
from .listing_rules import ListingRules
from .litter_rules import LitterRules
from .why_rules import WhyRules


class ReadingRules(ListingRules, WhyRules, DoctorRules, LitterRules):
    """Part of Game."""
