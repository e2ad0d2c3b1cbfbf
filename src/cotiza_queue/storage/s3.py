"""Files in a bucket of Amazon S3, or of anything that speaks its protocol (``S3_ENDPOINT_URL``).

A body is first gathered in a temporary file, then sent with one PUT: only then are its size and its
hash known, which travel with it as metadata, and a PUT appears as a whole or not at all. The server
checks the SHA-256 that is sent along, so the body itself needs no second hash for the signature.
Signatures are version 4.

Refuses an object that was not stored by this class (``info``: NotFound), as nothing would vouch for
its hash.
"""

from __future__ import annotations

import asyncio
import base64
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, contextmanager
from typing import IO, Any
from urllib.parse import quote, unquote

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from ..errors import ConfigurationError, CotizaError, NotFound, PermanentError, RetryableError
from ..settings import Settings
from .body import Meter, check_content_type, display_name, pieces
from .offload import in_thread
from .protocol import CHUNK_BYTES, BlobInfo, check_key

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
"""Seconds without a byte. A file may take longer in all: its job has a timeout of its own."""
CALL_ATTEMPTS = 2
"""One quick repetition smooths over a dropped connection; then the job's retry policy rules."""
MAX_CONNECTIONS = 20

_ENDPOINT = re.compile(r"https?://[0-9A-Za-z.\-\[\]:]+/?")
_MISSING = frozenset({"NoSuchKey", "NotFound", "404"})
_TEMPORARY = frozenset(
    {"SlowDown", "RequestTimeout", "Throttling", "BadDigest", "InternalError", "ServiceUnavailable"}
)


class S3Store:
    """A ``BlobStore`` in the bucket that the settings name.

    Without ``aws_access_key_id`` the usual AWS sources give the credentials (role of the instance
    or of the pod). The connection opens on the first call; ``close`` ends it. Beside the protocol's
    errors: PermanentError ``storage_forbidden`` (credentials or rights), ``storage_bucket_missing``
    or ``storage_refused``; RetryableError ``storage_unavailable``, or ``storage_full`` when there
    is no room to gather a body.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigurationError: no bucket, half a credential, an endpoint that is no URL."""
        if not settings.s3_bucket:
            raise ConfigurationError("no bucket is set", remedy="Set S3_BUCKET.")
        if bool(settings.aws_access_key_id) != bool(settings.aws_secret_access_key):
            raise ConfigurationError(
                "half a credential is set",
                remedy="Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither.",
            )
        if settings.s3_endpoint_url and not _ENDPOINT.fullmatch(settings.s3_endpoint_url):
            raise ConfigurationError(
                "the S3 endpoint is not a URL",
                remedy="Set S3_ENDPOINT_URL to http(s)://host[:port].",
            )
        self.bucket = settings.s3_bucket
        self._options: dict[str, Any] = {
            "region_name": settings.aws_region,
            "endpoint_url": settings.s3_endpoint_url,
            "aws_access_key_id": settings.aws_access_key_id,
            "aws_secret_access_key": settings.aws_secret_access_key,
        }
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def put(
        self,
        key: str,
        body: bytes | AsyncIterator[bytes],
        *,
        name: str,
        content_type: str,
        max_bytes: int | None = None,
    ) -> BlobInfo:
        check_key(key)
        check_content_type(content_type)
        meter = Meter(max_bytes)
        with tempfile.TemporaryFile() as gathered:
            async with aclosing(pieces(body)) as parts:
                async for piece in parts:
                    await in_thread(_gather, gathered, piece, meter)
            info = BlobInfo(
                key=key,
                size=meter.size,
                sha256=meter.sha256,
                content_type=content_type,
                name=display_name(name),
            )
            await in_thread(_rewind, gathered)
            with _explained():
                client = await self._connected()
                await client.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=gathered,
                    ContentLength=info.size,
                    ContentType=info.content_type,
                    ChecksumSHA256=base64.b64encode(meter.digest).decode(),
                    # User metadata is ASCII and at most 2 kB (S3 User Guide, "Working with object
                    # metadata").
                    Metadata={"sha256": info.sha256, "name": quote(info.name)},
                )
        return info

    async def info(self, key: str) -> BlobInfo:
        check_key(key)
        with _explained():
            client = await self._connected()
            answer = await client.head_object(Bucket=self.bucket, Key=key)
        metadata = answer["Metadata"]
        if "sha256" not in metadata or "name" not in metadata:
            raise NotFound("no such file")
        return BlobInfo(
            key=key,
            size=answer["ContentLength"],
            sha256=metadata["sha256"],
            content_type=answer["ContentType"],
            name=unquote(metadata["name"]),
        )

    def open(self, key: str) -> AsyncIterator[bytes]:
        return self.open_object(check_key(key))

    async def open_object(self, key: str) -> AsyncIterator[bytes]:
        """Any object of the bucket, also what others put there. The caller checks whose it is."""
        with _explained():
            client = await self._connected()
            answer = await client.get_object(Bucket=self.bucket, Key=key)
            async with (
                answer["Body"] as body,
                aclosing(pieces(body.iter_chunks(CHUNK_BYTES))) as parts,
            ):
                async for piece in parts:
                    yield piece

    async def delete(self, key: str) -> bool:
        try:
            await self.info(key)
        except NotFound:
            return False
        with _explained():
            client = await self._connected()
            await client.delete_object(Bucket=self.bucket, Key=key)
        return True

    async def close(self) -> None:
        async with self._opening:
            self._client = None
            await self._stack.aclose()

    async def _connected(self) -> Any:
        async with self._opening:
            if self._client is None:
                self._client = await self._stack.enter_async_context(
                    get_session().create_client("s3", config=self._config(), **self._options)
                )
            return self._client

    def _config(self) -> AioConfig:
        return AioConfig(
            signature_version="s3v4",
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            max_pool_connections=MAX_CONNECTIONS,
            retries={"total_max_attempts": CALL_ATTEMPTS, "mode": "standard"},
            # Both would read the whole body on the event loop; the SHA-256 header does their work.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={
                "payload_signing_enabled": False,
                # A server of one's own seldom has a DNS name per bucket.
                "addressing_style": "path" if self._options["endpoint_url"] else "auto",
            },
        )


def _gather(file: IO[bytes], piece: bytes, meter: Meter) -> None:
    meter.add(piece)
    try:
        file.write(piece)
    except OSError as error:
        raise _no_room(error) from error


def _rewind(file: IO[bytes]) -> None:
    try:
        file.seek(0)  # writes out what is still buffered
    except OSError as error:
        raise _no_room(error) from error


def _no_room(error: OSError) -> RetryableError:
    return RetryableError(
        f"the file can't be gathered before it is sent: {error.strerror}",
        code="storage_full",
        remedy="Free space in the folder for temporary files.",
    )


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _refusal(error) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise _forbidden("no credentials") from error
    except ParamValidationError as error:
        raise PermanentError("S3 can't take that request", code="storage_refused") from error
    except (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise RetryableError(
            f"S3 can't be reached ({type(error).__name__})", code="storage_unavailable"
        ) from error


def _refusal(error: ClientError) -> CotizaError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _MISSING:
        return NotFound("no such file")
    if code == "NoSuchBucket":
        return PermanentError(
            "the bucket does not exist",
            code="storage_bucket_missing",
            remedy="Create the bucket, or correct S3_BUCKET and AWS_REGION.",
        )
    if status >= 500 or status == 429 or code in _TEMPORARY:
        return RetryableError(
            f"S3 is not available now ({code or status})", code="storage_unavailable"
        )
    if status in (401, 403):
        return _forbidden(code or str(status))
    return PermanentError(f"S3 refused the request ({code or status})", code="storage_refused")


def _forbidden(reason: str) -> PermanentError:
    return PermanentError(
        f"S3 does not let us in ({reason})",
        code="storage_forbidden",
        remedy="Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the rights on the bucket.",
    )
