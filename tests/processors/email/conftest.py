"""Real SMTP servers on 127.0.0.1: one that keeps what it gets, one that answers by script."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope

from certificates import write_certificate
from cotiza_queue.clock import SystemClock
from cotiza_queue.processors.email import SendEmail
from cotiza_queue.settings import Settings
from cotiza_queue.storage.local import LocalStore

CREATED_MS = 1_795_443_906_789  # 2026-11-23T14:25:06.789Z


class Context:
    """What the engine would hand over."""

    job_type = "email-notification"
    attempt, max_attempts, token, created_ms = 1, 5, 1, CREATED_MS

    def __init__(self, job_id: str = "01hx3k9job", tenant: str = "acme") -> None:
        self.job_id = job_id
        self.tenant = tenant
        self.steps: list[tuple[float, str]] = []

    def progress(self, percentage: float, step: str, message: str = "", **metadata: Any) -> None:
        self.steps.append((percentage, step))

    async def run_in_process(self, function: Callable[..., Any], *args: Any, **_: Any) -> Any:
        raise AssertionError("sending a mail needs no child process")


class Inbox:
    """Keeps every mail, and answers RCPT and DATA as told."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.answer_to_recipient: str | None = None
        self.answer_to_data = "250 2.0.0 queued as 4F1"
        self.tls_seen: list[bool] = []
        self.sign_ins: list[str] = []

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answer_to_recipient:
            return self.answer_to_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.tls_seen.append(session.ssl is not None)
        self.envelopes.append(envelope)
        return self.answer_to_data

    def mails(self) -> list[EmailMessage]:
        parsed = []
        for envelope in self.envelopes:
            assert isinstance(envelope.content, bytes)
            parsed.append(message_from_bytes(envelope.content, policy=policy.default))
        return parsed


Serve = Callable[..., Awaitable[int]]


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as servers:
        yield servers


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def serve(stack: AsyncExitStack, inbox: Inbox) -> Serve:
    """Starts a mail server for the inbox; keywords go to aiosmtpd's SMTP. Returns its port."""

    async def start(*, tls: ssl.SSLContext | None = None, **options: Any) -> int:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(inbox, enable_SMTPUTF8=True, hostname="sink", loop=loop, **options),
            "127.0.0.1",
            0,
            ssl=tls,
        )
        stack.push_async_callback(_stop, server)
        return int(server.sockets[0].getsockname()[1])

    return start


Script = dict[str, str]


@pytest.fixture
def serve_script(stack: AsyncExitStack) -> Callable[[Script], Awaitable[int]]:
    """Starts a server that answers by the first word of a line ("" is the greeting). An empty
    answer: silence; "close": it hangs up."""

    async def start(script: Script) -> int:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            usual = {
                "": "220 hi",
                "EHLO": "250 hi",
                "DATA": "354 go",
                ".": "250 taken",
                "QUIT": "221",
            }
            in_data = False
            word = ""
            while True:
                answer = (usual | script).get(word, "250 fine")
                if answer == "close":
                    break
                if answer and not in_data:
                    writer.write(answer.encode() + b"\r\n")
                in_data = in_data or (word == "DATA" and answer.startswith("354"))
                line = await reader.readline()
                if not line:
                    break
                word = line.split()[0].decode().upper() if line.split() else "-"
                in_data = in_data and word != "."
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        stack.push_async_callback(_stop, server)
        return int(server.sockets[0].getsockname()[1])

    return start


@pytest.fixture
def blobs(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "files")


@pytest.fixture
def sender(blobs: LocalStore) -> Callable[..., SendEmail]:
    """A processor for a port, with other settings by keyword."""

    def build(port: int, **settings: Any) -> SendEmail:
        defaults = {"smtp_host": "127.0.0.1", "smtp_from": "Cotiza Studio <cotiza@taller.example>"}
        return SendEmail(
            Settings(**(defaults | {"smtp_port": port} | settings)), blobs, SystemClock()
        )

    return build


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture
def new_context() -> type[Context]:
    return Context


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server context whose certificate for 127.0.0.1 this process trusts."""
    file = tmp_path / "server.pem"
    write_certificate(file, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


@pytest.fixture
def sign_in_as(inbox: Inbox) -> Callable[[bytes, bytes], Any]:
    def authenticator(user: bytes, password: bytes) -> Any:
        def check(
            server: Any, session: Any, envelope: Any, mechanism: str, data: Any
        ) -> AuthResult:
            inbox.sign_ins.append(mechanism)
            good = (data.login, data.password) == (user, password)
            return AuthResult(success=good, handled=good)

        return check

    return authenticator


async def _stop(server: asyncio.Server) -> None:
    server.close()
