"""What processors save and read. Every call names the tenant; nothing crosses it."""

from __future__ import annotations

from typing import Protocol

import msgspec


class AnalysisRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The latest analysis of a file. ``result``: the FileAnalysisResult as JSON bytes."""

    tenant: str
    file_id: str
    file_name: str
    sha256: str
    process: str
    result: bytes
    job_id: str
    token: int
    saved_ms: int


class QuoteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A priced quote. ``result``: the QuoteResult as JSON bytes; ``payload``: the request it
    answers.
    """

    tenant: str
    quote_id: str
    payload: bytes
    result: bytes
    job_id: str
    token: int
    saved_ms: int


class Records(Protocol):
    """Reads and conditional writes. A save with a lower ``token`` than the stored one *of the same
    job* is ignored
    (a zombie's); a save by another job replaces. Raises RetryableError when the database is
    unreachable.
    """

    async def save_analysis(self, record: AnalysisRecord) -> bool:
        """False if the stored record of the same job carries a higher token."""
        ...

    async def analysis(self, tenant: str, file_id: str) -> AnalysisRecord:
        """Raises NotFound."""
        ...

    async def save_quote(self, record: QuoteRecord) -> bool: ...

    async def quote(self, tenant: str, quote_id: str) -> QuoteRecord:
        """Raises NotFound."""
        ...

    async def close(self) -> None: ...
