"""One API process for the whole test session, on the session's Redis."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest

from api_support import Process, bearer


@pytest.fixture(scope="session")
def api(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The API, up and running; it takes files of up to 300,000 bytes."""
    process = Process(
        tmp_path_factory.mktemp("api"), REDIS_URL=redis_url, COTIZA_MAX_UPLOAD_BYTES="300000"
    )
    yield process
    assert process.stop() == 0


@pytest.fixture
def tenant() -> str:
    """A tenant of this test alone."""
    return f"tenant-{secrets.token_hex(6)}"


@pytest.fixture
async def admin(api: Process, tenant: str) -> AsyncIterator[httpx2.AsyncClient]:
    """An administrator of the test's tenant."""
    async with api.client(bearer("admin", tenant)) as client:
        yield client


@pytest.fixture
async def stranger(api: Process) -> AsyncIterator[httpx2.AsyncClient]:
    """An administrator of another tenant."""
    async with api.client(bearer("admin", f"stranger-{secrets.token_hex(6)}")) as client:
        yield client


@pytest.fixture
def analysis() -> dict[str, Any]:
    """A file-analysis job as callers ask for it."""
    return {
        "type": "file-analysis",
        "data": {
            "fileId": "file-123",
            "fileUrl": "s3://bucket/file.stl",
            "fileName": "part.stl",
            "fileType": "stl",
        },
    }
