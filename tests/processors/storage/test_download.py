"""Files come from public web servers; nothing inside our network can be reached that way."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cotiza_queue.errors import InvalidData, RetryableError
from cotiza_queue.storage.fetch import MAX_ADDRESSES, MAX_REDIRECTS, Fetcher, _check_peer
from cotiza_queue.storage.guard import Address, is_public
from cotiza_queue.storage.local import LocalStore

LOOPBACK = IPv4Address("127.0.0.1")
TENANT = "acme"


def only_loopback(address: Address) -> bool:
    return address == LOOPBACK


def names(**known: list[str]) -> Callable[[str, int], Any]:
    """A resolver that knows these names; dots are written as underscores."""

    async def resolver(host: str, port: int) -> list[Address]:
        try:
            return [ip_address(address) for address in known[host.replace(".", "_")]]
        except KeyError:
            raise OSError(f"{host} is unknown") from None

    return resolver


@pytest.fixture
def open_to_loopback(local: LocalStore, certificates) -> Callable[..., Fetcher]:
    """Makes fetchers that may reach the test's own server, and nothing else."""

    def make(**changes: Any) -> Fetcher:
        options = {"allow": only_loopback, "tls": certificates.client} | changes
        return Fetcher(local, s3_bucket=None, s3=None, **options)

    return make


async def test_a_file_comes_from_the_web_and_its_server_is_asked_by_name(
    open_to_loopback, web, into: Path, fetched
) -> None:
    web.answers["/a%20b.stl?sig=x%2Fy"] = web.answer(body=b"solid")
    fetcher = open_to_loopback(resolver=names(cad_example=["127.0.0.1"]))
    await fetcher.fetch(web.url("/a%20b.stl?sig=x%2Fy#f", host="cad.example"), TENANT, into, 5)
    assert fetched() == b"solid"
    [(_, headers)] = web.requests
    assert headers["host"] == f"cad.example:{web.port}"
    assert headers["accept-encoding"] == "identity"
    assert not {"cookie", "authorization", "referer"} & headers.keys()
    assert web.server_names == ["cad.example"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "0",
        "①②⑦.⓪.⓪.①",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "100.64.0.1",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[::127.0.0.1]",
        "224.0.0.1",
        "good@127.0.0.1",
        "127.0.0.1\\@good",
        "good。com",
    ],
)
async def test_no_way_to_write_an_inner_address_gets_past_the_default_policy(
    strict: Fetcher, web, host: str, refusal
) -> None:
    error = await refusal(strict, f"https://{host}:{web.port}/x")
    assert (type(error), error.code) == (InvalidData, "forbidden_url")
    assert web.requests == []
    assert web.server_names == []


@pytest.mark.parametrize(
    "addresses",
    [["10.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:10.0.0.1"], ["fe80::1%2"]],
)
async def test_a_name_with_any_inner_address_is_refused(
    local: LocalStore, addresses: list[str], refusal
) -> None:
    fetcher = Fetcher(
        local, s3_bucket=None, s3=None, resolver=names(cad_example=addresses), allow=is_public
    )
    error = await refusal(fetcher, "https://cad.example/x")
    assert (type(error), error.code) == (InvalidData, "forbidden_url")


async def test_a_name_that_changes_its_address_after_the_check_gains_nothing(
    open_to_loopback, web, into: Path
) -> None:
    web.answers["/x"] = web.answer(body=b"solid")
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[Address]:
        asked.append(host)
        return [LOOPBACK if len(asked) == 1 else IPv4Address("10.0.0.1")]

    fetcher = open_to_loopback(resolver=rebinding)
    await fetcher.fetch(web.url("/x", host="cad.example"), TENANT, into, 5)
    assert asked == ["cad.example"]


@pytest.mark.parametrize("peer", [("10.0.0.1", 443), ("::1", 443, 0, 0), None])
def test_an_answer_from_another_address_than_the_checked_one_is_not_read(peer: Any) -> None:
    class Connection:
        def get_extra_info(self, info: str) -> Any:
            return {"server_addr": peer}[info]

    response = httpx2.Response(200, extensions={"network_stream": Connection()})
    with pytest.raises(InvalidData) as caught:
        _check_peer(response, LOOPBACK)
    assert caught.value.code == "forbidden_url"


async def test_the_next_address_is_tried_when_one_is_dead(
    open_to_loopback, web, into: Path, fetched
) -> None:
    web.answers["/x"] = web.answer(body=b"solid")
    fetcher = open_to_loopback(
        allow=lambda address: address.is_loopback,
        resolver=names(cad_example=["127.0.0.2", "127.0.0.1"]),
    )
    await fetcher.fetch(web.url("/x", host="cad.example"), TENANT, into, 5)
    assert fetched() == b"solid"


async def test_only_so_many_addresses_are_tried(open_to_loopback, web, refusal) -> None:
    web.answers["/x"] = web.answer(body=b"solid")
    dead = [f"127.0.0.{number}" for number in range(2, 2 + MAX_ADDRESSES)]
    fetcher = open_to_loopback(
        allow=lambda address: address.is_loopback,
        resolver=names(cad_example=[*dead, "127.0.0.1"]),
    )
    error = await refusal(fetcher, web.url("/x", host="cad.example"))
    assert (type(error), error.code) == (RetryableError, "download_failed")
    assert web.requests == []


async def test_a_certificate_for_another_name_is_not_accepted(
    open_to_loopback, web, refusal
) -> None:
    web.answers["/x"] = web.answer(body=b"solid")
    fetcher = open_to_loopback(resolver=names(evil_example=["127.0.0.1"]))
    error = await refusal(fetcher, web.url("/x", host="evil.example"))
    assert (type(error), error.code) == (RetryableError, "download_failed")
    assert web.requests == []


async def test_a_certificate_that_nobody_trusts_is_not_accepted(
    open_to_loopback, web, refusal
) -> None:
    error = await refusal(open_to_loopback(tls=None), web.url("/x"))
    assert (type(error), error.code) == (RetryableError, "download_failed")
    assert web.requests == []


async def test_an_unknown_name_is_worth_another_try(open_to_loopback, into: Path, refusal) -> None:
    error = await refusal(open_to_loopback(resolver=names()), "https://cad.example/x", into)
    assert (type(error), error.code) == (RetryableError, "download_failed")


async def test_a_proxy_of_the_environment_is_not_used(
    open_to_loopback, web, monkeypatch: pytest.MonkeyPatch, into: Path, fetched
) -> None:
    web.answers["/x"] = web.answer(body=b"solid")
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    await open_to_loopback().fetch(web.url("/x"), TENANT, into, 5)
    assert fetched() == b"solid"


# Redirects


async def test_as_many_redirects_as_allowed_are_followed_and_no_more(
    open_to_loopback, web, into: Path, fetched, refusal
) -> None:
    for number in range(MAX_REDIRECTS + 1):
        web.answers[f"/{number}"] = web.redirect(f"/{number + 1}", **{"Set-Cookie": "a=b"})
    web.answers[f"/{MAX_REDIRECTS + 1}"] = web.answer(body=b"solid")
    await open_to_loopback().fetch(web.url("/1"), TENANT, into, 5)
    assert fetched() == b"solid"
    assert not any("cookie" in headers for _, headers in web.requests)
    error = await refusal(open_to_loopback(), web.url("/0"))
    assert (type(error), error.code) == (InvalidData, "download_refused")


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/x",
        "https://127.0.0.2:{port}/x",
        "//169.254.169.254/latest/meta-data",
        "https://good@127.0.0.1:{port}/x",
        "file:///etc/passwd",
        "s3://bucket/x",
        "https://[::1",
        "https://127.0.0.1:{port}/\u00e9",
        "https://127.0.0.1:{port}/a b",
        "\\\\127.0.0.1\\x",
    ],
)
async def test_a_redirect_is_checked_like_the_first_url(
    open_to_loopback, web, location: str, refusal
) -> None:
    web.answers["/start"] = web.redirect(location.format(port=web.port))
    web.answers["/x"] = web.answer(body=b"solid")
    error = await refusal(open_to_loopback(), web.url("/start"))
    assert (type(error), error.code) == (InvalidData, "forbidden_url")
    assert len(web.requests) == 1


# Answers


@pytest.mark.parametrize("status", [204, 206, 300, 304, 401, 403, 404, 410, 451])
async def test_an_answer_that_will_not_change_is_permanent(
    open_to_loopback, web, status: int, refusal
) -> None:
    web.answers["/x"] = web.answer(status=status)
    error = await refusal(open_to_loopback(), web.url("/x?sig=secret"))
    web.answers["/x?sig=secret"] = web.answers["/x"]
    error = await refusal(open_to_loopback(), web.url("/x?sig=secret"))
    assert (type(error), error.code) == (InvalidData, "download_refused")
    assert str(status) in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_an_answer_that_may_change_is_worth_another_try(
    open_to_loopback, web, status: int, refusal
) -> None:
    web.answers["/x"] = web.answer(status=status)
    error = await refusal(open_to_loopback(), web.url("/x"))
    assert (type(error), error.code) == (RetryableError, "download_failed")


@pytest.mark.parametrize(
    ("header", "wait_ms"),
    [("7", 7_000), ("999999", 3_600_000), ("soon", None), ("-1", None), ("٣", None)],
)
async def test_the_server_may_say_when_to_come_again(
    open_to_loopback, web, header: str, wait_ms: int | None, refusal
) -> None:
    encoded = header.encode().decode("latin-1")
    web.answers["/x"] = web.answer(status=503, headers={"Retry-After": encoded})
    error = await refusal(open_to_loopback(), web.url("/x"))
    assert isinstance(error, RetryableError)
    assert error.retry_after_ms == wait_ms


async def test_the_size_limit_of_a_download_holds_to_the_byte(
    open_to_loopback, web, into: Path, fetched, refusal
) -> None:
    web.answers["/x"] = web.answer(body=b"x" * 300_000)
    await open_to_loopback().fetch(web.url("/x"), TENANT, into, 300_000)
    assert fetched() == b"x" * 300_000
    error = await refusal(open_to_loopback(), web.url("/x"), 299_999)
    assert (type(error), error.code) == (InvalidData, "file_too_large")


async def test_an_endless_download_is_cut_off(open_to_loopback, web, refusal) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)  # drain alone would not let go of the loop once the client left

    chunked = {"Transfer-Encoding": "chunked", "Content-Length": ""}
    web.answers["/x"] = web.answer(headers=chunked, then=endless)
    error = await refusal(open_to_loopback(), web.url("/x"), 1_000_000)
    assert (type(error), error.code) == (InvalidData, "file_too_large")


async def test_a_dribbling_server_meets_the_total_timeout(open_to_loopback, web, refusal) -> None:
    async def dribble(writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    web.answers["/x"] = web.answer(headers={"Content-Length": "1000000"}, then=dribble)
    fetcher = open_to_loopback(total_timeout_s=0.5)
    error = await refusal(fetcher, web.url("/x"), 1_000_000)
    assert (type(error), error.code) == (RetryableError, "download_timeout")


async def test_a_download_that_breaks_off_is_worth_another_try(
    open_to_loopback, web, refusal
) -> None:
    web.answers["/x"] = web.answer(body=b"short", headers={"Content-Length": "6"})
    error = await refusal(open_to_loopback(), web.url("/x"))
    assert (type(error), error.code) == (RetryableError, "download_failed")


async def test_a_compressed_body_is_refused_and_never_unpacked(
    open_to_loopback, web, refusal
) -> None:
    packed = gzip.compress(b"x" * 1_000_000)
    web.answers["/x"] = web.answer(body=packed, headers={"Content-Encoding": "gzip"})
    error = await refusal(open_to_loopback(), web.url("/x"), 2_000_000)
    assert (type(error), error.code) == (InvalidData, "download_refused")


async def test_what_is_no_http_is_worth_another_try(
    open_to_loopback, certificates, refusal
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificates.server)
    port = server.sockets[0].getsockname()[1]
    error = await refusal(open_to_loopback(), f"https://127.0.0.1:{port}/x")
    assert (type(error), error.code) == (RetryableError, "download_failed")
    server.close()


async def test_a_cancelled_download_leaves_nothing(
    open_to_loopback, web, into: Path, fetched
) -> None:
    begun = asyncio.Event()

    async def stall(writer: asyncio.StreamWriter) -> None:
        await writer.drain()
        begun.set()
        await asyncio.sleep(3600)

    web.answers["/x"] = web.answer(
        body=b"x" * 300_000, headers={"Content-Length": "1000000"}, then=stall
    )
    task = asyncio.ensure_future(open_to_loopback().fetch(web.url("/x"), TENANT, into, 1_000_000))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert fetched() is None


async def test_a_folder_that_is_not_there_is_no_fault_of_the_file(
    strict: Fetcher, local: LocalStore, tmp_path: Path
) -> None:
    await local.put("acme/uploads/p", b"x", name="p.stl", content_type="model/stl")
    with pytest.raises(RetryableError):
        await strict.fetch("file-store://acme/uploads/p", TENANT, tmp_path / "none" / "p", 5)
