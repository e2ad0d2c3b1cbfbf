"""The house rules as a program: sizes, and what may only be said in its one home. No exceptions.

A limit is a tripwire, not a target: whoever trips it looks for the idea that wants a file of its
own, and does not cut a readable sequence in two to please a counter.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

MODULE_LINES = 400
FUNCTION_LINES = 60
PARAMETERS = 5
"""Positional ones, without ``self``; keyword-only extras are read by name and don't count."""
NESTING = 3
"""Conditions that a reader holds in mind: branches, loops, handlers; not ``with`` and ``try``."""
LUA_LIBRARY_LINES = 60
LUA_VERB_LINES = 80

PACKAGES = ("src/cotiza_queue", "src/cotiza_api")
SIZED = (*PACKAGES, "tests", "benchmarks")

CLOCK_HOME = ("src/cotiza_queue/clock.py",)
TASK_HOME = ("src/cotiza_queue/engine/loop.py",)
CHANCE_HOME = ("src/cotiza_queue/chance.py",)
ENVIRONMENT_HOMES = (
    "src/cotiza_queue/cli/admin.py",
    "src/cotiza_queue/cli/worker.py",
    "src/cotiza_api/__main__.py",
)
PRINTING_HOMES = ("src/cotiza_queue/cli/",)

WALL_CLOCKS = {
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "date.today",
    "datetime.date.today",
}
CHANCE = re.compile(r"random\.[a-z]\w*|secrets\.\w+|os\.urandom|uuid\.uuid[14]|uuid[14]")
"""Calls of the module's own dice. ``random.Random``, or a reference handed on, is no such call."""
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.putenv"}
STRAY_TASKS = {"asyncio.create_task", "asyncio.ensure_future", "loop.create_task"}
RENAMED = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns"},
    "os": {"environ", "environb", "getenv", "putenv", "urandom"},
    "asyncio": {"create_task", "ensure_future"},
}
"""Names that stay behind their module's name, so that the rules above can see them."""
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Fault(NamedTuple):
    """One broken rule, and where."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def faults(root: Path) -> list[Fault]:
    """Every broken rule under ``root`` (the repository)."""
    found: list[Fault] = []
    for path in _files(root, SIZED, "*.py"):
        name = path.relative_to(root).as_posix()
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source, filename=name)
        found += size_faults(name, source, tree)
        if name.startswith("src/"):
            found += home_faults(name, source, tree)
    for path in _files(root, PACKAGES, "*.lua"):
        found += _lua_faults(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
    return sorted(found)


def size_faults(name: str, source: str, tree: ast.Module) -> Iterator[Fault]:
    """Modules, functions, parameter lists and nestings that have grown too large."""
    lines = len(source.splitlines())
    if lines > MODULE_LINES:
        yield Fault(name, lines, f"a module of {lines} lines; {MODULE_LINES} is the limit")
    for node in ast.walk(tree):
        if not isinstance(node, _FUNCTIONS):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES:
            yield Fault(
                name, node.lineno, f"{node.name} has {length} lines; {FUNCTION_LINES} is the limit"
            )
        if not name.startswith("src/"):
            continue
        parameters = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        count = len(parameters) - (parameters[:1] in (["self"], ["cls"]))
        if count > PARAMETERS:
            yield Fault(
                name,
                node.lineno,
                f"{node.name} takes {count} parameters; after {PARAMETERS}, a struct",
            )
        if (depth := _depth(node.body)) > NESTING:
            yield Fault(
                name, node.lineno, f"{node.name} nests {depth} deep; {NESTING} is the limit"
            )


def home_faults(name: str, source: str, tree: ast.Module) -> Iterator[Fault]:
    """What may be said in one place only: clocks, chance, the environment, tasks, printing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _call_faults(name, node)
        if (
            isinstance(node, ast.Attribute)
            and _dotted(node) in ENVIRONMENT
            and not _home(name, ENVIRONMENT_HOMES)
        ):
            yield Fault(
                name,
                node.lineno,
                "the environment is read in main only, and handed on as a mapping",
            )
        if isinstance(node, ast.ImportFrom) and not node.level:
            hidden = RENAMED.get(node.module or "", set()) & {alias.name for alias in node.names}
            for word in sorted(hidden):
                yield Fault(
                    name,
                    node.lineno,
                    f"write {node.module}.{word}, so that a reader and this law see it",
                )
    for line, comment in _comments(source):
        if UNFINISHED.search(comment):
            yield Fault(name, line, "unfinished work belongs in the issue list, not in a comment")


def _call_faults(name: str, call: ast.Call) -> Iterator[Fault]:
    called = _dotted(call.func)
    if called in WALL_CLOCKS and not _home(name, CLOCK_HOME):
        yield Fault(name, call.lineno, f"{called}() reads a clock in passing; take a Clock")
    if CHANCE.fullmatch(called) and not _home(name, CHANCE_HOME):
        yield Fault(name, call.lineno, f"{called}() rolls dice in passing; let them be handed in")
    if called in STRAY_TASKS and not _home(name, TASK_HOME):
        yield Fault(
            name,
            call.lineno,
            f"{called}() starts a task that nobody owns; use the caller's TaskGroup",
        )
    if called == "print" and not _home(name, PRINTING_HOMES):
        yield Fault(name, call.lineno, "only the command line prints")


def _lua_faults(name: str, source: str) -> Iterator[Fault]:
    limit = LUA_VERB_LINES if "/ops/" in name else LUA_LIBRARY_LINES
    lines = len(source.splitlines())
    if lines > limit:
        yield Fault(name, lines, f"a Lua file of {lines} lines; {limit} is the limit")


def _depth(body: list[ast.stmt]) -> int:
    """How many branches and loops enclose the deepest statement. Functions start anew."""
    return max((_below(statement) for statement in body), default=0)


def _below(statement: ast.stmt) -> int:
    match statement:
        case ast.If(body=body, orelse=[ast.If() as another]):  # an elif is its if's sibling
            return max(1 + _depth(body), _below(another))
        case ast.Match(cases=cases):
            return 1 + max(_depth(case.body) for case in cases)
        case ast.Try() | ast.TryStar():
            handlers = [handler.body for handler in statement.handlers]
            inside = [statement.body, statement.orelse, statement.finalbody]
            return max(
                *(_depth(each) for each in inside), *(1 + _depth(each) for each in handlers), 0
            )
        case ast.With(body=body) | ast.AsyncWith(body=body):
            return _depth(body)
        case ast.If() | ast.For() | ast.AsyncFor() | ast.While():
            return 1 + max(_depth(statement.body), _depth(statement.orelse))
    return 0


def _dotted(node: ast.expr) -> str:
    """``a.b.c`` of such an expression; ``loop`` for the running loop; anything else is ''."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{_dotted(value)}.{attribute}"
        case ast.Call(
            func=ast.Attribute(
                value=ast.Name(id="asyncio"), attr="get_running_loop" | "get_event_loop"
            )
        ):
            return "loop"
    return ""


def _comments(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _home(name: str, homes: Iterable[str]) -> bool:
    return name.startswith(tuple(homes))


def _files(root: Path, folders: Iterable[str], pattern: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((root / folder).rglob(pattern))
