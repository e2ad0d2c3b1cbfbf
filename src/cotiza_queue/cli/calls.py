"""The few calls that the demo makes to the HTTP API, as any client of it would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2

from ..errors import CotizaError
from ..model.status import Status

API = "/api/v1"
CHUNK_BYTES = 256 * 1024
RECONNECT_SECONDS = 0.5
_QUIET_SECONDS = 60
"""The API sends a comment every 15 seconds, so a stream that is silent for longer is broken."""

Watcher = Callable[[dict[str, Any]], None]
"""Told of every progress: ``{percentage, step, message}``."""


class ApiError(CotizaError):
    """The API refused a call; code, message and remedy are its own."""


class Calls:
    """Calls with one caller's token. Each raises ApiError, or ``api_unreachable`` if there is no
    answer.
    """

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    @staticmethod
    def client(api_url: str, token: str) -> httpx2.AsyncClient:
        """The HTTP client, to be closed by the caller. Proxies don't apply to this machine."""
        return httpx2.AsyncClient(
            base_url=api_url + API,
            headers={"authorization": f"Bearer {token}"},
            timeout=_QUIET_SECONDS,
            trust_env=False,
        )

    async def upload(self, path: Path) -> dict[str, Any]:
        """Send a file. Returns ``{fileId, fileUrl, fileName, fileType, …}``."""
        response = await self._client.post(
            "/files", params={"fileName": path.name}, content=_chunks(path)
        )
        return _answer(response)

    async def create(self, job_type: str, data: dict[str, Any]) -> str:
        """Ask for work. Returns the job's id."""
        response = await self._client.post("/jobs", json={"type": job_type, "data": data})
        return str(_answer(response)["jobId"])

    async def follow(self, job_id: str, watch: Watcher) -> dict[str, Any]:
        """Watch a job by its events until it has ended. Returns its status as the API tells it."""
        last_id = ""
        while True:
            with suppress(httpx2.TransportError):
                last_id = await self._listen(job_id, last_id, watch)
            job = _answer(await self._client.get(f"/jobs/{job_id}"))
            if Status(job["status"]).final:
                return job
            await asyncio.sleep(RECONNECT_SECONDS)

    async def download(self, url: str, path: Path) -> Path:
        """Fetch a file of a job's result to ``path``."""
        response = await self._client.get(url)
        _check(response)
        await asyncio.to_thread(path.write_bytes, response.content)
        return path

    async def _listen(self, job_id: str, last_id: str, watch: Watcher) -> str:
        headers = {"last-event-id": last_id} if last_id else {}
        async with self._client.sse(f"/jobs/{job_id}/events", headers=headers) as source:
            async for event in source:
                last_id = event.id or last_id
                data = json.loads(event.data or "{}")
                if progress := data.get("progress"):
                    watch(progress)
        return last_id


def _answer(response: httpx2.Response) -> dict[str, Any]:
    _check(response)
    answer: dict[str, Any] = response.json()
    return answer


def _check(response: httpx2.Response) -> None:
    if response.is_success:
        return
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    faults = "; ".join(
        f"{each['field']}: {each['message']}" for each in problem.get("errors") or ()
    )
    message = problem.get("detail") or f"the API answered {response.status_code}"
    raise ApiError(
        f"{message} ({faults})" if faults else message,
        code=problem.get("code") or f"http_{response.status_code}",
        remedy=problem.get("remedy"),
    )


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
