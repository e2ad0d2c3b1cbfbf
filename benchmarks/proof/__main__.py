"""``./run proof [NAME] [OPTIONS]``: one proof, or all of them one after the other."""

from __future__ import annotations

import subprocess
import sys

from .common import ROOT

NAMES = ("unique", "zombies", "stopping", "fairness", "chaos", "memory")


def main(arguments: list[str]) -> int:
    """Returns the worst exit code."""
    if arguments[:1] in (["-h"], ["--help"]):
        print(f"usage: ./run proof [{' | '.join(NAMES)}] [--server redis|valkey|both] [--quick]")
        return 0
    names: tuple[str, ...] = NAMES
    if arguments and not arguments[0].startswith("-"):
        name, *arguments = arguments
        if name not in NAMES:
            print(f"./run proof: there is no {name!r}; choose {', '.join(NAMES)}", file=sys.stderr)
            return 2
        names = (name,)
    codes = []
    for name in names:
        command = [sys.executable, "-m", f"benchmarks.proof.{name}", *arguments]
        codes.append(subprocess.run(command, cwd=ROOT, check=False).returncode)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
