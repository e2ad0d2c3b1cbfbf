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
import socket
import time
from collections import deque
from collections.abc import Coroutine, Generator, Iterator, Sequence
from typing import Any, NamedTuple, cast

import hiredis

from cotiza_queue.engine.intake import intake_of
from cotiza_queue.model.ids import RANDOM_BYTES, new_job_id
from cotiza_queue.store import keys
from cotiza_queue.store.commands import Commands, Intake, Settlement
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.library import library

from .environments import prepare
from .processes import about
from .rivals.cotiza import KIND, NAME
from .rivals.protocol import Order, payload_of
from .server import Server, serving
from .stage import MICRO, Stage

UNDER_WAY = 2
READ_BYTES = 1 << 18
IDLE_CALLS = 1_000
NOW_MS = 1_700_000_000_000
WORKER = "ceiling"
PAGES = (1, 10, 32, 100)

Argument = str | bytes | int
Turning = Coroutine[Any, Any, Any]


class Ceiling(NamedTuple):
    """What the server did at its best. ``calls``: per job; ``wire_bytes``: both ways, per job."""

    rate: float
    server_us: float
    calls: float
    wire_bytes: float


class Wire:
    """One connection, in the place of the engine's own: a call is written at once, and its answer
    is read when the call is gone on with.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader: Any = hiredis.Reader(protocolError=RuntimeError, replyError=RuntimeError)
        self.commands = Commands(cast(Connection, self))

    async def call(self, verb: str, job_type: str, *arguments: Argument) -> Any:
        """As ``Connection.call``; it stops once, between the request and the answer."""
        head = ("FCALL", library().functions[verb], 1, keys.meta(job_type))
        self._socket.sendall(pack(*head, *arguments))
        await _Written()
        return self._answer()

    def _answer(self) -> Any:
        while (reply := self._reader.gets()) is False:
            self._reader.feed(self._socket.recv(READ_BYTES))
        if isinstance(reply, Exception):
            raise reply
        return reply

    def close(self) -> None:
        self._socket.close()


class _Written:
    def __await__(self) -> Generator[None, None, None]:
        yield


def pack(*arguments: Argument) -> bytes:
    """A command as the protocol writes it."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


def begin(turning: Turning) -> Turning:
    """Write the call, and no more."""
    turning.send(None)
    return turning


def end(turning: Turning) -> Any:
    """Read the answer of a call that was written."""
    try:
        turning.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("a call waits for nothing but its answer")


def enqueue(server: Server, jobs: int, page: int) -> Ceiling:
    """Put jobs in, made beforehand, as fast as the server answers."""
    pages = list(_pages(jobs, page))
    wires = _wires(server)
    under_way: deque[Turning] = deque()
    before, began = server.usage(), time.monotonic()
    for n, intakes in enumerate(pages):
        if len(under_way) == UNDER_WAY:
            end(under_way.popleft())
        under_way.append(begin(wires[n % UNDER_WAY].commands.enqueue(NAME, intakes)))
    while under_way:
        end(under_way.popleft())
    return _found(server, before, began, jobs, len(pages), wires)


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
        outcomes = [Settlement("complete", d.id, d.token, b"1") for d in turn.deliveries]
        under_way.append((wire, begin(wire.commands.turn(NAME, WORKER, page, outcomes))))
    for _, turning in under_way:
        end(turning)
    if done < jobs:
        raise SystemExit(f"ceiling: {jobs - done} of {jobs} jobs never came")
    return _found(server, before, began, jobs, calls, wires)


def _pages(jobs: int, page: int) -> Iterator[list[Intake]]:
    payload = payload_of(Order(url=""))
    job = KIND.job(payload, tenant="t0")
    for first in range(0, jobs, page):
        numbers = range(first, min(first + page, jobs))
        yield [
            intake_of(
                job, KIND, new_job_id(NOW_MS, (n << 2).to_bytes(RANDOM_BYTES, "big"), NAME, "t0")
            )
            for n in numbers
        ]


def _wires(server: Server) -> list[Wire]:
    port = int(server.url.rpartition(":")[2].partition("/")[0])
    return [Wire(port) for _ in range(UNDER_WAY)]


def _found(
    server: Server, before: Any, began: float, jobs: int, calls: int, wires: Sequence[Wire]
) -> Ceiling:
    seconds = time.monotonic() - began
    used = server.usage().since(before)
    for wire in wires:
        wire.close()
    wire_bytes = (used.bytes_in + used.bytes_out) / jobs
    return Ceiling(jobs / seconds, used.cpu_s / jobs * MICRO, calls / jobs, wire_bytes)


def load(server: Server) -> None:
    """An empty server that knows our library."""
    server.flush()
    server.client.execute_command("FUNCTION", "LOAD", library().code)


def show(server: Server, jobs: int, page: int) -> None:
    """The ceiling at several pages, then the engine beside it."""
    print(f"{server.version}, {jobs:,} jobs\n")
    print(f"{'':10}{'jobs a call':>12}{'jobs/s':>10}{'server µs':>11}{'bytes':>8}")
    best: dict[str, Ceiling] = {}
    for size in sorted({*PAGES, page}):
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
