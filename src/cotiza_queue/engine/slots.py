"""How many jobs of one type a worker runs at once."""

from __future__ import annotations


class Slots:
    """``limit`` units of concurrency. A slot is reserved while a job for it is asked for, and held
    from the delivery until the processor has really ended.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._reserved = 0

    @property
    def free(self) -> int:
        return self.limit - self.used - self._reserved

    def reserve(self, jobs: int) -> None:
        """So many jobs are asked for. ``came`` must follow."""
        self._reserved += jobs

    def came(self, jobs: int, reserved: int) -> None:
        """So many came of those that were asked for: they hold their slots, the rest is free."""
        self._reserved -= reserved
        self.used += jobs

    def give_back(self) -> None:
        self.used -= 1
