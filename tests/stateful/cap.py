"""A limit of the model: what a tenant, or the queue, may do at once and per time."""

from __future__ import annotations

import math
from dataclasses import dataclass

UNLIMITED = 2**53


@dataclass
class Cap:
    """What a tenant, or the queue, may do. Starts per time by GCRA (ITU-T I.371), as ``tat``."""

    concurrency: int | None = None
    weight: int = 1
    period: float | None = None
    burst: int = 1
    retain_bytes: int | None = None
    """Of a queue: bytes that its ended jobs may hold together."""
    until: int = 0
    """Nothing starts before; the operator's word, not what a rate makes of it."""
    held: int = 0
    """Nor before this: what a processor was told."""
    dear: bool = False
    """Jobs of it may cost more than one unit: it may rest until one of them can be paid for."""
    tat: float = 0
    depth: int | None = None
    """How many may be there that have not started."""

    @property
    def paused(self) -> bool:
        return self.until > 0

    def lapse(self, now: int) -> None:
        """What is over stays over, also if the clock goes back."""
        self.until = self.until if self.until > now else 0
        self.held = self.held if self.held > now else 0

    def room(self, active: int, now: int) -> int:
        """How many of cost 1 may start now."""
        room = UNLIMITED if self.concurrency is None else max(0, self.concurrency - active)
        if now < self.until or now < self.held:
            return 0
        if self.period is not None:
            ahead, slack = max(self.tat, now) - now, (self.burst - 1) * self.period
            rate = 0 if ahead > slack else int((slack - ahead) // self.period) + 1
            room = min(room, rate)
        return room

    def affords(self, cost: int, now: int) -> bool:
        """True if the rate has so much left, or is full."""
        if self.period is None:
            return True
        wanted = min(cost, self.burst)
        return now >= math.ceil(self.tat - (self.burst - wanted) * self.period)

    def spend(self, now: int, cost: int) -> None:
        if self.period is not None:
            self.tat = max(self.tat, now) + cost * self.period

    @property
    def free(self) -> bool:
        limits = (self.concurrency, self.period)
        return limits == (None, None) and self.until == 0 and self.held == 0
