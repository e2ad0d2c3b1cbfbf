"""Removes what retention no longer keeps, whether or not anything else happens in the queue."""

from __future__ import annotations

from ..chance import Chance
from ..store.commands import Commands

PAGE = 200
DEAD_LETTER_AGE_MS = 30 * 86_400_000
CONSUMER_AGE_MS = 600_000
_PAUSE_S = 2.0


class Pruner:
    """A page at a time, so that no call holds the server for long."""

    name = "pruner"

    def __init__(self, commands: Commands, job_type: str, chance: Chance) -> None:
        self._commands = commands
        self._job_type = job_type
        self._chance = chance

    async def tick(self) -> float:
        removed = await self._commands.prune(
            self._job_type, PAGE, DEAD_LETTER_AGE_MS, CONSUMER_AGE_MS
        )
        return 0.01 if removed >= PAGE else _PAUSE_S * (0.75 + 0.5 * self._chance.fraction())
