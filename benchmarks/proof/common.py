"""What every proof needs: servers of its own, worker processes, a journal, and a table of figures.

A proof is a function ``async def prove(server, report, quick)`` handed to ``main``. Counts that are
promised decide the exit code; times are printed with what is promised of them, and decide it only
with ``--strict``, because a busy machine can miss them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple

import msgspec

from cotiza_queue.store.connection import Connection
from cotiza_queue.store.embedded import acquire

ROOT = Path(__file__).parents[2]
SERVERS = ("redis", "valkey")
START_S = 10.0
LOOK_S = 0.01


class Server(NamedTuple):
    """A running server that nobody else uses. ``url``: a unix socket."""

    kind: str
    url: str
    version: str
    folder: Path


class Report:
    """The figures of one run on one server, printed as they come."""

    def __init__(self, title: str, server: Server) -> None:
        load = " ".join(f"{each:.1f}" for each in os.getloadavg())
        print(f"\n{title} · {server.version} · {os.cpu_count()} cores, load {load}", flush=True)
        self.broken: list[str] = []
        self.missed: list[str] = []

    def figure(self, name: str, value: object) -> None:
        """A figure that nothing is promised of."""
        self._line(name, value, "", "")

    def count(self, name: str, value: object, promised: str, holds: bool) -> None:
        """A count that is promised; ``promised`` says how much, ``holds`` whether it is so."""
        self._line(name, value, promised, "kept" if holds else "BROKEN")
        if not holds:
            self.broken.append(name)

    def time(self, name: str, value: object, promised: str, holds: bool) -> None:
        """A time, or a share of one, that is promised on a machine that is not overloaded."""
        self._line(name, value, promised, "kept" if holds else "missed")
        if not holds:
            self.missed.append(name)

    def _line(self, name: str, value: object, promised: str, verdict: str) -> None:
        print(f"  {name:<52}{value!s:>14}  {promised:<22}{verdict}", flush=True)


Proof = Callable[[Server, Report, argparse.Namespace], Coroutine[Any, Any, None]]


def main(
    title: str,
    proof: Proof,
    arguments: Sequence[str],
    *,
    numbers: Sequence[tuple[str, int, str]] = (),
) -> int:
    """Run a proof on the servers asked for. ``numbers``: further options with a number: (name,
    default, help). Returns the exit code: 0, 1 a promise is broken, 2 no server.
    """
    parser = argparse.ArgumentParser(prog=f"./run proof {title}")
    parser.add_argument("--server", choices=(*SERVERS, "both"), default="both")
    parser.add_argument("--quick", action="store_true", help="a small run, for CI")
    parser.add_argument("--strict", action="store_true", help="a missed time is a failure, too")
    for name, default, text in numbers:
        parser.add_argument(f"--{name}", type=int, default=default, help=text)
    asked = parser.parse_args(arguments)
    kinds = SERVERS if asked.server == "both" else (asked.server,)
    present = [kind for kind in kinds if _binary(kind)]
    if not present:
        print("redis-server is not on PATH", file=sys.stderr)
        return 2
    good = True
    for kind in present:
        with serving(kind) as server:
            report = Report(title, server)
            asyncio.run(proof(server, report, asked))
        good = good and not report.broken and not (asked.strict and report.missed)
    return 0 if good else 1


@contextmanager
def serving(kind: str) -> Iterator[Server]:
    """A server of a kind of SERVERS, in memory only; it ends with the block."""
    binary = _binary(kind)
    with tempfile.TemporaryDirectory(prefix="cq-proof-") as name:
        folder = Path(name)
        socket = folder / "s"
        command = [binary, "--port", "0", "--unixsocket", str(socket), "--dir", name]
        command += ["--save", "", "--appendonly", "no"]
        command += ["--slowlog-log-slower-than", "-1"]  # its entries would look like a leak
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            until_sync(socket.exists, START_S)
            said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
            product, _, version = said.stdout.split()[:3]
            yield Server(kind, f"unix://{socket}", f"{product} {version[2:]}", folder)
        finally:
            process.kill()
            process.wait()


def _binary(kind: str) -> str:
    """The program, "" if it is not here."""
    if kind == "redis":
        return shutil.which("redis-server") or ""

    async def look() -> str:
        with tempfile.TemporaryDirectory(prefix="cq-proof-") as name:
            embedded = await acquire(Path(name))
            await embedded.release()
            return str(embedded.binary)

    return asyncio.run(look())


def until_sync(fact: Callable[[], Any], limit_s: float) -> None:
    """Wait for a fact. Raises TimeoutError."""
    limit = monotonic() + limit_s
    while not fact():
        if monotonic() > limit:
            raise TimeoutError(f"{fact} is still not so after {limit_s} s")
        sleep(LOOK_S)


async def until(fact: Callable[[], Any], limit_s: float = 120.0, look_s: float = LOOK_S) -> None:
    """Wait for a fact. Raises TimeoutError."""
    async with asyncio.timeout(limit_s):
        while not fact():
            await asyncio.sleep(look_s)


@asynccontextmanager
async def raw(server: Server) -> AsyncIterator[Connection]:
    """Plain commands to the server."""
    connection = Connection(server.url)
    try:
        yield connection
    finally:
        await connection.close()


def fields(flat: Any) -> dict[str, str]:
    """A hash or a stream entry's fields, as either protocol gives them; bytes that are no text are
    replaced.
    """
    rows = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
    return {key.decode(): value.decode(errors="replace") for key, value in rows}


class Line(msgspec.Struct, omit_defaults=True):
    """One thing that an actor saw. ``t``: seconds of the machine's monotonic clock, the same for
    all processes.
    """

    t: float
    op: str
    pid: int = 0
    job: str = ""
    token: int = 0
    attempt: int = 0
    kind: str = ""
    tenant: str = ""
    how: str = ""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


class Journal:
    """Where one actor notes what it sees: JSON lines, each written at once."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, op: str, **fields: Any) -> None:
        line = Line(t=monotonic(), op=op, pid=os.getpid(), **fields)
        os.write(self._fd, _encode(line) + b"\n")


class Reader:
    """Reads the journals of a folder as they grow."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}
        self.lines: list[Line] = []

    def more(self) -> list[Line]:
        """What was written since the last call; all of it stays in ``lines``."""
        fresh: list[Line] = []
        for path in self._folder.glob("*.jsonl"):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                content = file.read()
            whole = content[: content.rfind(b"\n") + 1]
            self._read[path] = self._read.get(path, 0) + len(whole)
            fresh += [_decode(line) for line in whole.splitlines()]
        fresh.sort(key=lambda line: line.t)
        self.lines += fresh
        return fresh

    def count(self, op: str) -> int:
        """How many lines of a kind there are by now."""
        self.more()
        return sum(line.op == op for line in self.lines)


class Order(msgspec.Struct, kw_only=True):
    """What a worker process is to do: see worker.py."""

    url: str
    folder: str
    slots: dict[str, int]
    """Job type → slots."""
    lease_ms: int = 3000
    drain_ms: int = 5000
    quiet: bool = False
    """Note no starts and ends: a million jobs would fill the disk."""


class Crew:
    """Worker processes and what they write down."""

    def __init__(self, server: Server, slots: dict[str, int], lease_ms: int = 3000) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="journal-", dir=server.folder))
        self.order = Order(url=server.url, folder=str(self.folder), slots=slots, lease_ms=lease_ms)
        self.reader = Reader(self.folder)
        self.alive: dict[int, asyncio.subprocess.Process] = {}
        self.journal = Journal(self.folder / "driver.jsonl")

    async def hire(self, count: int = 1, *, wait: bool = True) -> list[int]:
        """Start workers; their pids, once they are ready (or at once)."""
        pids = []
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.proof.worker"),
                msgspec.json.encode(self.order).decode(),
                cwd=ROOT,
            )
            self.alive[process.pid] = process
            pids.append(process.pid)
        if wait:
            await until(lambda: self._ready(pids))
        return pids

    def _ready(self, pids: list[int]) -> bool:
        self.reader.more()
        return set(pids) <= {line.pid for line in self.reader.lines if line.op == "ready"}

    async def kill(self, pid: int) -> None:
        """SIGKILL; noted when the process is dead."""
        process = self.alive.pop(pid)
        process.kill()
        await process.wait()
        self.journal.note("killed", how=str(pid))

    async def dismiss(self) -> None:
        """Ask all that live to leave, and wait until they have."""
        for process in self.alive.values():
            process.terminate()
        for process in self.alive.values():
            await process.wait()
        self.alive.clear()


@asynccontextmanager
async def crew(server: Server, slots: dict[str, int], lease_ms: int = 3000) -> AsyncIterator[Crew]:
    """A crew without workers yet; whoever is left at the end is killed."""
    workers = Crew(server, slots, lease_ms)
    try:
        yield workers
    finally:
        for process in workers.alive.values():
            process.kill()
            await process.wait()


def share(values: Sequence[float], percent: float) -> float:
    """The percentile of some values (nearest rank); 0 of none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))] if ranked else 0.0


def ms(seconds: float) -> str:
    """Seconds as text, in milliseconds."""
    return f"{seconds * 1000:.1f} ms"
