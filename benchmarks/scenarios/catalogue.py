"""All workloads, by name, in the order of the report."""

from __future__ import annotations

from ..figures import Scenario
from . import basics, calls, growth, http, limits, many, work

SCENARIOS: tuple[Scenario, ...] = (
    *basics.SCENARIOS,
    *limits.SCENARIOS,
    *calls.SCENARIOS,
    *work.SCENARIOS,
    *many.SCENARIOS,
    *http.SCENARIOS,
    *growth.SCENARIOS,
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
