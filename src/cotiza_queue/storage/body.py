"""What every store does with a body on its way in: cut, count and hash it, give it a safe name.

Refuses a body above its limit (TooLarge), and a content type that is not one (InvalidInput).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator

from ..errors import FieldError, InvalidInput, TooLarge
from .protocol import CHUNK_BYTES

MAX_BLOB_BYTES = 5 * 1024**3
"""The most that any store keeps in one file: what one S3 PUT may carry (S3 User Guide)."""
MAX_NAME_BYTES = 255
"""The longest file name that the usual file systems take, in UTF-8 bytes (NAME_MAX of Linux)."""
MAX_SUFFIX_BYTES = 16
"""An ending up to this long survives when a long name is cut."""
MAX_CONTENT_TYPE_CHARACTERS = 255

_WORD = r"[0-9A-Za-z!#$%&'*+.^_`|~-]+"
_CONTENT_TYPE = re.compile(rf'{_WORD}/{_WORD}(?:[ \t]*;[ \t]*{_WORD}=(?:{_WORD}|"[ !#-\[\]-~]*"))*')
_FORBIDDEN_IN_NAMES = re.compile(r'[<>:"|?*]')
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Meter:
    """Counts and hashes what passes. ``size`` in bytes."""

    def __init__(self, max_bytes: int | None) -> None:
        self._limit = MAX_BLOB_BYTES if max_bytes is None else min(max_bytes, MAX_BLOB_BYTES)
        self._hash = hashlib.sha256()
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Raises TooLarge with the first byte above the limit."""
        self.size += len(piece)
        if self.size > self._limit:
            raise TooLarge(
                f"the file is larger than {self._limit:,} bytes", details={"maxBytes": self._limit}
            )
        self._hash.update(piece)

    @property
    def sha256(self) -> str:
        """Lower-case hex of all that was added."""
        return self._hash.hexdigest()

    @property
    def digest(self) -> bytes:
        """The same as 32 bytes."""
        return self._hash.digest()


async def pieces(body: bytes | AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The body in order, in pieces of ``CHUNK_BYTES`` of which only the last may be shorter.

    A body that is a generator is closed when the pieces end, also when they end early.
    """
    if isinstance(body, bytes):
        for start in range(0, len(body), CHUNK_BYTES):
            yield body[start : start + CHUNK_BYTES]
        return
    gathered = bytearray()
    try:
        async for chunk in body:
            gathered += chunk
            while len(gathered) >= CHUNK_BYTES:
                yield bytes(gathered[:CHUNK_BYTES])
                del gathered[:CHUNK_BYTES]
        if gathered:
            yield bytes(gathered)
    finally:
        if isinstance(body, AsyncGenerator):
            await body.aclose()


def display_name(name: str) -> str:
    """A file name fit to show and to save under: the last part of a path, all of it visible.

    Control and direction-changing characters go (a name that reads ``partslt.exe`` backwards
    deceives), so do those that Windows forbids; the result is 1 to 255 bytes of UTF-8 and keeps a
    short ending.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    visible = "".join(sign for sign in last if unicodedata.category(sign) not in _INVISIBLE)
    clean = _FORBIDDEN_IN_NAMES.sub("_", visible).strip(" .")
    if len(clean.encode()) > MAX_NAME_BYTES:
        stem, dot, suffix = clean.rpartition(".")
        if not stem or len(suffix.encode()) > MAX_SUFFIX_BYTES:
            stem, dot, suffix = clean, "", ""
        room = MAX_NAME_BYTES - len((dot + suffix).encode())
        clean = stem.encode()[:room].decode(errors="ignore") + dot + suffix
    return clean or "file"


def check_content_type(content_type: str) -> str:
    """The content type itself, or InvalidInput: a media type as in RFC 9110 §8.3.1."""
    if len(content_type) > MAX_CONTENT_TYPE_CHARACTERS or not _CONTENT_TYPE.fullmatch(content_type):
        raise InvalidInput(
            "that is not a content type",
            fields=[
                FieldError("contentType", f"type/subtype, {MAX_CONTENT_TYPE_CHARACTERS} at most")
            ],
        )
    return content_type
