"""A zip archive from a stranger: read as a stream, with every size bounded before and while it
inflates.

Refuses archives that are cut off, encrypted, oversized, ambiguous (a name twice) or inflate beyond
reason. Nothing is ever written to disk, so paths in it lead nowhere.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from ..faults import Fault, refuse
from ..limits import (
    MAX_INFLATED_BYTES,
    MAX_INFLATION_RATIO,
    MAX_ZIP_ENTRIES,
    RATIO_COUNTS_FROM_BYTES,
)

_CHUNK_BYTES = 256 * 1024
_ENCRYPTED = 1


class Archive:
    """The entries of a zip file by name, without leading slash, letter case ignored (OPC,
    ECMA-376-2).
    """

    def __init__(self, path: Path) -> None:
        """Raises InvalidData: TRUNCATED, CORRUPT, LIMIT_EXCEEDED, UNSUPPORTED_FEATURE."""
        try:
            self._zip = ZipFile(path)
        except (BadZipFile, struct.error, ValueError, OverflowError, NotImplementedError) as error:
            raise refuse(
                Fault.TRUNCATED, f"the zip archive has no readable directory: {error}"
            ) from None
        self._entries: dict[str, ZipInfo] = {}
        self._inflated = 0
        infos = self._zip.infolist()
        if len(infos) > MAX_ZIP_ENTRIES:
            raise refuse(
                Fault.LIMIT_EXCEEDED,
                f"the archive has {len(infos):,} entries; the limit is {MAX_ZIP_ENTRIES:,}",
            )
        for info in infos:
            name = _name(info.filename)
            if name in self._entries:
                raise refuse(Fault.CORRUPT, f"the archive has two entries named {name[:80]!r}")
            self._entries[name] = info
        _check_sizes(
            sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
        )

    def __contains__(self, name: str) -> bool:
        return _name(name) in self._entries

    def chunks(self, name: str) -> Iterator[bytes]:
        """The inflated bytes of an entry. Raises InvalidData as soon as something is wrong."""
        info = self._entries.get(_name(name))
        if info is None:
            raise refuse(Fault.CORRUPT, f"the archive lacks its part {name[:80]!r}")
        if info.flag_bits & _ENCRYPTED:
            raise refuse(Fault.UNSUPPORTED_FEATURE, "the archive is encrypted")
        try:
            with self._zip.open(info) as entry:
                while chunk := entry.read(_CHUNK_BYTES):
                    self._inflated += len(chunk)
                    _check_sizes(self._inflated, None)
                    yield chunk
        except NotImplementedError as error:
            raise refuse(Fault.UNSUPPORTED_FEATURE, f"{name[:80]!r}: {error}") from None
        except EOFError:
            raise refuse(Fault.TRUNCATED, f"the entry {name[:80]!r} breaks off") from None
        except (BadZipFile, zlib.error, struct.error, ValueError, OSError) as error:
            raise refuse(Fault.CORRUPT, f"the entry {name[:80]!r} is damaged: {error}") from None


def _name(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def _check_sizes(inflated: int, compressed: int | None) -> None:
    if inflated > MAX_INFLATED_BYTES:
        raise refuse(
            Fault.LIMIT_EXCEEDED,
            f"the archive inflates to {inflated:,} bytes; the limit is {MAX_INFLATED_BYTES:,}",
        )
    if compressed is None or inflated <= RATIO_COUNTS_FROM_BYTES:
        return
    if inflated > MAX_INFLATION_RATIO * max(compressed, 1):
        raise refuse(
            Fault.LIMIT_EXCEEDED,
            f"the archive inflates {inflated / max(compressed, 1):,.0f} times; "
            f"the limit is {MAX_INFLATION_RATIO}",
        )
