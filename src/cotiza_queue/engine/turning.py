"""A turn on its way: what goes with it, and what it has brought."""

from __future__ import annotations

from typing import NamedTuple

from ..store.commands import Settlement, Stand, Turn
from .servertime import ServerTime
from .units import Grant, Ticket


class Asked(NamedTuple):
    """A turn to be sent: what it settles, what it may take, the reasons to look that it knows of,
    and what it says of standby.
    """

    outcomes: list[Settlement]
    grant: Grant
    reasons: int
    stand: Stand | None = None


class Brought(NamedTuple):
    """What a turn has brought, not yet begun: a ticket for each delivery."""

    turn: Turn
    tickets: list[Ticket]
    time: ServerTime
