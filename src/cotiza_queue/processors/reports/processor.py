"""The processor: reads the quote, has it drawn in a child process, stores the file.

The key of the file comes from the job's id, and every byte of it from the records and the moment of
enqueueing: a retry replaces the file by itself. What can't be had is left out and never invented: a
quote without an analysis has no thumbnails and no measures.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple

import msgspec

from cotiza_queue.clock import Clock, iso
from cotiza_queue.errors import InvalidData, InvalidInput, NotFound, PermanentError, TooLarge
from cotiza_queue.jobtypes import (
    FileAnalysisResult,
    QuoteCalculation,
    QuoteResult,
    ReportGeneration,
    ReportResult,
)
from cotiza_queue.model.context import JobContext
from cotiza_queue.records import QuoteRecord, Records
from cotiza_queue.storage import BlobStore, blob_key, key_of_url, url_of_key

from .child import render
from .quote import QuoteDocument, Source, compose
from .words import WORDS

MEMORY_BYTES: Final = 1024**3
"""Address space of the drawing process: a thousand lines with pictures stay well below half."""
MAX_REPORT_BYTES: Final = 50 * 1024**2
MAX_THUMBNAIL_BYTES: Final = 512 * 1024
MAX_ALL_THUMBNAILS_BYTES: Final = 16 * 1024**2
"""The rest of a quote's parts are printed without a picture."""
MAX_NAME: Final = 80
_PNG: Final = b"\x89PNG\r\n\x1a\n"


class Output(NamedTuple):
    """How a format is called on disk and on the wire."""

    suffix: str
    content_type: str


OUTPUTS: Final = {
    "pdf": Output("pdf", "application/pdf"),
    "excel": Output("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "csv": Output("csv", "text/csv; charset=utf-8"),
}


class GenerateReport:
    """Makes a report, for now of quotes only."""

    def __init__(self, records: Records, blobs: BlobStore, clock: Clock) -> None:
        self._records = records
        self._blobs = blobs
        self._clock = clock

    async def __call__(self, payload: ReportGeneration, context: JobContext) -> ReportResult:
        """Draw and store the report.

        Raises InvalidData (no entity), PermanentError ``report_not_available``, ``quote_not_found``
        or ``quote_inconsistent``, RetryableError when the database or the store is away.
        """
        if payload.report_type != "quote":
            raise PermanentError(
                f"reports of the type {payload.report_type!r} are not available yet",
                code="report_not_available",
                remedy="Ask for a report of the type 'quote'.",
            )
        if payload.entity_id is None:
            raise InvalidData(
                "data.entityId: a quote report needs the id of its quote",
                remedy="Send entityId.",
                details={"fields": ["data.entityId"]},
            )
        context.progress(5, "read", "Reading the quote")
        source = await self._read(context.tenant, payload.entity_id, payload)
        document = compose(source, payload.options, context.created_ms)
        context.progress(30, "draw", f"Drawing {len(document.lines)} lines")
        started = self._clock.monotonic()
        body = await context.run_in_process(
            render, payload.format, document, memory_bytes=MEMORY_BYTES
        )
        spent_ms = round((self._clock.monotonic() - started) * 1000)
        context.progress(85, "store", "Storing the file", drawMs=spent_ms)
        result = await self._store(payload, document, body, context)
        context.progress(100, "done", result.file_name)
        return result

    async def _read(self, tenant: str, quote_id: str, payload: ReportGeneration) -> Source:
        try:
            record = await self._records.quote(tenant, quote_id)
        except NotFound:
            raise PermanentError(
                f"there is no quote {quote_id!r}",
                code="quote_not_found",
                remedy="Run quote-calculation first, then ask for the report.",
            ) from None
        request, result = _decode(record)
        analyses: dict[str, FileAnalysisResult] = {}
        thumbnails: dict[str, bytes] = {}
        if payload.options.include_item_details or payload.options.include_technical_specs:
            for file_id in dict.fromkeys(item.file_id for item in result.items):
                analysis = await self._analysis(tenant, file_id)
                if analysis is not None:
                    analyses[file_id] = analysis
        if payload.format == "pdf" and payload.options.include_item_details:
            thumbnails = await self._thumbnails(tenant, analyses)
        return Source(
            request=request,
            result=result,
            saved_ms=record.saved_ms,
            analyses=analyses,
            thumbnails=thumbnails,
        )

    async def _analysis(self, tenant: str, file_id: str) -> FileAnalysisResult | None:
        """The analysis of a file; None if there is none any more, or one that can't be read."""
        try:
            record = await self._records.analysis(tenant, file_id)
            return msgspec.json.decode(record.result, type=FileAnalysisResult)
        except (NotFound, msgspec.DecodeError):
            return None

    async def _thumbnails(
        self, tenant: str, analyses: dict[str, FileAnalysisResult]
    ) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        room = MAX_ALL_THUMBNAILS_BYTES
        for file_id, analysis in analyses.items():
            url = analysis.artifacts.thumbnail_url
            picture = await self._picture(tenant, url) if url else b""
            if picture.startswith(_PNG) and len(picture) <= room:
                found[file_id] = picture
                room -= len(picture)
        return found

    async def _picture(self, tenant: str, url: str) -> bytes:
        """The bytes of a stored picture; none if it is gone, too large, or not the tenant's."""
        try:
            key = key_of_url(url, tenant)
            if (await self._blobs.info(key)).size > MAX_THUMBNAIL_BYTES:
                return b""
            return b"".join([chunk async for chunk in self._blobs.open(key)])
        except (NotFound, InvalidInput):
            return b""

    async def _store(
        self,
        payload: ReportGeneration,
        document: QuoteDocument,
        body: bytes,
        context: JobContext,
    ) -> ReportResult:
        output = OUTPUTS[payload.format]
        report_id = hashlib.sha256(f"report:{context.job_id}".encode()).hexdigest()[:32]
        key = blob_key(context.tenant, "reports", f"{report_id}.{output.suffix}")
        name = f"{file_stem(document)}.{output.suffix}"
        try:
            info = await self._blobs.put(
                key,
                body,
                name=name,
                content_type=output.content_type,
                max_bytes=MAX_REPORT_BYTES,
            )
        except TooLarge:
            raise PermanentError(
                f"the report is larger than {MAX_REPORT_BYTES:,} bytes",
                code="report_too_large",
                remedy="Ask for it without item details, or as CSV.",
            ) from None
        return ReportResult(
            report_id=report_id,
            report_type=payload.report_type,
            format=payload.format,
            file_url=url_of_key(key),
            file_name=name,
            file_size=info.size,
            generated_at=iso(context.created_ms),
        )


def file_stem(document: QuoteDocument) -> str:
    """``Cotizacion-Q-123``: safe on every file system, without ending."""
    number = re.sub(r"[^0-9A-Za-z_-]+", "-", document.number).strip("-")[:MAX_NAME]
    return f"{WORDS[document.language].document}-{number or 'x'}"


def _decode(record: QuoteRecord) -> tuple[QuoteCalculation, QuoteResult]:
    try:
        return (
            msgspec.json.decode(record.payload, type=QuoteCalculation),
            msgspec.json.decode(record.result, type=QuoteResult),
        )
    except msgspec.DecodeError:
        raise PermanentError(
            "the stored quote can't be read",
            code="quote_unreadable",
            remedy="Calculate the quote again.",
        ) from None
