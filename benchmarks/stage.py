"""What a scenario stands on: a flushed server, one rival, and the ways to measure it at work."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .environments import Environment
from .figures import Measured, percentile
from .processes import Crew, Journal, crew, produce, until
from .rivals.protocol import About, Order
from .server import Server, Usage

DRAIN_S = 180.0
LOOK_S = 0.002
MICRO = 1e6


class Stage:
    """One rival on one flushed server. ``scale`` multiplies numbers of jobs."""

    def __init__(
        self, server: Server, environment: Environment, about: About, scale: float = 1.0
    ) -> None:
        self.server = server
        self.environment = environment
        self.about = about
        self.scale = scale

    def jobs(self, full: int, least: int = 200) -> int:
        """So many jobs, at this scale."""
        return max(least, round(full * self.scale))

    def order(self, **fields: Any) -> Order:
        """An order to the rival on this server."""
        return Order(url=self.server.url, **fields)

    def enqueue(self, **fields: Any) -> Measured:
        """Put jobs in: jobs/s, and per job the client's and the server's work."""
        before = self.server.usage()
        with self.journal() as journal:
            made = produce(self.environment, self.order(**fields), journal.path)
        used = self.server.usage().since(before)
        count = fields["count"]
        return {
            "rate": made["jobs"] / made["seconds"],
            "client_us": made["cpu_s"] / made["jobs"] * MICRO,
            **_per_job(used, count),
        }

    def drain(
        self,
        count: int,
        concurrency: int | None = None,
        processes: int = 1,
        *,
        already: int = 0,
        rest: int = 0,
        left: list[list[str]] | None = None,
        **fields: Any,
    ) -> Measured:
        """Run what is in the queue, ``count`` jobs: from the first line of the first body until
        nothing is left in Redis. ``already``: jobs that had ended before; ``rest``: jobs that may
        be left; ``left``: what is to be watched instead of the rival's own.
        """
        slots = concurrency or self.about.concurrency
        with self.journal() as journal:
            order = self.order(concurrency=slots, count=count, **fields)
            with crew(self.environment, order, journal.path, processes) as workers:
                workers.go()
                until(lambda: journal.values("first"), workers, DRAIN_S, LOOK_S / 4)
                workers.look()
                cpu, before = workers.cpu_s(), self.server.usage()
                until(lambda: self._over(count + already, rest, left), workers, DRAIN_S, LOOK_S)
                ended = time.monotonic()
                workers.look()
                cpu = workers.cpu_s() - cpu
                used = self.server.usage().since(before)
                rss = workers.rss_bytes()
            seconds = ended - journal.values("first")[0]
            journal.check()
            stalls = {name: journal.values(name) for name in ("stall_ms", "stall_cpu_ms")}
        found = {
            "rate": count / seconds,
            "worker_us": cpu / count * MICRO,
            **_per_job(used, count),
            "rss_mib": rss / 2**20,
        }
        return found | {name: max(values) for name, values in stalls.items() if values}

    def _over(self, count: int, rest: int, left: list[list[str]] | None) -> bool:
        """True if no more than ``rest`` is left in Redis, and that many jobs have ended."""
        if self.server.counts(left or self.about.left) > rest:
            return False
        return not self.about.done or self.server.counts(self.about.done) >= count

    def starts(self, **fields: Any) -> list[float]:
        """Put stamped jobs in while a worker waits for them: how late each started, in ms."""
        with self.journal() as journal:
            order = self.order(concurrency=self.about.concurrency, **fields)
            with crew(self.environment, order, journal.path) as workers:
                workers.go()
                time.sleep(1.0)  # Idle means that it has long been waiting.
                produce(self.environment, order, journal.path)
                until(lambda: len(journal.values("late")) >= order.count, workers, 120.0, 0.02)
            return [1000 * late for late in journal.values("late")]

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """Where the bodies of one run write."""
        with tempfile.TemporaryDirectory(prefix="cq-bench-") as folder:
            yield Journal(Path(folder) / "journal")

    @contextmanager
    def working(self, journal: Journal, **fields: Any) -> Iterator[Crew]:
        """Workers at work, for scenarios that watch something else than their drain."""
        with crew(self.environment, self.order(**fields), journal.path) as workers:
            workers.go()
            yield workers


def _per_job(used: Usage, count: int) -> Measured:
    return {
        "server_us": used.cpu_s / count * MICRO,
        "commands": used.commands / count,
        "reads": used.reads / count,
        "bytes": (used.bytes_in + used.bytes_out) / count,
    }


def lateness(values: list[float]) -> Measured:
    """Median, 99th percentile, and how many came more than the millisecond of a clock too early."""
    return {
        "p50": percentile(values, 50),
        "p99": percentile(values, 99),
        "early": sum(value < -1 for value in values),
    }
