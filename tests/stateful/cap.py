"""A limit of the model: what a tenant, or the queue, may do at once and per time."""

from __future__ import annotations

from dataclasses import dataclass

UNLIMITED = 2**53


@dataclass
class Cap:
    """What a tenant, or the queue, may do. Starts per time by GCRA (ITU-T I.371), as ``tat``."""

    concurrency: int | None = None
    weight: int = 1
    period: float | None = None
    burst: int = 1
    until: int = 0
    """Nothing starts before; the operator's word, not what a rate makes of it."""
    tat: float = 0

    def room(self, active: int, now: int) -> int:
        """How many may start now."""
        room = UNLIMITED if self.concurrency is None else max(0, self.concurrency - active)
        if now < self.until:
            return 0
        if self.period is not None:
            ahead, slack = max(self.tat, now) - now, (self.burst - 1) * self.period
            rate = 0 if ahead > slack else int((slack - ahead) // self.period) + 1
            room = min(room, rate)
        return room

    def spend(self, now: int) -> None:
        if self.period is not None:
            self.tat = max(self.tat, now) + self.period

    @property
    def free(self) -> bool:
        return self.concurrency is None and self.period is None and self.until == 0
