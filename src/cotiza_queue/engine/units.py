"""Weighted slots: the types of one worker share a number of units, and a heavy job takes several.

A station reserves units before it asks for jobs, so that what comes can begin. When units are short
it may take one job ahead: that job waits here, its lease renewed and its timeout not yet running,
and as long as any such job waits nobody else is given units. They are served in the order of their
coming, so a flood of light jobs can't keep a heavy one out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..errors import ConfigurationError
from .loop import wait_for
from .running import Running

MAX_UNITS = 10_000
_LOOK_S = 0.2
"""How soon a job that waits for units notices that it was told to stop."""


class Claim:
    """One job that waits for its units."""

    def __init__(self, weight: int) -> None:
        self.weight = weight
        self.granted = asyncio.Event()


class Pool:
    """The units of a worker process. Never are more in use than ``total``."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.free = total
        self._claims: deque[Claim] = deque()
        self._hungry: set[Callable[[], None]] = set()

    def reserve(self, weight: int, most: int, hungry: Callable[[], None]) -> int:
        """Units for up to ``most`` jobs; how many there are. ``hungry`` is called when there may be
        more.
        """
        n = 0 if self._claims else min(most, self.free // weight)
        if n < most:
            self._hungry.add(hungry)
        self.free -= n * weight
        return n

    def sated(self, hungry: Callable[[], None]) -> None:
        """It got all that there was to get: it need not be called."""
        self._hungry.discard(hungry)

    def claim(self, weight: int) -> Claim:
        """Stand in line for the units of one job."""
        claim = Claim(weight)
        self._claims.append(claim)
        self._serve()
        return claim

    def withdraw(self, claim: Claim) -> None:
        """It waits no more; what it was given is given back."""
        if claim.granted.is_set():
            self.give_back(claim.weight)
        else:
            self._claims.remove(claim)
            self._serve()

    def give_back(self, units: int) -> None:
        self.free += units
        self._serve()

    def _serve(self) -> None:
        while self._claims and self._claims[0].weight <= self.free:
            claim = self._claims.popleft()
            self.free -= claim.weight
            claim.granted.set()
        if not self._claims and self.free:
            hungry, self._hungry = self._hungry, set()
            for call in hungry:
                call()


class Grant(NamedTuple):
    """So many jobs may be asked for. ``held``: units are reserved for them."""

    jobs: int
    held: bool = True


ONE = Grant(1)


class Share:
    """One station's way to the units. Without a pool there is always room."""

    def __init__(self, pool: Pool | None, weight: int) -> None:
        self.pool = pool
        self.weight = weight
        self.waiting = 0
        """Jobs that came without units reserved for them."""
        self._hungry: Callable[[], None] = _nobody
        self._ahead = False
        self._pass = Ticket(self, held=True)

    def when_free(self, call: Callable[[], None]) -> None:
        """``call`` this when there may be units for those that were not granted."""
        self._hungry = call

    def want(self, most: int) -> Grant:
        """How many jobs to ask for, of ``most``. ``came`` must follow."""
        if self.pool is None or most <= 0:
            return Grant(max(0, most))
        reserved = self.pool.reserve(self.weight, most, self._hungry)
        if reserved or self.waiting or self._ahead:
            return Grant(reserved)
        self._ahead = True
        return Grant(1, held=False)

    def came(self, jobs: int, grant: Grant) -> list[Ticket]:
        """A ticket for each job that came; what was reserved for others goes back."""
        if self.pool is None:
            return [self._pass] * jobs
        if not grant.held:
            self._ahead = False
        elif jobs < grant.jobs:
            self.pool.sated(self._hungry)
            self.pool.give_back((grant.jobs - jobs) * self.weight)
        return [Ticket(self, held=grant.held) for _ in range(jobs)]


class Ticket:
    """What a job needs to begin: its units. ``held``: they are reserved for it already. Without a
    pool there is nothing to hold, and one ticket does for all.
    """

    def __init__(self, share: Share, *, held: bool) -> None:
        self.ready = held
        """Whether the job can begin at once."""
        self._share = share
        self._claim: Claim | None = None
        if not held:
            share.waiting += 1

    async def wait(self, job: Running) -> bool:
        """Wait until it can; False if the job was told to stop first."""
        pool = self._share.pool
        if self.ready or pool is None:
            return True
        self._claim = claim = pool.claim(self._share.weight)
        while not claim.granted.is_set() and job.stopped is None:
            await wait_for(claim.granted, _LOOK_S)
        return claim.granted.is_set()

    def close(self) -> None:
        """The job has really ended, or has never begun."""
        if not self.ready:
            self._share.waiting -= 1
        pool = self._share.pool
        if pool is None:
            return
        if self._claim is not None:
            pool.withdraw(self._claim)
        elif self.ready:
            pool.give_back(self._share.weight)


def _nobody() -> None:
    """Who is called as long as nobody wants to be."""


def pool_of(units: int | None, weights: Mapping[str, int]) -> Pool | None:
    """Raises ConfigurationError for units or weights that can't work."""
    if units is None:
        if weights:
            raise ConfigurationError(
                "weights are given, but no units", remedy="Set units in WorkerOptions."
            )
        return None
    if not 1 <= units <= MAX_UNITS:
        raise ConfigurationError(f"{units} units", remedy=f"Choose 1 to {MAX_UNITS:,}.")
    for name, weight in weights.items():
        if not 1 <= weight <= units:
            raise ConfigurationError(
                f"a job of {name} takes {weight} of {units} units",
                remedy="Give the worker more units, or the type 1 to as many as there are.",
            )
    return Pool(units)
