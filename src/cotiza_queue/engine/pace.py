"""When a turn is worth its round trip, and how large it is. Decides, and does nothing.

Two turns may be under way: while the server works on one, the worker runs what the other has
brought. Each has half of the slots, so that the halves take turns. The second goes only if it has
much to settle: where little is done, what comes in during a turn waits for the next one.
"""

from __future__ import annotations

from .settler import PAGE

TURNS = 2
"""Under way at once."""


class Pace:
    """Of one turn loop.

    Whether there may be something to take is told by counting the reasons to look: hints, due
    moments, turns that brought all they had asked for. A turn that brought less answers those
    before it was sent, and no later ones: a hint may overtake a reply.
    """

    def __init__(self, slots: int) -> None:
        self.page = min(PAGE, -(-slots // TURNS))
        self.much = -(-self.page // 8)
        """Outcomes that are worth a second turn."""
        self.under_way = 0
        self.reasons = 1
        self._answered = 0
        self._look = False

    def wake(self) -> None:
        """There may be something to take."""
        self.reasons += 1

    def look(self) -> None:
        """The next turn goes even if it has nothing to settle and no room."""
        self.reasons += 1
        self._look = True

    @property
    def looks(self) -> bool:
        return self._look and self.under_way == 0

    def worth(self, outcomes: int, room: int) -> bool:
        """Whether a turn should go now, with so many outcomes in line and so many free slots."""
        if self.under_way > 0:
            return self.under_way < TURNS and outcomes >= self.much
        return outcomes > 0 or self._look or (room > 0 and self.reasons > self._answered)

    def sent(self) -> None:
        """A turn goes. It knows of the ``reasons`` there were."""
        self.under_way += 1
        self._look = False

    def came(self, jobs: int, asked: int, reasons: int) -> None:
        """A turn brought so many of the jobs that it had asked for."""
        if 0 < asked <= jobs:
            self.reasons += 1
        elif asked > 0:
            self._answered = max(self._answered, reasons)

    def over(self) -> None:
        """A turn is over, with or without a reply."""
        self.under_way -= 1
