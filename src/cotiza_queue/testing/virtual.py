"""Time and chance that a test decides about.

What follows a VirtualTime: every moment that a script or the queue writes or compares: delays,
retries, schedules, rates, deadlines, pauses, retention of jobs, job ids. What does not, because the
server or the event loop counts it by itself: leases and the recovery of dead workers, the timeout
of an attempt, the day that an idempotency key is remembered, and the ids of stream entries (the
moments of events, the age of dead letters).
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import timedelta

from ..clock import SystemClock, iso, parse_iso
from ..store import keys
from ..store.connection import Connection
from ..store.library import CLOCK_KEY

START = "2027-01-04T00:00:00Z"
"""Where virtual time begins if a test doesn't mind: a Monday."""


class FakeClock:
    """A clock that stands still until it is moved. ``monotonic`` moves with it."""

    def __init__(self, start: int | str = START) -> None:
        self._now_ms = _moment(start)

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return self._now_ms / 1000

    def move_to(self, moment: int | str) -> None:
        """Milliseconds since the epoch, or ISO-8601 with an offset. ValueError for the past."""
        target = _moment(moment)
        if target < self._now_ms:
            raise ValueError(f"time does not go back from {iso(self._now_ms)} to {iso(target)}")
        self._now_ms = target

    def advance(self, span: timedelta) -> None:
        self.move_to(self._now_ms + _ms(span))


class LiveClock(FakeClock):
    """The moments of a FakeClock with the machine's spans, for a worker that runs on its own: its
    leases are counted by the server, and its last orders in seconds.
    """

    def __init__(self, shown: FakeClock) -> None:
        self._shown = shown
        self._machine = SystemClock()

    def now_ms(self) -> int:
        return self._shown.now_ms()

    def monotonic(self) -> float:
        return self._machine.monotonic()


class FakeChance:
    """The same dice each time for the same seed."""

    def __init__(self, seed: int | str = 0) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def fraction(self) -> float:
        return self._dice.random()

    def random_bytes(self, count: int) -> bytes:
        return self._dice.randbytes(count)


class VirtualTime:
    """One time for a queue, its workers and the scripts on the server. It only moves when told to.

    Hand it to ``testing.queue``. Moving it wakes the workers of those queues, so that they look at
    what is due; ``drain(queue, until=…)`` goes from one due moment to the next by itself.
    """

    def __init__(self, start: int | str = START) -> None:
        self.clock = FakeClock(start)
        """The Python side, for code under test that takes a Clock."""
        self._servers: dict[Connection, frozenset[str]] = {}

    @property
    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self.clock.now_ms()

    def __str__(self) -> str:
        return iso(self.now_ms)

    def after(self, span: timedelta) -> int:
        """The moment so long after now."""
        return self.now_ms + _ms(span)

    async def move_to(self, moment: int | str) -> None:
        """Milliseconds since the epoch, or ISO-8601 with an offset. ValueError for the past."""
        self.clock.move_to(moment)
        for connection in self._servers:
            await self._tell(connection)

    async def advance(self, span: timedelta) -> None:
        await self.move_to(self.after(span))

    async def bind(self, connection: Connection, job_types: Iterable[str]) -> None:
        """From now on, the server behind ``connection`` follows."""
        self._servers[connection] = frozenset(job_types)
        await self._tell(connection)

    def unbind(self, connection: Connection) -> None:
        self._servers.pop(connection, None)

    async def _tell(self, connection: Connection) -> None:
        await connection.command("SET", CLOCK_KEY, self.now_ms)
        for job_type in sorted(self._servers[connection]):
            await connection.command("PUBLISH", keys.wake(job_type), "wake")


def _moment(given: int | str) -> int:
    return parse_iso(given) if isinstance(given, str) else given


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
