"""A server that a test may treat as it likes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.servers import Server, binary_of


@pytest.fixture
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Server]:
    """It runs. ``indirect`` parameter: its kind (servers.KINDS); the embedded one's else."""
    kind = getattr(request, "param", "valkey")
    own = Server(await binary_of(kind, tmp_path / "probe"), tmp_path)
    await own.start()
    yield own
    own.kill()
