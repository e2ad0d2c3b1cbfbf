"""The contract of a blob store, and the rules of its keys."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from ..errors import FieldError, InvalidInput

SCHEME = "file-store://"
CHUNK_BYTES = 256 * 1024
_SEGMENT = re.compile(r"[0-9A-Za-z_.:@-]{1,128}")


class BlobInfo(msgspec.Struct, frozen=True, kw_only=True):
    """``size`` in bytes, ``sha256`` in lower-case hex. ``name``: the file name to show, not part of
    the key.
    """

    key: str
    size: int
    sha256: str
    content_type: str
    name: str


class BlobStore(Protocol):
    """Where bytes lie. All errors: NotFound, TooLarge, InvalidInput (bad key), RetryableError
    (store unreachable).
    """

    async def put(
        self,
        key: str,
        body: bytes | AsyncIterator[bytes],
        *,
        name: str,
        content_type: str,
        max_bytes: int | None = None,
    ) -> BlobInfo:
        """Store a body under a key, replacing what is there. A half-written body is never visible.

        Raises TooLarge as soon as more than ``max_bytes`` have come; nothing is kept then.
        """
        ...

    async def info(self, key: str) -> BlobInfo:
        """What is known of a file. Raises NotFound."""
        ...

    def open(self, key: str) -> AsyncIterator[bytes]:
        """The file's bytes in chunks. Raises NotFound at the first chunk."""
        ...

    async def delete(self, key: str) -> bool:
        """Remove a file; False if there was none."""
        ...

    async def close(self) -> None: ...


def blob_key(tenant: str, kind: str, name: str) -> str:
    """The key of a tenant's file. Raises InvalidInput if a part is not 1–128 of ``0-9A-Za-z_.:@-``
    or is dots only.
    """
    key = f"{tenant}/{kind}/{name}"
    check_key(key)
    return key


def check_key(key: str) -> str:
    """The key itself, or InvalidInput: three safe segments, no ``..``."""
    segments = key.split("/")
    if len(segments) != 3 or not all(
        _SEGMENT.fullmatch(part) and part.strip(".") for part in segments
    ):
        raise InvalidInput(
            "that is not the key of a stored file", fields=[FieldError("key", "tenant/kind/name")]
        )
    return key


def url_of_key(key: str) -> str:
    """``file-store://<key>``."""
    return SCHEME + key


def key_of_url(url: str, tenant: str) -> str:
    """The key that a ``file-store://`` URL names. Raises InvalidInput for another tenant's, or for
    any other URL.
    """
    if not url.startswith(SCHEME):
        raise InvalidInput(
            "not a file-store URL", fields=[FieldError("fileUrl", "file-store://<key>")]
        )
    key = check_key(url.removeprefix(SCHEME))
    if key.split("/", 1)[0] != tenant:
        raise InvalidInput(
            "no such file", code="file_not_found", fields=[FieldError("fileUrl", "no such file")]
        )
    return key
