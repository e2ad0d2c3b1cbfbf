"""The API as a process: how it starts, what it does when Redis goes away, how it stops."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api_support import SECRET, Process, bearer, events
from cotiza_api.app import create_app
from cotiza_api.server import MAX_HEAD_BYTES, Protocol, Server
from cotiza_queue import Settings


class Road:
    """A way to Redis that can be closed: what comes in at a unix socket goes on to the server."""

    def __init__(self, redis_url: str, folder: Path) -> None:
        self.path = folder / "road.sock"
        self._redis = redis_url
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._travel, self.path)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.close()

    async def _travel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await self._reach()
        ends = {writer, far_writer}
        self._writers |= ends
        with suppress(OSError):
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        self._writers -= ends

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        scheme, _, rest = self._redis.partition("://")
        if scheme == "unix":
            return await asyncio.open_unix_connection(rest.partition("?")[0])
        host, _, port = rest.partition("/")[0].rpartition("@")[2].partition(":")
        return await asyncio.open_connection(host, int(port or 6379))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def serving(folder: Path, **environ: str) -> AsyncIterator[Process]:
    process = await asyncio.to_thread(Process, folder, **environ)
    try:
        yield process
    finally:
        process.process.kill()
        await asyncio.to_thread(process.stop)


async def until(fact: Any) -> httpx2.Response:
    """Ask again until the answer is as hoped for."""
    async with asyncio.timeout(20):
        while True:
            answer: httpx2.Response | None = await fact()
            if answer is not None:
                return answer
            await asyncio.sleep(0.05)


async def test_while_redis_is_away_the_api_says_so_and_then_goes_on(
    redis_url: str, tmp_path: Path, analysis: dict[str, Any]
) -> None:
    road = Road(redis_url, tmp_path)
    await road.open()
    async with serving(tmp_path / "api", REDIS_URL=f"unix://{road.path}") as api:
        async with api.client(bearer("admin", "away")) as admin:
            assert (await admin.get("/readyz")).status_code == 200
            road.close()
            health = await admin.get("/api/v1/jobs/health/check")
            assert health.status_code == 503
            assert health.json() == {
                "status": "unhealthy",
                "queues": 4,
                "totalJobs": 0,
                "metrics": [],
                "redis": {"status": "down", "latencyMs": None},
                "workers": 0,
            }
            assert (await admin.get("/readyz")).status_code == 503
            assert (await admin.get("/healthz")).status_code == 200
            refused = await admin.post("/api/v1/jobs", json=analysis)
            assert (refused.status_code, refused.json()["code"]) == (503, "queue_unavailable")
            assert refused.json()["detail"] == "Redis can't be reached"
            assert str(road.path) not in refused.text
            assert int(refused.headers["retry-after"]) >= 1
            await road.open()

            async def made() -> httpx2.Response | None:
                answer = await admin.post("/api/v1/jobs", json=analysis)
                return answer if answer.status_code == 201 else None

            assert (await until(made)).json()["status"] == "waiting"
        road.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_streams_and_waits_and_the_exit_code_is_0(
    redis_url: str, tmp_path: Path, analysis: dict[str, Any], number: signal.Signals
) -> None:
    async with serving(tmp_path, REDIS_URL=redis_url) as api:
        async with api.client(bearer("admin", f"ending-{number}")) as admin:
            made = (await admin.post("/api/v1/jobs", json=analysis)).json()
            path = f"/api/v1/jobs/{made['jobId']}"
            async with asyncio.TaskGroup() as group, admin.stream("GET", f"{path}/events") as one:
                stream = events(one)
                assert (await anext(stream)).name == "state"
                sent = asyncio.Event()
                waiting = group.create_task(
                    admin.get(f"{path}?wait=60", extensions={"trace": _tell(sent)})
                )
                await sent.wait()
                # Answered after the long poll came in, on a connection that is opened after it.
                assert (await admin.get("/healthz")).status_code == 200
                api.process.send_signal(number)
                assert [event async for event in stream] == []
                assert (await waiting).json()["status"] == "waiting"
        assert await asyncio.to_thread(api.process.wait, 20) == 0
        assert "Traceback" not in api.log.read_text()


def _tell(sent: asyncio.Event) -> Any:
    async def trace(name: str, _: Any) -> None:
        if name == "http11.send_request_body.complete":
            sent.set()

    return trace


class Impatient(Protocol):
    """Connections that are given up soon."""

    head_timeout_s = 0.3
    linger_s = 0.3


@asynccontextmanager
async def serving_here(redis_url: str, folder: Path) -> AsyncIterator[int]:
    """The API in this process, impatient. Yields its port."""
    app = create_app(Settings(redis_url=redis_url, data_dir=folder, jwt_secret=SECRET))
    listening = asyncio.Event()
    server = Server(app, listening.set, protocol=Impatient)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]))
            await listening.wait()
            yield listener.getsockname()[1]
            server.should_exit = True


async def test_a_head_that_never_ends_is_cut(redis_url: str, tmp_path: Path) -> None:
    async with serving_here(redis_url, tmp_path) as port:
        for bytes_at_first in (b"", b"GET / HTTP/1.1\r\nX-A:"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(bytes_at_first)
            assert await reader.read() == b""
            writer.close()


async def test_a_second_head_on_a_connection_is_watched_too(redis_url: str, tmp_path: Path) -> None:
    async with serving_here(redis_url, tmp_path) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert (await reader.read()).endswith(b'{"status":"ok"}')
        writer.close()


async def test_who_goes_on_sending_after_413_gets_to_read_it_and_is_cut(
    redis_url: str, tmp_path: Path
) -> None:
    async with serving_here(redis_url, tmp_path) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        authorization = bearer()["Authorization"]
        writer.write(
            b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            b"Authorization: " + authorization.encode() + b"\r\n\r\n"
        )
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        read = asyncio.get_running_loop().create_task(reader.readline())
        with pytest.raises(OSError):
            await _send_for_ever(writer, chunk)
        assert (await read).startswith(b"HTTP/1.1 413")
        writer.close()


async def _send_for_ever(writer: asyncio.StreamWriter, chunk: bytes) -> None:
    while True:
        writer.write(chunk)
        await writer.drain()
        await asyncio.sleep(0)


async def test_a_head_that_is_too_large_is_refused(api: Process) -> None:
    host, _, port = api.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ")
    with suppress(OSError):
        for _ in range(64):
            writer.write(b"a" * 65_536)
            await writer.drain()
    with suppress(OSError):
        assert (await reader.readline()).startswith(b"HTTP/1.1 400")
    writer.close()


async def test_a_head_within_the_limit_is_read(api: Process) -> None:
    async with api.client({"X-A": "a" * (MAX_HEAD_BYTES - 1024)}) as nobody:
        assert (await nobody.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("environ", "code", "said"),
    [
        ({}, 2, "JWT_SECRET"),
        ({"JWT_SECRET": "short"}, 2, "32"),
        ({"JWT_SECRET": SECRET, "SMTP_PORT": "many"}, 2, "SMTP_PORT"),
        ({"JWT_SECRET": SECRET, "COTIZA_ENV": "production"}, 2, "JWT_AUDIENCE"),
        ({"JWT_SECRET": SECRET, "REDIS_URL": "unix:///nowhere/redis.sock"}, 1, "Redis"),
        ({"JWT_SECRET": SECRET, "REDIS_URL": "gopher://x"}, 2, "REDIS_URL"),
    ],
)
async def test_what_keeps_the_api_from_starting_is_said_in_a_sentence(
    tmp_path: Path, environ: dict[str, str], code: int, said: str
) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "cotiza_api", "--port", "0"],
        env={"PATH": os.environ["PATH"], "COTIZA_DATA_DIR": str(tmp_path), **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


async def test_a_taken_port_is_said_in_a_sentence(api: Process, tmp_path: Path) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "cotiza_api", "--port", api.url.rpartition(":")[2]],
        env={"PATH": os.environ["PATH"], "JWT_SECRET": SECRET, "COTIZA_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "can't listen" in done.stderr
    assert "Traceback" not in done.stderr


async def test_the_api_holds_more_connections_than_the_soft_limit_of_files_it_was_started_with(
    redis_url: str, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    try:
        api = Process(tmp_path, REDIS_URL=redis_url)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    writers = []
    try:
        place = httpx2.URL(api.url)
        for _ in range(300):
            reader, writer = await asyncio.open_connection(place.host, place.port)
            writers.append(writer)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: api\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    finally:
        for writer in writers:
            writer.close()
        assert await asyncio.to_thread(api.stop) == 0
