"""The house rules hold, and the law that says so does see each fault."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import pytest
import tidy_law

ROOT = Path(__file__).parents[2]


def _messages(source: str, name: str = "src/cotiza_queue/engine/sample.py") -> list[str]:
    source = textwrap.dedent(source)
    tree = ast.parse(source)
    found = [*tidy_law.size_faults(name, source, tree), *tidy_law.home_faults(name, source, tree)]
    return [fault.message for fault in found]


def test_the_repository_keeps_its_own_rules() -> None:
    assert [str(fault) for fault in tidy_law.faults(ROOT)] == []


def test_half_of_the_modules_fit_on_two_screens_and_most_functions_on_one() -> None:
    modules, functions = [], []
    for path in (ROOT / "src").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        modules.append(len(source.splitlines()))
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions.append((node.end_lineno or node.lineno) - node.lineno + 1)
    assert sorted(modules)[len(modules) // 2] <= 150
    assert sum(length <= 30 for length in functions) >= 0.95 * len(functions)


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("import time\nnow = time.time()", "clock"),
        ("import time\nnow = time.monotonic()", "clock"),
        ("from time import time\n", "write time.time"),
        ("from datetime import datetime\nnow = datetime.now()", "clock"),
        ("import random\nx = random.random()", "dice"),
        ("import secrets\nx = secrets.token_hex(3)", "dice"),
        ("import uuid\nx = uuid.uuid4()", "dice"),
        ("import os\nx = os.environ['A']", "environment"),
        ("import os\nx = os.getenv('A')", "environment"),
        ("import asyncio\nasync def f():\n    asyncio.create_task(f())", "task"),
        ("import asyncio\nasync def f():\n    asyncio.get_running_loop().create_task(f())", "task"),
        ("print('here')", "prints"),
        ("x = 1  # TODO: later", "unfinished"),
        ("def f(a, b, c, d, e, g): ...", "parameters"),
    ],
)
def test_each_fault_is_seen(source: str, word: str) -> None:
    assert any(word in message for message in _messages(source))


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio\nasync def f(group: asyncio.TaskGroup):\n    group.create_task(f(group))",
        "import os\ndef f(chance=os.urandom): ...",
        "import random\nx = random.Random(3)",
        "def f(self, a, b, c, d, e, *, g, h): ...",
        "text = 'a TODO in a text is no comment'",
    ],
)
def test_what_is_allowed_passes(source: str) -> None:
    assert _messages(source) == []


def test_the_limits_hold_at_their_edges() -> None:
    body = "    pass\n" * (tidy_law.FUNCTION_LINES - 1)
    assert _messages(f"def f():\n{body}") == []
    assert len(_messages(f"def f():\n{body}    pass\n")) == 1
    assert _messages("x = 1\n" * tidy_law.MODULE_LINES) == []
    assert len(_messages("x = 1\n" * (tidy_law.MODULE_LINES + 1))) == 1


def test_nesting_counts_blocks_and_takes_elif_as_a_sibling() -> None:
    three = "def f(a):\n if a:\n  for b in a:\n   with a:\n    while b:\n     pass\n"
    assert _messages(three) == []
    assert len(_messages(three.replace("     pass", "     if b: pass"))) == 1
    ladder = "def f(a):\n if a == 1: pass\n elif a == 2: pass\n elif a == 3: pass\n"
    assert _messages(ladder + " elif a == 4: pass\n elif a == 5: pass\n") == []
