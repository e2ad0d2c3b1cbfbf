"""The Redis that the benchmark runs on: started for it alone, and what it says of itself."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import redis

from cotiza_queue.store.embedded import acquire

START_S = 10.0
SLOW_US, SLOW_KEPT = 1000, 10_000
SCRIPTS = (b"FCALL", b"EVAL")
OURS = ("cmdstat_info", "cmdstat_config|resetstat", "cmdstat_flushall", "cmdstat_function|load")
"""Commands of the benchmark itself, or of setting up: they are no part of a job's cost."""


class Usage(NamedTuple):
    """What the server has done so far. ``reads``: times that it read from a socket, which is the
    round trips of clients that wait for each answer.
    """

    cpu_s: float
    commands: int
    reads: int
    bytes_in: int
    bytes_out: int

    def since(self, before: Usage) -> Usage:
        """The difference."""
        return Usage(
            self.cpu_s - before.cpu_s,
            self.commands - before.commands,
            self.reads - before.reads,
            self.bytes_in - before.bytes_in,
            self.bytes_out - before.bytes_out,
        )


class Server:
    """A running server that nobody else uses."""

    def __init__(self, port: int, pid: int, version: str) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self.pid = pid
        self.version = version
        self.client: Any = redis.Redis(host="127.0.0.1", port=port, protocol=2)
        self.looks = 0
        """Commands that the benchmark has sent to watch a queue; they are taken off the counts."""
        self._longest_us = SLOW_US
        self._began = _on_core(pid)
        self.client.config_set("slowlog-log-slower-than", SLOW_US)
        self.client.config_set("slowlog-max-len", SLOW_KEPT)

    def usage(self) -> Usage:
        """The server's own figures, without the benchmark's part in them."""
        stats: Any = self.client.info("everything")
        calls = sum(
            row["calls"]
            for name, row in stats.items()
            if name.startswith("cmdstat_") and name not in OURS
        )
        return Usage(
            stats["used_cpu_user"] + stats["used_cpu_sys"],
            calls - self.looks,
            stats["total_reads_processed"] - self.looks,
            stats["total_net_input_bytes"],
            stats["total_net_output_bytes"],
        )

    def memory(self) -> int:
        """Bytes in use, without what clients have under way and the log of slow calls."""
        self._read_log()
        stats = self.client.info("memory")
        return int(stats["used_memory"] - stats.get("mem_clients_normal", 0))

    def counts(self, commands: Sequence[Sequence[str]]) -> int:
        """The sum of the numbers that some commands answer with. ``LAG stream group`` is ours: the
        entries of a stream that its group has not acknowledged.
        """
        return sum(self._count(command) for command in commands)

    def _count(self, command: Sequence[str]) -> int:
        self.looks += 1
        if command[0] == "LAG":
            return self._lag(command[1], command[2])
        answer = self.client.execute_command(*command)
        many = answer if isinstance(answer, list) else [answer]
        return sum(int(each or 0) for each in many)

    def _lag(self, stream: str, group: str) -> int:
        with suppress(redis.ResponseError):
            for row in self.client.xinfo_groups(stream):
                if row["name"].decode() == group:
                    return int(row["pending"]) + int(row["lag"] or 0)
        return 0

    def begin(self) -> None:
        """An empty server for a new scenario: also the longest call is forgotten."""
        self.flush()
        self._longest_us = SLOW_US
        self._began = _on_core(self.pid)

    def held_percent(self) -> float | None:
        """Which part of the time since ``begin`` in which the server had something to do it waited
        for a core: how busy the machine was with others. None where the kernel doesn't tell.
        """
        now = _on_core(self.pid)
        ran, waited = (now[n] - self._began[n] for n in (0, 1))
        return 100 * waited / (ran + waited) if ran else None

    def longest_ms(self) -> float:
        """The longest call of a script since ``begin``, by the clock; nobody else was served
        meanwhile. What took a millisecond or less is told as that.
        """
        self._read_log()
        return self._longest_us / 1000

    def _read_log(self) -> None:
        """Its entries take memory, so they go when they are known."""
        rows = self.client.slowlog_get(SLOW_KEPT)
        self.client.slowlog_reset()
        self.looks += 2
        spans = [row["duration"] for row in rows if row["command"].startswith(SCRIPTS)]
        self._longest_us = max(self._longest_us, *spans, 0)

    def flush(self) -> None:
        """Everything goes, and so do the counts; not in a thread beside, whose work would count."""
        self._read_log()
        self.client.execute_command("FLUSHALL", "SYNC")
        self.client.execute_command("FUNCTION", "FLUSH")
        self.client.config_resetstat()
        self.looks = 0


def _on_core(pid: int) -> tuple[int, int]:
    """Nanoseconds that the main thread has run, and that it could have run but waited."""
    with suppress(OSError, ValueError):
        ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
        return int(ran), int(waited)
    return 0, 0


def binary(kind: str) -> str:
    """The program of a kind: redis, from PATH; valkey, the embedded one; "" if it is not here."""
    if kind == "redis":
        return shutil.which("redis-server") or ""
    if kind != "valkey":
        return kind if Path(kind).is_file() else ""

    async def look() -> str:
        with tempfile.TemporaryDirectory(prefix="cq-bench-") as name:
            embedded = await acquire(Path(name))
            await embedded.release()
            return str(embedded.binary)

    return asyncio.run(look())


@contextmanager
def serving(kind: str) -> Iterator[Server]:
    """A server on a loopback port, in memory only; it ends with the block. ``kind``: redis, valkey,
    or the path of a program.
    """
    program = binary(kind)
    if not program:
        raise SystemExit(f"benchmark: there is no server {kind!r}")
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="cq-bench-") as name:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", name]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        with (Path(name) / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _await(port)
            said = subprocess.run([program, "--version"], capture_output=True, text=True)
            product, _, version = said.stdout.split()[:3]
            yield Server(port, process.pid, f"{product} {version[2:]}")
        finally:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(port: int) -> None:
    limit = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.02)
