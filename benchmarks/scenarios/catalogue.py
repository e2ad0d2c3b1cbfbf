"""All workloads, by name, in the order of the report."""

from __future__ import annotations

from ..figures import Scenario
from . import basics

SCENARIOS: tuple[Scenario, ...] = (*basics.SCENARIOS,)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
