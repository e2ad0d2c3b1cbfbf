"""How many jobs of one type a worker runs at once."""

from __future__ import annotations


class Slots:
    """``limit`` units of concurrency. A slot is held from the delivery until the processor has
    really ended.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._used = 0

    @property
    def free(self) -> int:
        return self.limit - self._used

    @property
    def used(self) -> int:
        return self._used

    def hold(self) -> None:
        self._used += 1

    def give_back(self) -> None:
        self._used -= 1
