"""A mail server for development: takes every mail on the loopback interface and lays it down as
an .eml file.

It relays nothing, and a mail is accepted only once its file is complete under its final name.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import default as email_policy
from itertools import count
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from ..clock import Clock, iso

MAX_MAIL_BYTES = 30 * 1024 * 1024
_UNSAFE = re.compile(r"[^0-9A-Za-z.@_-]+")


class Sink:
    """Writes mails to ``mail_dir``. ``port``: where it listens, 0 before it does."""

    def __init__(self, mail_dir: Path, clock: Clock) -> None:
        mail_dir.mkdir(parents=True, exist_ok=True)
        self.mail_dir = mail_dir
        self.port = 0
        self._clock = clock
        self._number = count(1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        content = envelope.content
        if not isinstance(content, bytes):
            return "554 no content"
        name = await asyncio.to_thread(self._keep, content, envelope.rcpt_tos)
        return f"250 kept as {name}"

    def _keep(self, content: bytes, recipients: list[str]) -> str:
        moment = iso(self._clock.now_ms()).replace(":", "")
        whom = _UNSAFE.sub("_", recipients[0] if recipients else "nobody")[:64]
        path = self.mail_dir / f"{moment}-{os.getpid()}-{next(self._number)}-{whom}.eml"
        draft = path.with_suffix(".part")
        draft.write_bytes(content)
        draft.replace(path)
        return path.name


@asynccontextmanager
async def open_sink(mail_dir: Path, clock: Clock) -> AsyncIterator[Sink]:
    """A listening sink on a free port of 127.0.0.1; closed when the block ends."""
    sink = Sink(mail_dir, clock)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            sink,
            data_size_limit=MAX_MAIL_BYTES,
            enable_SMTPUTF8=True,
            ident="cotiza-queue sink",
            loop=loop,
        ),
        "127.0.0.1",
        0,
    )
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()


def find_mail(mail_dir: Path, message_id: str) -> Path | None:
    """The file of the mail with this Message-ID, newest first; None if it isn't there."""
    wanted = message_id.strip("<> ")
    for path in sorted(mail_dir.glob("*.eml"), reverse=True):
        head = path.read_bytes().partition(b"\r\n\r\n")[0]
        found = message_from_bytes(head, policy=email_policy)["Message-ID"]
        if found and str(found).strip("<> ") == wanted:
            return path
    return None
