"""``./run bench --targets``: the workloads that we have goals for, each against those whom its
goals name and nobody else. Five rounds take 15 minutes, on a busy machine 25.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NODE = ("bullmq", "bull")
WITH_BULK = ("streaq", *NODE)
DRAINING = ("streaq", "saq", "dramatiq", *NODE)
WAITING = (*DRAINING, "huey", "taskiq")
"""Those that start a lone job soonest are among them."""

TARGETS: Mapping[str, Sequence[str]] = {
    "drain": DRAINING,
    "ceiling": (),
    "drain-c32": (),
    "durable": (),
    "enqueue-1": ("streaq", "bullmq"),
    "enqueue-50": ("streaq", "bullmq"),
    "bulk": WITH_BULK,
    "idle": WAITING,
    "delayed": ("streaq",),
    "memory": ("streaq",),
    "sleep-1ms": (),
    "sleep-20ms": (),
    "compute": (),
    "large": (),
    "tenants": (),
    "newcomer": (),
    "calls": (),
    "million-waiting": (),
    "million-delayed": (),
    "instant": (),
    "post": (),
    "fan-out": (),
}
LONG = ("million-waiting", "million-delayed", "instant")
LONG_ROUNDS = 3
"""So many are enough for what takes long and hardly varies."""


def enough(scenario: str, number: int) -> bool:
    """Whether a workload need not run in this round any more."""
    return scenario in LONG and number > LONG_ROUNDS
