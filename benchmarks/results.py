"""All that a run has found, with what is needed to judge it: machine, versions, load, date."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .environments import ROOT, Environment
from .figures import Column, Measured, Scenario, Spread
from .rivals.protocol import About
from .scenarios.catalogue import BY_NAME

LONGEST = Column("longest_ms", "longest call, ms", digits=1)
"""Of our scripts; see ``Server.longest_ms``."""
HELD = Column("held", "server waited for a core, %")
ALWAYS = (LONGEST, HELD)
"""What is measured in every workload."""


class Results:
    """Filled while the rounds run."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.server = ""
        self.began = datetime.now(UTC)
        self.load_before = os.getloadavg()
        self.load_after = self.load_before
        self.rounds = 0
        self.scale = 1.0
        self.scenarios: Sequence[Scenario] = ()
        self.entrants: dict[str, tuple[Environment, About]] = {}
        self.absent: dict[str, str] = {}
        self.failures: dict[tuple[str, str], str] = {}
        self.goals: list[list[str]] = []
        """A table: what is wanted, what was reached; empty if nobody asked."""
        self.rows: defaultdict[tuple[str, str], list[Measured]] = defaultdict(list)

    def enter(self, environment: Environment, facts: About) -> None:
        self.entrants[environment.name] = (environment, facts)

    def add(self, scenario: str, rival: str, found: Measured) -> None:
        self.rows[scenario, rival].append(found)

    def fail(self, scenario: str, rival: str, reason: str) -> None:
        self.failures[scenario, rival] = reason

    def finish(self, rounds: int, scale: float, scenarios: Sequence[Scenario]) -> None:
        """After the last round."""
        self.rounds, self.scale, self.scenarios = rounds, scale, scenarios
        self.load_after = os.getloadavg()

    def spread(self, scenario: str, rival: str, column: str) -> Spread | None:
        """A figure over the rounds; None where there is none."""
        values = [found[column] for found in self.rows[scenario, rival] if column in found]
        return Spread.of(values) if values else None

    def scenario(self, name: str) -> Scenario:
        """One that exists, whether or not it was run."""
        return BY_NAME[name]

    def title(self, rival: str) -> str:
        """The rival as tables name it."""
        return self.entrants[rival][0].kind.title

    def facts(self) -> dict[str, str]:
        """What a reader must know to judge the figures."""
        return {
            "date": self.began.strftime("%Y-%m-%d %H:%M UTC"),
            "machine": machine(),
            "server": self.server,
            "Python": platform.python_version(),
            "Node": _said(["node", "--version"]),
            "commit": _said(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]),
            "rounds": f"{self.rounds}, numbers of jobs × {self.scale:g}",
            "load average": f"{_load(self.load_before)} before, {_load(self.load_after)} after",
        }

    def encoded(self) -> bytes:
        """Everything as JSON."""
        figures: list[Any] = [
            {
                "scenario": scenario.name,
                "rival": rival,
                "rounds": self.rows[scenario.name, rival],
                "failed": self.failures.get((scenario.name, rival)),
            }
            for scenario in self.scenarios
            for rival in self.entrants
        ]
        rivals = {
            name: {"version": environment.version, **asdict(facts)}
            for name, (environment, facts) in self.entrants.items()
        }
        content = {
            "facts": self.facts(), "rivals": rivals, "absent": self.absent, "figures": figures,
            "goals": self.goals,
        }  # fmt: skip
        return json.dumps(content, indent=1).encode() + b"\n"


def machine() -> str:
    """Processor, cores, memory, kernel."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                processor = line.partition(":")[2].strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.release()}"
    return f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB, {system} ({sys.platform})"


def _load(averages: tuple[float, float, float]) -> str:
    return " ".join(f"{each:.2f}" for each in averages)


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "–"
    return done.stdout.strip() or "–"
