"""Plays the engine against its model on a real server whose clock stands still between steps.

    python tests/stateful/run_model.py [--steps 20000] [--server redis|valkey] [--seed N]

A step is one call to the server, its answer compared with the model's, and every container checked.
When an invariant breaks, the game is cut down to its shortest form, printed as rules to call and as
the calls that were made, with the seed that finds it again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import monotonic

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from stateful.bench import Bench, build
from stateful.invariants import Violation
from stateful.runner import play
from stateful.server import SERVERS, Missing, timed_server


def main() -> int:
    parser = argparse.ArgumentParser(description="Play the engine against its model.")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--server", choices=SERVERS, help="default: one after the other")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    clean = True
    for kind in [asked.server] if asked.server else SERVERS:
        try:
            clean &= _play_on(kind, asked.seed, asked.steps)
        except Missing as missing:
            print(f"{kind}: skipped, {missing}")
    return 0 if clean else 1


def _play_on(kind: str, seed: int, steps: int) -> bool:
    with timed_server(kind) as server, Bench(server, build()).in_use() as bench:
        began = monotonic()
        broken: Violation | None = None
        try:
            play(bench, seed, lambda b: b.steps >= steps, shrink=True)
        except Violation as violation:
            broken = violation
        spent = monotonic() - began
        played = f"{bench.steps:,} steps in {bench.games:,} games, {spent:.0f} s"
        print(f"{server.version}: {played} ({bench.steps / spent:,.0f} steps/s), seed {seed}")
    if broken is None:
        print("  clean: every invariant held after every step")
        return True
    print(f"  BROKEN at step {bench.caught_at:,}: {broken}")
    print("\n".join(f"  {line}" for note in broken.__notes__ for line in note.splitlines()))
    print(f"  again: python tests/stateful/run_model.py --server {kind} --seed {bench.seed}")
    return False


if __name__ == "__main__":
    sys.exit(main())
