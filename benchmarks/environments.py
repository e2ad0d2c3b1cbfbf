"""An environment for each rival, made on first use under ``.cotiza/bench/envs`` and kept.

Versions are pinned; what was really installed is in the results.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".cotiza" / "bench"
ENVIRONMENTS = HOME / "envs"
STAMP = "made-for.json"


class Kind(NamedTuple):
    """What a rival is made of. ``module``: its file in benchmarks/rivals; a Node rival's ends with
    ``.mjs``. ``packages``: the first is the rival itself; none: our own environment.
    """

    title: str
    module: str
    packages: tuple[str, ...] = ()
    variant: str = ""
    """Handed to the rival's file, where one file serves two rows."""


FAST = ("uvloop", "hiredis")
KINDS: Mapping[str, Kind] = {
    "cotiza": Kind("cotiza-queue", "cotiza"),
    "streaq": Kind("streaq", "streaq", ("streaq==7.2.0", "uvloop")),
    "saq": Kind("saq", "saq", ("saq[redis]==0.26.4", "typing_extensions", *FAST)),
    "dramatiq": Kind("dramatiq", "dramatiq", ("dramatiq[redis]==2.2.1", "hiredis")),
    "taskiq": Kind("taskiq", "taskiq", ("taskiq==0.13.0", "taskiq-redis==1.2.4", *FAST)),
    "arq": Kind("arq", "arq", ("arq==0.28.0", *FAST)),
    "rq": Kind("rq", "rq", ("rq==3.0.0", "hiredis")),
    "celery": Kind("celery", "celery", ("celery[redis]==5.7.0", "hiredis")),
    "huey": Kind("huey", "huey", ("huey==3.5.4", "redis", "hiredis")),
    "pydocket": Kind("pydocket", "pydocket", ("pydocket==0.27.0", *FAST)),
    "bullmq-python": Kind("bullmq (Python)", "bullmq_python", ("bullmq==3.4.4", *FAST)),
    "bullmq": Kind("BullMQ (Node)", "bullmq.mjs", ("bullmq@6.7.0", "ioredis@5")),
    "bull": Kind("Bull (Node)", "bull.mjs", ("bull@4.16.5",)),
}


class Environment(NamedTuple):
    """A rival that can be run. ``version``: of the rival, and of what it speaks to Redis with."""

    name: str
    kind: Kind
    command: tuple[str, ...]
    folder: Path
    version: str


class Unavailable(Exception):
    """The rival can't be run here; the message says why."""


def prepare(name: str) -> Environment:
    """Make the rival's environment, unless it is there. Raises Unavailable."""
    kind = KINDS[name]
    if not kind.packages:
        return Environment(name, kind, _python(Path(sys.executable), kind), ROOT, _own_version())
    folder = ENVIRONMENTS / name
    node = kind.module.endswith(".mjs")
    if _stamp(folder) != list(kind.packages):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (_install_node if node else _install_python)(folder, kind)
        (folder / STAMP).write_text(json.dumps(kind.packages))
    if node:
        script = ROOT / "benchmarks" / "rivals" / kind.module
        return Environment(name, kind, (_node(), str(script)), folder, _node_version(folder, kind))
    python = folder / "bin" / "python"
    return Environment(name, kind, _python(python, kind), folder, _python_version(python, kind))


def _python(python: Path, kind: Kind) -> tuple[str, ...]:
    return (str(python), "-m", f"benchmarks.rivals.{kind.module}")


def _stamp(folder: Path) -> list[str] | None:
    path = folder / STAMP
    return list(json.loads(path.read_text())) if path.exists() else None


def _install_python(folder: Path, kind: Kind) -> None:
    uv = ROOT / ".tools" / "bin" / "uv"
    program = str(uv) if uv.exists() else shutil.which("uv")
    if program is None:
        raise Unavailable("uv was not found; start the benchmark with ./run bench")
    _say(f"making an environment for {kind.title} ...")
    # No link to our own Python's environment: a rival must not see our packages.
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    _install([program, "venv", "--quiet", "--python", str(base), str(folder)])
    python = str(folder / "bin" / "python")
    _install([program, "pip", "install", "--quiet", "--python", python, *kind.packages])


def _install_node(folder: Path, kind: Kind) -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Unavailable("node and npm are not installed")
    _say(f"making an environment for {kind.title} ...")
    (folder / "package.json").write_text('{"private": true}\n')
    quiet = ("--silent", "--no-audit", "--no-fund", "--prefix", str(folder))
    _install([npm, "install", *quiet, *kind.packages])


def _install(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"not installed: {(done.stderr or done.stdout).strip()[-300:]}")


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise Unavailable("node is not installed")
    return node


def _python_version(python: Path, kind: Kind) -> str:
    clients = ("redis", "coredis")
    script = (
        "import importlib.metadata as m, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try: print(name, m.version(name), sep='==')\n"
        "    except m.PackageNotFoundError: pass"
    )
    own = [package.partition("==")[0].partition("[")[0] for package in kind.packages]
    names = [name for name in own if name not in (*FAST, *clients, "typing_extensions")]
    done = subprocess.run(
        [python, "-c", script, *names, *clients], capture_output=True, text=True, check=True
    )
    first, *others = done.stdout.split()
    return " ".join([first.partition("==")[2], *(f"({other})" for other in others)])


def _node_version(folder: Path, kind: Kind) -> str:
    name = kind.packages[0].partition("@")[0]
    package = json.loads((folder / "node_modules" / name / "package.json").read_text())
    client = json.loads((folder / "node_modules" / "ioredis" / "package.json").read_text())
    return f"{package['version']} (ioredis=={client['version']})"


def _own_version() -> str:
    from importlib.metadata import version

    return f"{version('cotiza-queue')} (redis=={version('redis')})"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def variables(environment: Environment, journal: Path) -> dict[str, str]:
    """The environment variables of a rival's processes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    own = {
        "COTIZA_BENCH_JOURNAL": str(journal),
        "COTIZA_BENCH_ENVIRONMENT": str(environment.folder),
        "COTIZA_BENCH_VARIANT": environment.kind.variant,
        "PYTHONPATH": str(ROOT),
    }
    return kept | own
