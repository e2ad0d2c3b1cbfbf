"""What the tests of file-analysis share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from cotiza_queue.processors.analysis.measure import Findings

sys.path.append(str(Path(__file__).parent))

from part_measuring import Examine, examine_path


@pytest.fixture
def examine(tmp_path: Path) -> Examine:
    """``examine(content, name, **analysis options)``: content is bytes, or the path of a file."""

    def run(content: bytes | Path, name: str | None = None, **options: Any) -> Findings:
        if isinstance(content, Path):
            return examine_path(content, name, **options)
        path = tmp_path / "part"
        path.write_bytes(content)
        assert name is not None
        return examine_path(path, name, **options)

    return run


@pytest.fixture(scope="session")
def cad() -> Path:
    """The folder of real CAD files; tests/data/README.md names their sources."""
    return Path(__file__).parents[2] / "data" / "cad"
