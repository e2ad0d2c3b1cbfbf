"""The Python of some feature sections runs as it stands: block after block on one queue."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import CodeType
from typing import Any

from cotiza_queue import Queue

PAGES = Path(__file__).parents[2] / "docs/features"


def _blocks(page: str, section: str = "") -> list[str]:
    """The Python blocks of a page, or of its section ``## <section> …`` alone."""
    text = (PAGES / page).read_text(encoding="utf-8")
    if section:
        text = text.partition(f"\n## {section} ")[2].partition("\n## ")[0]
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


RUN = (
    ("developing.md", ""),
    ("execution.md", "C6"),
    ("execution.md", "C12"),
    ("execution.md", "C13"),
    ("execution.md", "C14"),
    ("results.md", "F8"),
    ("reliability.md", "D4"),
    ("reliability.md", "D5"),
)
BLOCKS = [block for page, section in RUN for block in _blocks(page, section)]


def _compiled(block: str) -> CodeType:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return compile(block, "docs", "exec", flags=flags, dont_inherit=True)


async def test_every_block_does_what_it_says(tmp_path: Path) -> None:
    assert len(BLOCKS) >= 6
    async with Queue(data_dir=tmp_path) as queue:
        names: dict[str, Any] = {"queue": queue}
        for block in BLOCKS:
            pending = eval(_compiled(block), names)  # noqa: S307 - our own page
            if inspect.isawaitable(pending):
                await pending
