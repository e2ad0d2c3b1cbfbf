"""WORKER_SERVICE_URL: the analysis is delegated, and its answer is checked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cotiza_queue.clock import SystemClock
from cotiza_queue.errors import PermanentError, RetryableError
from cotiza_queue.jobtypes import FileAnalysis
from cotiza_queue.processors.analysis.remote import DelegateAnalysis
from cotiza_queue.records.sql import SqlRecords

GOOD: dict[str, Any] = {
    "metrics": {
        "volume_cm3": 7.94,
        "surface_area_cm2": 25.0,
        "bbox_mm": {"x": 20, "y": 20, "z": 20},
        "is_watertight": True,
        "triangle_count": 260,
    },
    "issues": [{"type": "thin", "severity": "medium", "description": "thin wall"}],
    "risk_score": 12,
    "processing_time_ms": 5,
}


class Service:
    """A real HTTP server that answers as told and remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.body = 200, json.dumps(GOOD).encode()
        self.asked: list[dict[str, Any]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        self.asked.append(
            {"line": head.split("\r\n")[0], **json.loads(await reader.readexactly(length))}
        )
        writer.write(
            b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
            % (self.status, len(self.body), self.body)
        )
        await writer.drain()
        writer.close()


class Files:
    async def fetch(self, url: str, tenant: str, into: Path, max_bytes: int) -> None:
        into.write_bytes(b"solid")


class Context:
    job_id, job_type, tenant, attempt, max_attempts, token, created_ms = (
        "j1",
        "t",
        "acme",
        1,
        3,
        9,
        0,
    )

    def progress(self, *words: Any, **more: Any) -> None:
        pass

    async def run_in_process(self, *words: Any, **more: Any) -> Any:
        raise AssertionError("nothing is measured here")


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, str]]:
    own = Service()
    server = await asyncio.start_server(own.serve, "127.0.0.1", 0)
    yield own, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def analyse(url: str, tmp_path: Path) -> Any:
    records = await SqlRecords.open(None, tmp_path)
    try:
        delegate = DelegateAnalysis(
            url,
            Files(),
            records,
            SystemClock(),
            address=lambda u: u.replace("file-store://", "s3://b/"),
        )
        payload = FileAnalysis(
            file_id="f1", file_url="file-store://acme/uploads/x", file_name="x.stl", file_type="stl"
        )
        result = await delegate(payload, Context())
        assert (await records.analysis("acme", "f1")).job_id == "j1"
        return result
    finally:
        await records.close()


async def test_the_job_is_sent_and_the_answer_is_the_result(service: Any, tmp_path: Path) -> None:
    own, url = service
    result = await analyse(url, tmp_path)
    asked = own.asked[0]
    assert asked["line"].startswith("post /analyze ")
    assert (asked["file_url"], asked["file_type"], asked["job_id"]) == (
        "s3://b/acme/uploads/x", "stl", "j1",
    )  # fmt: skip
    assert result.geometry.volume == 7.94
    assert result.geometry.part_count is None
    assert (result.dfm_analysis.score, result.dfm_analysis.manufacturable) == (88, True)
    assert result.dfm_analysis.issues[0].severity == "warning"


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a["metrics"].pop("volume_cm3"),
        lambda a: a["metrics"].update(volume_cm3=-1),
        lambda a: a["metrics"].update(volume_cm3="7"),
        lambda a: a["issues"][0].update(severity="fatal"),
        lambda a: a.pop("risk_score"),
        lambda a: a.update(risk_score=101),
    ],
)
async def test_an_answer_of_another_shape_fails_for_good(
    service: Any, tmp_path: Path, change: Any
) -> None:
    own, url = service
    answer = json.loads(json.dumps(GOOD))
    change(answer)
    own.body = json.dumps(answer).encode()
    with pytest.raises(PermanentError) as caught:
        await analyse(url, tmp_path)
    assert caught.value.code == "service_answer"


async def test_a_busy_or_absent_service_is_tried_again(service: Any, tmp_path: Path) -> None:
    own, url = service
    own.status = 503
    with pytest.raises(RetryableError):
        await analyse(url, tmp_path)
    with pytest.raises(RetryableError):
        await analyse("http://127.0.0.1:1", tmp_path)
    own.status = 422
    with pytest.raises(PermanentError) as caught:
        await analyse(url, tmp_path)
    assert caught.value.code == "service_refused"
