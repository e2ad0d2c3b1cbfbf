"""The pieces of the development world: its mail sink, its tokens, its tether, its ports."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import jwt
import pytest

from cotiza_queue import Settings
from cotiza_queue.chance import SystemChance
from cotiza_queue.cli import sink, tokens
from cotiza_queue.cli.world import free_port
from cotiza_queue.clock import SystemClock
from cotiza_queue.errors import ConfigurationError


def _mail(mark: str, size: int = 10) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "shop@example.com", "customer/../@example.com"
    message["Subject"], message["Message-ID"] = "¡Hola!", f"<{mark}@example.com>"
    message.set_content("ñ" * size)
    return message


async def test_every_mail_becomes_a_file_that_can_be_found(tmp_path: Path) -> None:
    async with sink.open_sink(tmp_path, SystemClock()) as open_sink:
        for mark in ("one", "two", "three"):
            await aiosmtplib.send(
                _mail(mark),
                hostname="127.0.0.1",
                port=open_sink.port,
                sender="shop@example.com",
                recipients=["customer/../@example.com"],
            )
    assert len(list(tmp_path.iterdir())) == 3
    found = sink.find_mail(tmp_path, "<two@example.com>")
    assert found is not None
    assert found.suffix == ".eml"
    assert b"<two@example.com>" in found.read_bytes()
    assert sink.find_mail(tmp_path, "<four@example.com>") is None


async def test_a_mail_beyond_the_limit_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink, "MAX_MAIL_BYTES", 20_000)
    async with sink.open_sink(tmp_path, SystemClock()) as open_sink:
        with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
            await aiosmtplib.send(
                _mail("big", 40_000), hostname="127.0.0.1", port=open_sink.port,
                sender="shop@example.com", recipients=["customer@example.com"],
            )  # fmt: skip
    assert refused.value.code == 552
    assert list(tmp_path.iterdir()) == []


def test_tokens_name_their_tenant_and_role_and_last_a_day(tmp_path: Path) -> None:
    secret = tokens.secret_file(tmp_path, SystemChance()).read_text()
    made = tokens.make_tokens(Settings(jwt_secret=secret, jwt_audience="cotiza"), SystemClock())
    claims = {
        name: jwt.decode(getattr(made, name), secret, ["HS256"], audience="cotiza")
        for name in ("admin", "manager", "customer", "other_tenant")
    }
    told = {name: (each["tenantId"], each["role"]) for name, each in claims.items()}
    assert told == {
        "admin": ("demo", "admin"),
        "manager": ("demo", "manager"),
        "customer": ("demo", "customer"),
        "other_tenant": ("other", "admin"),
    }
    assert all(each["exp"] - each["iat"] == 86_400 for each in claims.values())


def test_a_data_directory_keeps_one_secret_of_its_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: _secret(tmp_path), range(32)))
    assert len(set(made)) == 1
    assert len(made[0]) == 64
    assert stat.S_IMODE((tmp_path / "jwt-secret").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["jwt-secret"]


def _secret(folder: Path) -> bytes:
    return tokens.secret_file(folder, SystemChance()).read_bytes()


def test_without_a_secret_no_token_is_made() -> None:
    with pytest.raises(ConfigurationError, match="JWT_SECRET"):
        tokens.make_tokens(Settings(), SystemClock())


def test_the_next_free_port_is_taken_if_the_wanted_one_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert port < free_port(port) <= port + 19
    assert free_port(0) > 0


async def test_what_is_tethered_ends_when_the_line_is_cut(tmp_path: Path) -> None:
    program = tmp_path / "stubborn.py"
    program.write_text(
        "import os, signal, sys, time\n"
        # Not print: the signal may come while the line below is still being printed.
        "signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'asked\\n'))\n"
        "print(sys.stdin.read(), sys.argv, flush=True)\n"
        "while True: time.sleep(60)\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cotiza_queue.cli.tether", "stubborn", "argument"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert b"'argument']" in await process.stdout.readline()
    process.stdin.close()
    assert await process.stdout.readline() == b"asked\n"
    assert await process.wait() == -9
