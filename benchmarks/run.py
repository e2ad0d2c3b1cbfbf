"""``./run bench``: ourselves and others side by side, on one server, in interleaved rounds.

Every round runs each scenario for every rival once, on a flushed server, so that a busy minute of
the machine hits all of them alike. What is told is the median of the rounds, with its spread.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from . import goals, report, targets
from .environments import KINDS, Environment, Unavailable, prepare
from .figures import Scenario
from .processes import Failed, about
from .results import HELD, LONGEST, Results
from .rivals.protocol import About
from .scenarios.catalogue import BY_NAME
from .server import serving
from .stage import Stage

QUICK_RIVALS = ("streaq", "saq")
QUICK_SCENARIOS = ("drain", "enqueue-1", "enqueue-50", "idle")
QUICK_SCALE = 0.5


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code: 0, or 2 for a wrong order."""
    asked = _parse(arguments)
    rivals, scenarios = _rivals(asked), _scenarios(asked)
    results = Results(asked.server)
    with serving(asked.server) as server:
        results.server = server.version
        entrants = _entrants(rivals, results)
        began = time.monotonic()
        for number in range(1, asked.rounds + 1):
            for scenario in scenarios:
                if asked.targets and targets.enough(scenario.name, number):
                    continue
                for environment, facts in entrants:
                    if _takes_part(asked, scenario, environment.name):
                        _measure(Stage(server, environment, facts, asked.scale), scenario, results)
            _say(f"round {number} of {asked.rounds}: {time.monotonic() - began:.0f} s so far")
    results.finish(asked.rounds, asked.scale, scenarios)
    if asked.targets:
        results.goals = goals.show(results)
    report.show(results, sys.stdout)
    if asked.json:
        Path(asked.json).write_bytes(results.encoded())
    if asked.write:
        _say(f"written: {report.write(results, Path(asked.write))}")
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./run bench", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--rivals", help=f"some of {', '.join(KINDS)}; none: 'cotiza' alone")
    parser.add_argument("--scenarios", help=f"some of {', '.join(BY_NAME)}")
    parser.add_argument("--rounds", type=int, default=None, help="3 if not given; 1 with --quick")
    parser.add_argument("--scale", type=float, default=None, help="multiplies numbers of jobs")
    parser.add_argument("--server", default="redis", help="redis (PATH), valkey (embedded), a path")
    parser.add_argument("--quick", action="store_true", help="two rivals, four workloads")
    parser.add_argument(
        "--targets", action="store_true", help="what we have goals for, and whether they are met"
    )
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--write", metavar="FOLDER", help="write a page with charts there")
    asked = parser.parse_args(arguments)
    asked.rounds = asked.rounds or (1 if asked.quick else 3)
    asked.scale = asked.scale or (QUICK_SCALE if asked.quick else 1.0)
    return asked


def _rivals(asked: argparse.Namespace) -> list[str]:
    chosen: Sequence[str] = [name for name in KINDS if name != "cotiza"]
    if asked.quick:
        chosen = QUICK_RIVALS
    if asked.targets:
        chosen = targets.WAITING
    if asked.rivals:
        chosen = _known(asked.rivals, KINDS, "rival")
    return ["cotiza", *(name for name in chosen if name != "cotiza")]


def _scenarios(asked: argparse.Namespace) -> list[Scenario]:
    chosen: Sequence[str] = list(BY_NAME)
    if asked.quick:
        chosen = QUICK_SCENARIOS
    if asked.targets:
        chosen = list(targets.TARGETS)
    if asked.scenarios:
        chosen = _known(asked.scenarios, BY_NAME, "scenario")
    return [BY_NAME[name] for name in chosen]


def _takes_part(asked: argparse.Namespace, scenario: Scenario, rival: str) -> bool:
    """Among the targets, a rival runs what a goal compares it in."""
    if not asked.targets or rival == report.OWN:
        return True
    return rival in targets.TARGETS.get(scenario.name, ())


def _known(text: str, there: object, what: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in there:  # type: ignore[operator]
            print(f"./run bench: there is no {what} {name!r}", file=sys.stderr)
            raise SystemExit(2)
    return names


def _entrants(names: Sequence[str], results: Results) -> list[tuple[Environment, About]]:
    """Those that can run here; why the others can't is noted."""
    found = []
    for name in names:
        try:
            environment = prepare(name)
            facts = about(environment)
        except (Unavailable, Failed) as reason:
            results.absent[name] = str(reason)
            _say(f"{name} can't run here: {reason}")
            continue
        results.enter(environment, facts)
        found.append((environment, facts))
    return found


def _measure(stage: Stage, scenario: Scenario, results: Results) -> None:
    """One scenario of one rival, once. A failure is noted and stops nobody else."""
    name = stage.environment.name
    own = scenario.needs == "own"
    if (own and name != report.OWN) or (
        not own and not getattr(stage.about, scenario.needs or "left")
    ):
        return
    stage.server.begin()
    try:
        found = scenario.measure(stage)
    except Failed as reason:
        results.fail(scenario.name, name, str(reason))
        _say(f"  {scenario.name:<12} {name:<14} failed: {reason}")
        return
    if name == report.OWN:
        found[LONGEST.name] = stage.server.longest_ms()
    if (held := stage.server.held_percent()) is not None:
        found[HELD.name] = held
    results.add(scenario.name, name, found)
    first = scenario.columns[0]
    value = found.get(first.name, 0.0)
    _say(f"  {scenario.name:<12} {name:<14} {value:>12,.{first.digits}f} {first.title}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
