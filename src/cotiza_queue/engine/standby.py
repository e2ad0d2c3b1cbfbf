"""Whether this worker is on standby: with nothing to do, it may be handed the next job by the very
call that brings it, and need not ask for it. Decides, and does nothing.

What was handed over is heard on a channel of its own, which may break; the worker's next turn
brings what it has not heard of. So a job is never lost, and none begins here twice.
"""

from __future__ import annotations

import msgspec

from ..store.commands import Delivery, Stand, Turn


class Standby:
    """Of one turn loop. ``possible``: the server may have this worker on standby."""

    def __init__(self) -> None:
        self.possible = False
        self.asking = False
        """A turn is under way that may put it on standby: none goes beside it."""
        self.heard = 0
        """The token of the last job that it was handed, as long as that may not be over."""
        self._latest = 0

    def turn(self, idle: bool) -> Stand | None:
        """What a turn says of it: None if there is nothing to say. ``answered`` or ``failed`` must
        follow.
        """
        if not (idle or self.possible):
            return None
        if idle:
            # What it has heard of is over. A server that has lost its last moments may give that
            # token out again.
            self.heard = 0
        self.asking, self.possible = idle, True
        return Stand(self.heard, idle)

    def answered(self, said: Stand | None, turn: Turn) -> Turn:
        """A turn has brought something: without what the worker has heard of meanwhile."""
        if said is not None:
            self.asking = False
            self.possible = said.idle and not turn.deliveries
            news = [each for each in turn.deliveries if each.token != self.heard]
            turn = msgspec.structs.replace(turn, deliveries=news)
        self._latest = max([self._latest, *(each.token for each in turn.deliveries[-2:])])
        return turn

    def failed(self, for_good: bool) -> None:
        """The turn was not answered, so what it was to change may have changed. ``for_good``: it
        will not be sent again.
        """
        self.asking = False
        self.possible = self.possible and not for_good

    def hear(self, delivery: Delivery) -> bool:
        """The worker was handed a job. False if that is no news: a turn has brought it before."""
        if not self.possible or delivery.token <= self._latest:
            return False
        self.heard = self._latest = delivery.token
        return True

    def end(self) -> None:
        """Nothing will be begun here any more, or nothing is known: a sweep says what is ours."""
        self.possible = self.asking = False
