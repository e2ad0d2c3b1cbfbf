"""The rivals' processes: started, watched from outside, ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .environments import ROOT, Environment, variables
from .rivals.protocol import About, Order

PRODUCE_S = 1800.0
PRECISION = 0.005


class Failed(Exception):
    """A rival's process did not do what it should; the message says what it said."""


def about(environment: Environment) -> About:
    """What a rival says of itself."""
    done = subprocess.run(
        [*environment.command, "about"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=variables(environment, Path(os.devnull)),
    )
    if done.returncode:
        raise Failed(done.stderr.strip()[-500:])
    return About(**json.loads(done.stdout.splitlines()[-1]))


def produce(environment: Environment, order: Order, journal: Path) -> dict[str, float]:
    """Run a producer to its end: jobs, seconds and cpu_s of the part that it timed."""
    done = subprocess.run(
        [*environment.command, "produce", json.dumps(asdict(order))],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=variables(environment, journal),
        timeout=PRODUCE_S,
    )
    if done.returncode:
        raise Failed(done.stderr.strip()[-500:])
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


class Crew:
    """Worker processes of one rival."""

    def __init__(self, processes: list[subprocess.Popen[str]]) -> None:
        self._processes = processes
        self._known: list[int] = []

    def go(self) -> None:
        """They have been waiting for this word, everything imported."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()

    def check(self) -> None:
        """Raises Failed if one has ended by itself."""
        for process in self._processes:
            if process.poll() is not None:
                raise Failed(f"a worker ended with {process.returncode}")

    def cpu_s(self) -> float:
        """CPU time of all of them and their children so far; children as of the last ``look``."""
        return sum(cpu_s(pid) for pid in self._known)

    def look(self) -> None:
        """Find out who belongs to the crew by now."""
        self._known = list(self._all())

    def rss_bytes(self) -> int:
        """Resident memory of all of them and their children."""
        return sum(_rss_bytes(pid) for pid in self._all())

    def _all(self) -> Iterator[int]:
        for process in self._processes:
            yield from _family(process.pid)


@contextmanager
def crew(
    environment: Environment, order: Order, journal: Path, processes: int = 1
) -> Iterator[Crew]:
    """Workers that are ready to go; at the end of the block they and their children are killed."""
    started: list[subprocess.Popen[str]] = []
    log = journal.with_suffix(".log")
    try:
        with log.open("ab") as said:
            for _ in range(processes):
                process = subprocess.Popen(
                    [*environment.command, "work", json.dumps(asdict(order))],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    text=True,
                    cwd=ROOT,
                    env=variables(environment, journal),
                    start_new_session=True,
                )
                started.append(process)
        for process in started:
            _await_ready(process, log)
        yield Crew(started)
    finally:
        for process in started:
            _end(process)


def _await_ready(process: subprocess.Popen[str], log: Path) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith('{"ready"'):
            return
    raise Failed(log.read_text(errors="replace").strip()[-500:])


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


class Journal:
    """What the bodies of jobs have noted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0
        self.lines: list[dict[str, Any]] = []

    def more(self) -> list[dict[str, Any]]:
        """All lines so far."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self._read)
                content = file.read()
            whole = content[: content.rfind(b"\n") + 1]
            self._read += len(whole)
            self.lines += [json.loads(line) for line in whole.splitlines()]
        return self.lines

    def check(self) -> None:
        """Raises Failed if the workers' log tells of an error: jobs that fail are no measure."""
        log = self.path.with_suffix(".log")
        said = log.read_text(errors="replace") if log.exists() else ""
        _, found, trace = said.partition("Traceback (most recent call last)")
        if found:
            raise Failed(f"bodies failed: {trace.strip()[-300:]}")

    def values(self, name: str) -> list[float]:
        """All values of one field."""
        return [line[name] for line in self.more() if name in line]


def until(fact: Any, crew: Crew, limit_s: float, look_s: float = 0.002) -> None:
    """Wait for a fact. Raises Failed if a worker ends, or after ``limit_s``.

    Looks each ``look_s``, and when that is less than PRECISION of the time waited so far, less
    often: a slow rival's server must not be busy with our looking.
    """
    began = time.monotonic()
    while not fact():
        crew.check()
        waited = time.monotonic() - began
        if waited > limit_s:
            raise Failed(f"not done after {limit_s:.0f} s")
        time.sleep(max(look_s, waited * PRECISION))


# what the kernel says of a process; nothing where it can't be asked so


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, of all its threads, to the nanosecond: Linux has a clock for
    each process, whose number is made of its id.
    """
    with suppress(OSError):
        return time.clock_gettime((~pid << 3) | 2)
    return 0.0


def _rss_bytes(pid: int) -> int:
    with suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


def _family(eldest: int) -> Iterator[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    line = [eldest]
    while line:
        pid = line.pop()
        yield pid
        line += children.get(pid, [])
