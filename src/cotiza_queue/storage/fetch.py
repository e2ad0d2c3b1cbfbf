"""Brings the file that a job names to a local path: from our store, our bucket or the public web.

- ``file-store://<key>``: the blob store; the key must be the tenant's.
- ``s3://<bucket>/<key>``: the configured bucket only, and only below ``<tenant>/``.
- ``https://…``: a public server. The name is resolved once, every address it has must be allowed,
  and the connection goes to one of these very addresses, so a name that changes its mind between
  check and use gains nothing. The certificate must be the name's. No proxy, no cookies, no
  credentials. Redirects are followed by hand, each one checked like the first URL, and never to
  plain HTTP. The body is taken as it comes: a compressed one is refused.

Refuses everything else with InvalidData, whose code says why; a fault that may pass is a
RetryableError.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from ipaddress import ip_address
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin

import httpx2

from ..errors import InvalidData, InvalidInput, NotFound, RetryableError
from .body import pieces
from .guard import Address, Target, check_url, forbidden, is_public, literal
from .offload import in_thread
from .protocol import SCHEME, BlobStore, key_of_url

if TYPE_CHECKING:
    from .s3 import S3Store

TOTAL_TIMEOUT_S = 120.0
"""One download from the web, redirects and name resolution included."""
CONNECT_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 15.0
"""Without a byte, before the answer or within it."""
MAX_REDIRECTS = 3
MAX_ADDRESSES = 4
"""How many of a name's addresses are tried."""
MAX_RETRY_AFTER_S = 3600

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_LATER = frozenset({408, 425, 429})
# What S3 calls safe in keys, and of what may need care only what a URL holds as it is (S3 User
# Guide, "Naming Amazon S3 objects"). A percent sign stays out: it would be a literal to one reader
# and an escape to another.
_S3_URL = re.compile(
    r"s3://([0-9a-z][0-9a-z.-]{1,61}[0-9a-z])/([0-9A-Za-z!_.*'()&$@=;:+,/-]{1,1024})"
)
_HEADERS = {"User-Agent": "cotiza-queue", "Accept": "*/*", "Accept-Encoding": "identity"}

Resolver = Callable[[str, int], Awaitable[list[Address]]]


async def resolve(host: str, port: int) -> list[Address]:
    """All addresses of a host name, in the order to try them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))


class Fetcher:
    """Fetches for all tenants; holds no connection between calls.

    ``allow`` judges each address of a web server and is strict by default; ``resolver`` looks names
    up; ``tls`` replaces the system's trusted certificates; ``total_timeout_s`` bounds one download
    from the web.
    """

    def __init__(
        self,
        blobs: BlobStore,
        *,
        s3_bucket: str | None,
        s3: S3Store | None,
        allow: Callable[[Address], bool] = is_public,
        resolver: Resolver = resolve,
        tls: ssl.SSLContext | None = None,
        total_timeout_s: float = TOTAL_TIMEOUT_S,
    ) -> None:
        self._blobs = blobs
        self._s3_bucket = s3_bucket
        self._s3 = s3
        self._allow = allow
        self._resolver = resolver
        self._tls = tls
        self._total_timeout_s = total_timeout_s

    async def fetch(self, url: str, tenant: str, into: Path, max_bytes: int) -> None:
        """Write the file to ``into``, whose folder exists; on failure nothing is left there.

        Raises InvalidData: ``forbidden_url``, ``file_not_found``, ``file_too_large`` (more than
        ``max_bytes``), ``download_refused``, ``s3_not_configured``. Raises RetryableError
        ``download_failed`` or ``download_timeout`` for the web, and what the stores raise.
        """
        try:
            if url.startswith(SCHEME):
                await _save(self._stored(url, tenant), into, max_bytes)
            elif url.startswith("s3://"):
                await _save(self._bucket_object(url, tenant), into, max_bytes)
            else:
                await self._download(url, into, max_bytes)
        except BaseException as error:
            await in_thread(into.unlink, missing_ok=True)
            if isinstance(error, NotFound):
                raise InvalidData("the file does not exist", code="file_not_found") from None
            raise

    def _stored(self, url: str, tenant: str) -> AsyncIterator[bytes]:
        try:
            return self._blobs.open(key_of_url(url, tenant))
        except InvalidInput as error:
            code = "file_not_found" if error.code == "file_not_found" else "forbidden_url"
            raise InvalidData(error.message, code=code) from None

    def _bucket_object(self, url: str, tenant: str) -> AsyncIterator[bytes]:
        if self._s3 is None or self._s3_bucket is None:
            raise InvalidData(
                "s3:// files can't be read here",
                code="s3_not_configured",
                remedy="Set S3_BUCKET and its credentials, or upload the file instead.",
            )
        match = _S3_URL.fullmatch(url)
        if match is None or match[1] != self._s3_bucket:
            raise forbidden("only files of the configured bucket can be read")
        segments = match[2].split("/")
        if (
            segments[0] != tenant
            or len(segments) < 2
            or any(not part.strip(".") for part in segments)
        ):
            raise forbidden("only files of the own tenant can be read")
        return self._s3.open_object(match[2])

    async def _download(self, url: str, into: Path, max_bytes: int) -> None:
        try:
            async with asyncio.timeout(self._total_timeout_s):
                for _ in range(MAX_REDIRECTS + 1):
                    location = await self._hop(check_url(url), into, max_bytes)
                    if location is None:
                        return
                    url = _next(url, location)
        except TimeoutError:
            raise RetryableError(
                f"the download did not end within {self._total_timeout_s:g} seconds",
                code="download_timeout",
            ) from None
        raise InvalidData(
            f"the server redirects more than {MAX_REDIRECTS} times", code="download_refused"
        )

    async def _hop(self, target: Target, into: Path, max_bytes: int) -> str | None:
        """One request: the body is saved, or the address to go to next is returned."""
        for address in await self._addresses(target):
            try:
                return await self._get(target, address, into, max_bytes)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
            except httpx2.TimeoutException:
                raise RetryableError("the server fell silent", code="download_timeout") from None
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise _failed(f"the download broke off ({type(error).__name__})") from None
        raise _failed("no secure connection to the server could be made")

    async def _addresses(self, target: Target) -> list[Address]:
        known = literal(target.host)
        try:
            addresses = [known] if known else await self._resolver(target.host, target.port)
        except (OSError, ValueError):
            raise _failed("the server's name can't be resolved") from None
        if not addresses:
            raise _failed("the server's name has no address")
        if not all(self._allow(address) for address in addresses):
            raise forbidden("its host is not a public server")
        return addresses[:MAX_ADDRESSES]

    async def _get(
        self, target: Target, address: Address, into: Path, max_bytes: int
    ) -> str | None:
        if self._tls is None:
            self._tls = await in_thread(httpx2.create_ssl_context)
        host = f"[{address}]" if address.version == 6 else str(address)
        timeout = httpx2.Timeout(SILENCE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        async with (
            httpx2.AsyncClient(verify=self._tls, trust_env=False, timeout=timeout) as client,
            client.stream(
                "GET",
                httpx2.URL(f"https://{host}:{target.port}", raw_path=target.path.encode()),
                headers=_HEADERS | {"Host": target.authority},
                # The connection goes to the address; name and certificate are still the host's.
                extensions={"sni_hostname": target.host},
            ) as response,
        ):
            _check_peer(response, address)
            if response.status_code in _REDIRECTS and "location" in response.headers:
                return response.headers["location"]
            _check_answer(response, max_bytes)
            await _save(response.aiter_raw(), into, max_bytes)
        return None


def _next(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise forbidden("it redirects to what is no URL") from None


async def _save(body: AsyncIterator[bytes], into: Path, max_bytes: int) -> None:
    size = 0
    try:
        with await in_thread(into.open, "wb", buffering=0) as file:
            async with aclosing(pieces(body)) as parts:
                async for piece in parts:
                    size += len(piece)
                    if size > max_bytes:
                        raise _too_large(max_bytes)
                    await in_thread(_write, file, piece)
    except OSError as error:
        raise RetryableError(
            f"the file can't be written here: {error.strerror}", code="storage_unavailable"
        ) from error


def _write(file: IO[bytes], piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


def _check_peer(response: httpx2.Response, address: Address) -> None:
    """The answer is read only if it comes from the address that was allowed."""
    peer = response.extensions["network_stream"].get_extra_info("server_addr")
    if peer is None or ip_address(peer[0]) != address:
        raise forbidden("its server is not where it should be")


def _check_answer(response: httpx2.Response, max_bytes: int) -> None:
    status = response.status_code
    if status >= 500 or status in _TRY_LATER:
        seconds = _number(response, "retry-after")
        raise RetryableError(
            f"the server answered {status}",
            code="download_failed",
            retry_after_ms=min(seconds, MAX_RETRY_AFTER_S) * 1000 if seconds else None,
        )
    if status != 200:
        raise InvalidData(
            f"the server answered {status}",
            code="download_refused",
            remedy="Check that the URL is complete and has not expired.",
        )
    if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise InvalidData(
            "the server sent a compressed body that was not asked for", code="download_refused"
        )
    if (_number(response, "content-length") or 0) > max_bytes:
        raise _too_large(max_bytes)


def _number(response: httpx2.Response, header: str) -> int | None:
    """The header's value if it is a plain number of at most 15 digits."""
    text = response.headers.get(header, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


def _too_large(max_bytes: int) -> InvalidData:
    return InvalidData(
        f"the file is larger than {max_bytes:,} bytes",
        code="file_too_large",
        details={"maxBytes": max_bytes},
    )


def _failed(reason: str) -> RetryableError:
    return RetryableError(reason, code="download_failed")
