"""The Python of docs/features/developing.md runs as it stands: block after block on one queue."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import CodeType
from typing import Any

from cotiza_queue import Queue

PAGE = Path(__file__).parents[2] / "docs/features/developing.md"
BLOCKS = re.findall(
    r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
)


def _compiled(block: str) -> CodeType:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return compile(block, PAGE.name, "exec", flags=flags, dont_inherit=True)


async def test_every_block_does_what_it_says(tmp_path: Path) -> None:
    assert BLOCKS
    async with Queue(data_dir=tmp_path) as queue:
        names: dict[str, Any] = {"queue": queue}
        for block in BLOCKS:
            pending = eval(_compiled(block), names)  # noqa: S307 - our own page
            if inspect.isawaitable(pending):
                await pending
