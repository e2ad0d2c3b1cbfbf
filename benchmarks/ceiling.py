"""How far we are from what the server allows: our own Lua functions, called by a client that does
nothing else.

    python -m benchmarks.ceiling [--jobs 40000] [--page 100] [--server redis]

The client writes its calls by hand and keeps two under way on connections of their own, so that the
server never waits. The calls are the engine's own, byte for byte; what is missing is its event
loop, its tasks, contexts, typed payloads and timers. Beside each figure stands the
engine's own from the same minute, as a percentage.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cotiza_queue import JobOptions
from cotiza_queue.chance import SystemChance
from cotiza_queue.engine.intake import intake_of
from cotiza_queue.engine.runs import Runs
from cotiza_queue.model.ids import new_parts
from cotiza_queue.store.asked import Intake
from cotiza_queue.store.commands import Settlement

from .environments import prepare
from .processes import about
from .rivals.cotiza import KIND, NAME
from .rivals.protocol import Order, payload_of
from .server import Server, Usage, serving
from .stage import MICRO, Stage
from .wire import Turning, Wire, begin, end, load

UNDER_WAY = 2
IDLE_CALLS = 1_000
NOW_MS = 1_700_000_000_000
WORKER = "ceiling"
PLAIN = JobOptions()
PAGES = (1, 10, 32, 100)


class Ceiling(NamedTuple):
    """What the server did at its best. ``calls``: per job; ``wire_bytes``: both ways, per job."""

    rate: float
    server_us: float
    calls: float
    wire_bytes: float


def enqueue(server: Server, jobs: int, page: int) -> Ceiling:
    """Put jobs in, made beforehand, as fast as the server answers."""
    made = list(pages(jobs, page))
    wires = _wires(server)
    under_way: deque[Turning] = deque()
    before, began = server.usage(), time.monotonic()
    for n, intakes in enumerate(made):
        if len(under_way) == UNDER_WAY:
            end(under_way.popleft())
        under_way.append(begin(wires[n % UNDER_WAY].commands.enqueue(NAME, intakes)))
    while under_way:
        end(under_way.popleft())
    return _found(server, before, began, jobs, len(made), wires)


def drain(server: Server, jobs: int, page: int) -> Ceiling:
    """Take all and settle it at once: each call tells of what the last one on its wire brought."""
    wires = _wires(server)
    done, calls, idle = 0, 0, 0
    before, began = server.usage(), time.monotonic()
    under_way = deque((wire, begin(wire.commands.turn(NAME, WORKER, page, []))) for wire in wires)
    while done < jobs and idle < IDLE_CALLS:
        wire, turning = under_way.popleft()
        turn = end(turning)
        done, calls = done + len(turn.answers), calls + 1
        idle = 0 if turn.answers or turn.deliveries else idle + 1
        outcomes = [Settlement("complete", d.stored, d.token, b"1") for d in turn.deliveries]
        under_way.append((wire, begin(wire.commands.turn(NAME, WORKER, page, outcomes))))
    for _, turning in under_way:
        end(turning)
    if done < jobs:
        raise SystemExit(f"ceiling: {jobs - done} of {jobs} jobs never came")
    return _found(server, before, began, jobs, calls, wires)


def pages(
    jobs: int, page: int, tenants: Sequence[str] = ("t0",), options: JobOptions = PLAIN
) -> Iterator[list[Intake]]:
    """Jobs like those of the benchmark's producers, a page for each call; tenants take turns."""
    runs, payload = Runs(SystemChance()), payload_of(Order(url=""))
    for start in range(0, jobs, page):
        made = []
        for n in range(start, min(start + page, jobs)):
            tenant = tenants[n % len(tenants)]
            id_ = new_parts(NOW_MS, runs.chance(NOW_MS), NAME, tenant)
            job = KIND.job(payload, tenant=tenant, options=options)
            made.append(intake_of(job, KIND, id_))
        yield made


def _wires(server: Server) -> list[Wire]:
    return [Wire(server) for _ in range(UNDER_WAY)]


def _found(
    server: Server, before: Usage, began: float, jobs: int, calls: int, wires: Sequence[Wire]
) -> Ceiling:
    seconds = time.monotonic() - began
    used = server.usage().since(before)
    for wire in wires:
        wire.close()
    wire_bytes = (used.bytes_in + used.bytes_out) / jobs
    return Ceiling(jobs / seconds, used.cpu_s / jobs * MICRO, calls / jobs, wire_bytes)


def show(server: Server, jobs: int, page: int) -> None:
    """The ceiling at several pages, then the engine beside it."""
    print(f"{server.version}, {jobs:,} jobs\n")
    print(f"{'':10}{'jobs a call':>12}{'jobs/s':>10}{'server µs':>11}{'bytes':>8}")
    best: dict[str, Ceiling] = {}
    for size in sorted({*PAGES, page}):
        server.flush()
        load(server)
        for name, found in (
            ("enqueue", enqueue(server, jobs, size)),
            ("drain", drain(server, jobs, size)),
        ):
            print(
                f"{name:10}{size:>12}{found.rate:>10,.0f}{found.server_us:>11.1f}"
                f"{found.wire_bytes:>8.0f}"
            )
            if name not in best or found.rate > best[name].rate:
                best[name] = found
    environment = prepare("cotiza")
    stage = Stage(server, environment, about(environment))
    server.flush()
    ours = {
        "enqueue": stage.enqueue(mode="bulk", count=jobs)["rate"],
        "drain": stage.drain(jobs)["rate"],
    }
    print()
    for name, rate in ours.items():
        share = rate / best[name].rate
        print(f"the engine, {name}: {rate:,.0f} jobs/s, {share:.0%} of what the server allows")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=40_000)
    parser.add_argument("--page", type=int, default=100)
    parser.add_argument("--server", default="redis")
    asked = parser.parse_args()
    with serving(asked.server) as server:
        show(server, asked.jobs, asked.page)


if __name__ == "__main__":
    main()
