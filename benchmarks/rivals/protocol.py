"""What the benchmark asks of an engine, the same of each: a command line and lines of JSON.

    python -m benchmarks.rivals.NAME about              what it is and how it is measured (About)
    python -m benchmarks.rivals.NAME produce ORDER      put jobs in, say how long that took
    python -m benchmarks.rivals.NAME work ORDER         say "ready", wait for a line, run jobs

ORDER is an ``Order`` as JSON. A job's body is the same function for all of them: it notes its first
run, or every run where the payload asks for it, in the journal of the order. All moments are of
``time.monotonic``, which all processes of a machine share.

This file runs in the environments of the rivals, so it imports nothing but the standard library.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

Payload = dict[str, Any]
BULK = 500
"""Jobs of one call where the engine has a call for many."""
JOURNAL = "COTIZA_BENCH_JOURNAL"
"""The environment variable that names the journal: children of a worker need it, too."""


@dataclass
class About:
    """An engine as the table shows it. ``left``: Redis commands whose answers add up to the jobs
    that have not ended; ``done``: such that add up to those that have, where the engine removes a
    job before it has run.
    """

    skips: str
    """What it does not do of what we do, with the settings measured here."""
    left: list[list[str]]
    done: list[list[str]] = field(default_factory=list)
    concurrency: int = 100
    """32 or 100, whichever it drains faster with."""
    drain_jobs: int = 8_000
    enqueue_jobs: int = 8_000
    sleep_ms: bool = True
    bulk: bool = False
    delayed: bool = True
    slots: int = 0
    """Jobs at once where the engine can't do more than that in one process; 0: as asked."""
    cpu: str = "in its own process, one at a time"
    """Where a body that computes runs, by the engine's own means."""


@dataclass
class Order:
    """``mode``: one, many (``callers`` at once), bulk, paced (each ``interval_ms``), delayed (due
    after ``delay_ms`` to twice that).
    """

    url: str
    mode: str = "one"
    count: int = 0
    callers: int = 1
    do: str = "noop"
    amount: int = 0
    """Milliseconds of a sleep, rounds of a computation."""
    pad: int = 250
    """Bytes of filling; the payload is about 50 larger."""
    tenants: int = 1
    interval_ms: int = 20
    delay_ms: int = 0
    together: bool = False
    """In bulk: all are due at one moment, ``delay_ms`` from the start; else each after its span."""
    concurrency: int = 100


class Engine:
    """What a rival's file implements. A verb it does not override is one it does not have."""

    about: About

    def produce(self, order: Order) -> None:
        raise NotImplementedError

    def work(self, order: Order) -> None:
        raise NotImplementedError


def main(engine: Engine) -> None:
    """The command line of a rival's file."""
    logging.basicConfig(level=logging.WARNING)
    verb = sys.argv[1]
    if verb == "about":
        say(asdict(engine.about))
        return
    order = Order(**json.loads(sys.argv[2]))
    if verb == "produce":
        engine.produce(order)
        return
    say({"ready": os.getpid()})
    sys.stdin.readline()
    threading.Thread(target=_leave_with_driver, daemon=True).start()
    engine.work(order)


def _leave_with_driver() -> None:
    """The driver holds the other end; when it is gone, nobody needs this worker. Not by way of
    ``sys.stdin``: a child forked meanwhile would inherit its lock.
    """
    while os.read(0, 1):
        pass
    os._exit(0)


def say(line: Any) -> None:
    """One line of JSON to whoever asked."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def run_async(work: Coroutine[Any, Any, None]) -> None:
    """On uvloop where it is installed, as their own command lines do."""
    factory = None
    with contextlib.suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(work)


# bodies

_journal = -1
_ran = False


def note(**fields: Any) -> None:
    """One line of the journal, at once."""
    global _journal
    if _journal < 0:
        _journal = os.open(os.environ[JOURNAL], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(_journal, json.dumps(fields).encode() + b"\n")


def begin(payload: Payload) -> None:
    """The first line of every body."""
    global _ran
    if payload["at"]:
        note(late=time.monotonic() - payload["at"])
    elif not _ran:
        _ran = True
        note(first=time.monotonic(), pid=os.getpid())


def has_begun() -> bool:
    """True once a first body has run in this process."""
    return _ran


async def body(payload: Payload) -> Any:
    """A job, in engines on asyncio."""
    begin(payload)
    if payload["do"] == "sleep":
        await asyncio.sleep(payload["amount"] / 1000)
        return 1
    return finish(payload)


def sync_body(payload: Payload) -> Any:
    """A job, in engines with threads or processes."""
    begin(payload)
    if payload["do"] == "sleep":
        time.sleep(payload["amount"] / 1000)
        return 1
    return finish(payload)


def finish(payload: Payload) -> Any:
    """The rest of a body that does not wait."""
    if payload["do"] == "cpu":
        return burn(payload["amount"])
    return payload["pad"] if payload["do"] == "echo" else 1


def burn(rounds: int) -> int:
    """Compute: about 60 ns a round."""
    value = 1
    for n in range(rounds):
        value = (value * 31 + n) & 0xFFFFFFFF
    return value


# producers


def payload_of(order: Order, due_in_s: float = 0.0) -> Payload:
    """A job's payload; ``at`` is the moment to be compared with its start, 0 for none."""
    stamped = order.mode in ("paced", "delayed")
    at = time.monotonic() + due_in_s if stamped else 0
    return {"do": order.do, "amount": order.amount, "at": at, "pad": "x" * order.pad}


def delay_s(order: Order, n: int) -> float:
    """The delay of job ``n`` in seconds: they are spread over once to twice ``delay_ms``."""
    return (order.delay_ms + order.delay_ms * n // max(order.count, 1)) / 1000


Put = Callable[[Payload, float, int], Awaitable[Any]]
"""(payload, delay in seconds or 0, number of the job) → when it has been taken in."""
PutMany = Callable[[Sequence[Payload], int], Awaitable[Any]]
"""(payloads, number of the first)."""


async def produce(order: Order, put: Put, put_many: PutMany | None = None) -> None:
    """Enqueue as ordered, and say how long that took. The first jobs, before the clock starts, open
    connections and load scripts.
    """
    early = 0 if order.mode in ("paced", "delayed") else min(2 * order.callers, order.count // 10)
    if order.mode == "bulk":
        assert put_many is not None
        await put_many([payload_of(order) for _ in range(early)], 0)
    else:
        await _many(order, put, range(early))
    clock = _Clock(order.count - early)
    match order.mode:
        case "paced" | "delayed":
            await _paced(order, put)
        case "bulk" if put_many is not None:
            for first in range(early, order.count, BULK):
                size = min(BULK, order.count - first)
                await put_many([payload_of(order) for _ in range(size)], first)
        case _:
            await _many(order, put, range(early, order.count))
    clock.stop()


async def _many(order: Order, put: Put, numbers: range) -> None:
    left = iter(numbers)

    async def caller() -> None:
        for n in left:
            await put(payload_of(order), 0.0, n)

    await asyncio.gather(*(caller() for _ in range(order.callers)))


async def _paced(order: Order, put: Put) -> None:
    for n in range(order.count):
        delay = delay_s(order, n) if order.mode == "delayed" else 0.0
        await put(payload_of(order, delay), delay, n)
        if order.mode == "paced":
            await asyncio.sleep(order.interval_ms / 1000)


SyncPut = Callable[[Payload, float, int], Any]


def produce_sync(
    order: Order, put: SyncPut, put_many: Callable[[Sequence[Payload]], Any] | None = None
) -> None:
    """The same for clients without asyncio: callers are threads."""
    early = 0 if order.mode in ("paced", "delayed") else min(2 * order.callers, order.count // 10)
    for n in range(early):
        put(payload_of(order), 0.0, n)
    clock = _Clock(order.count - early)
    if order.mode == "bulk":
        assert put_many is not None
        for first in range(early, order.count, BULK):
            put_many([payload_of(order) for _ in range(min(BULK, order.count - first))])
    elif order.mode == "many":
        _in_threads(order, put, range(early, order.count))
    else:
        for n in range(early, order.count):
            delay = delay_s(order, n) if order.mode == "delayed" else 0.0
            put(payload_of(order, delay), delay, n)
            if order.mode == "paced":
                time.sleep(order.interval_ms / 1000)
    clock.stop()


def _in_threads(order: Order, put: SyncPut, numbers: range) -> None:
    def caller(first: int) -> None:
        for n in numbers[first :: order.callers]:
            put(payload_of(order), 0.0, n)

    with ThreadPoolExecutor(order.callers) as pool:
        list(pool.map(caller, range(order.callers)))


class _Clock:
    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._began, self._cpu = time.monotonic(), time.process_time()

    def stop(self) -> None:
        say(
            {
                "jobs": self._jobs,
                "seconds": time.monotonic() - self._began,
                "cpu_s": time.process_time() - self._cpu,
            }
        )
