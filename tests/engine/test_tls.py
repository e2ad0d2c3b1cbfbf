"""Calls, hints and events go over TLS as they go without: ``rediss://``."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from certificates import write_certificate
from cotiza_queue import Queue, Worker, WorkerOptions
from cotiza_queue.errors import QueueUnavailable
from cotiza_queue.store.embedded import acquire


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """Of a door in front of a real server that speaks TLS only."""
    server = await acquire(tmp_path)
    plain = urlsplit(server.url)
    write_certificate(tmp_path / "server.pem", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if plain.scheme == "unix":
            there = await asyncio.open_unix_connection(plain.path)
        else:
            there = await asyncio.open_connection(plain.hostname, plain.port)
        await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))

    door = await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context)
    async with door:
        yield int(door.sockets[0].getsockname()[1])
    await server.release()


def url_of(port: int, certificate: Path) -> str:
    return f"rediss://127.0.0.1:{port}/0?" + urlencode({"ssl_ca_certs": str(certificate)})


async def test_a_job_comes_in_is_heard_of_and_ends_over_tls(port: int, tmp_path: Path) -> None:
    url = url_of(port, tmp_path / "server.pem")

    async def double(payload: int, context: Any) -> int:
        return 2 * payload

    worker = Worker({"double": double}, url, options=WorkerOptions(handle_signals=False))
    async with Queue(url) as queue, asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        await worker.ready.wait()
        made = await queue.enqueue("double", 21)
        assert await queue.result(made) == 42
        names = [event.name async for event in queue.events(made.job_id, after="0-0")]
        assert names[-1] == "completed"
        worker.stop()


async def test_a_server_that_shows_another_certificate_is_not_talked_to(
    port: int, tmp_path: Path
) -> None:
    write_certificate(tmp_path / "other.pem", "127.0.0.1")
    with pytest.raises(QueueUnavailable, match="certificate verify failed") as refused:
        async with Queue(url_of(port, tmp_path / "other.pem")) as queue:
            await queue.enqueue("double", 21)
    assert not refused.value.indeterminate
