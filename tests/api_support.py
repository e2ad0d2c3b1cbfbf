"""A real API process, tokens for it, and a reader of server-sent events."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import jwt

from cotiza_queue.clock import SystemClock

SECRET = "a secret of the tests, long enough for HS256 and even for HS384"
CLOCK = SystemClock()
TIMEOUT_S = 30
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Made once: a client would read all the world's certificates, and never use one."""


def claims(role: str = "admin", tenant: str = "acme", **changes: Any) -> dict[str, Any]:
    """The claims of a good token; a change of None takes a claim away."""
    now = CLOCK.now_ms() // 1000
    found = {"sub": "ana", "tenantId": tenant, "role": role, "iat": now, "exp": now + 3600}
    return {name: value for name, value in (found | changes).items() if value is not None}


def token(role: str = "admin", tenant: str = "acme", **changes: Any) -> str:
    """A signed token."""
    return jwt.encode(claims(role, tenant, **changes), SECRET, algorithm="HS256")


def bearer(role: str = "admin", tenant: str = "acme", **changes: Any) -> dict[str, str]:
    """The header that goes with a token."""
    return {"Authorization": f"Bearer {token(role, tenant, **changes)}"}


class Process:
    """``python -m cotiza_api`` on a free port. ``url``: where it listens."""

    def __init__(self, data_dir: Path, **environ: str) -> None:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name in {"PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV"}
        }
        self.log = data_dir / "api.log"
        data_dir.mkdir(parents=True, exist_ok=True)
        self._log = self.log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cotiza_api", "--port", "0"],
            env={**inherited, "JWT_SECRET": SECRET, "COTIZA_DATA_DIR": str(data_dir), **environ},
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), self.log.read_text()
        self.url = line.removeprefix("listening on ").strip()

    def client(self, headers: dict[str, str] | None = None) -> httpx2.AsyncClient:
        """A client that sends these headers with every request."""
        return httpx2.AsyncClient(
            base_url=self.url, headers=headers, timeout=TIMEOUT_S, verify=NO_TLS
        )

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(TIMEOUT_S)
        finally:
            self.process.kill()
            self._log.close()
            assert self.process.stdout is not None
            self.process.stdout.close()


class Sent(NamedTuple):
    """One server-sent event."""

    id: str
    name: str
    data: dict[str, Any]


async def events(answer: httpx2.Response) -> AsyncIterator[Sent]:
    """The events of a stream, read as a browser does."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line and "data" in fields:
            yield Sent(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
        if not line:
            fields = {}
        name, _, value = line.partition(":")
        fields[name] = value.removeprefix(" ")
