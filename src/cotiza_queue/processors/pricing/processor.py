"""quote-calculation: reads what file-analysis measured, prices it, saves the quote.

Steps: read each item's analysis, price each line, total, save. All items are looked at before the
first refusal is raised, so that a caller learns of every fault at once. Refused for good: a file
that has no analysis yet (code ``not_analysed``: the caller orders the steps, a retry would only
hide that), whatever ``part``, ``placement``, ``choice`` and ``quote`` can't price. The database
being away is worth a retry and passes through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from cotiza_queue.clock import Clock
from cotiza_queue.errors import InvalidData, NotFound
from cotiza_queue.jobtypes import FileAnalysisResult, QuoteCalculation, QuoteResult
from cotiza_queue.model.context import JobContext
from cotiza_queue.records.protocol import AnalysisRecord, QuoteRecord, Records

from .catalogue import Catalogue, load_catalogue
from .choice import canonical_process
from .quote import Measured, PricedLine, check_currency, check_order, price_item, total_up
from .refusal import Where, together

READ_UNTIL, PRICED_AT = 45.0, 85.0
"""Percent of progress when all analyses are read, and when all lines are priced."""


class CalculateQuote:
    """The processor of quote-calculation.

    ``catalogue``: the price list; the latest one if left out.
    """

    def __init__(
        self, records: Records, clock: Clock, *, catalogue: Catalogue | None = None
    ) -> None:
        self._records = records
        self._clock = clock
        self._catalogue = catalogue or load_catalogue()

    async def __call__(self, payload: QuoteCalculation, context: JobContext) -> QuoteResult:
        """Price and save the quote. The same payload, analyses and price list give the same result.

        Raises InvalidData for what can't be priced, RetryableError when the database is away.
        """
        check_currency(payload, self._catalogue)
        _check_ids(payload)
        measured, refusals = await self._read(payload, context)
        lines = await self._price(payload, context, measured, refusals)
        if refusals:
            raise together([refusals[index] for index in sorted(refusals)], len(payload.items))
        context.progress(PRICED_AT, "total", "Adding up the quote")
        check_order(lines)
        result = total_up(payload, lines, self._catalogue, context.created_ms)
        context.progress(95, "save", "Saving the quote")
        await self._save(payload, result, context)
        context.progress(100, "done", f"Total {result.summary.total} {result.summary.currency}")
        return result

    async def _read(
        self, payload: QuoteCalculation, context: JobContext
    ) -> tuple[list[Measured | None], dict[int, InvalidData]]:
        """The analysis of every item, None where it is refused; each file is read once."""
        known: dict[str, tuple[AnalysisRecord, FileAnalysisResult]] = {}
        parts: set[tuple[str, str]] = set()
        measured: list[Measured | None] = []
        refusals: dict[int, InvalidData] = {}
        count = len(payload.items)
        for index, item in enumerate(payload.items):
            context.progress(
                READ_UNTIL * index / count,
                "read",
                f"Reading the analysis of item {index + 1} of {count}",
            )
            try:
                if item.file_id not in known:
                    known[item.file_id] = await self._analysis(
                        context.tenant, Where(index, item.file_id)
                    )
            except InvalidData as refusal:
                refusals[index] = refusal
                measured.append(None)
                continue
            record, analysis = known[item.file_id]
            part = (item.file_id, canonical_process(item.process, self._catalogue))
            measured.append(
                Measured(file_name=record.file_name, analysis=analysis, first=part not in parts)
            )
            parts.add(part)
        return measured, refusals

    async def _analysis(
        self, tenant: str, where: Where
    ) -> tuple[AnalysisRecord, FileAnalysisResult]:
        try:
            record = await self._records.analysis(tenant, where.file_id)
        except NotFound:
            raise where.refuse(
                "fileId",
                "not_analysed",
                "there is no analysis of this file",
                "Run file-analysis on the file first, then ask for the quote.",
            ) from None
        try:
            return record, msgspec.json.decode(record.result, type=FileAnalysisResult)
        except msgspec.DecodeError:
            raise where.refuse(
                "fileId",
                "analysis_unreadable",
                "the stored analysis of this file can't be read",
                "Analyse the file again.",
            ) from None

    async def _price(
        self,
        payload: QuoteCalculation,
        context: JobContext,
        measured: Sequence[Measured | None],
        refusals: dict[int, InvalidData],
    ) -> list[PricedLine]:
        """The priced lines; what can't be priced is added to ``refusals``."""
        lines = []
        count = len(payload.items)
        for index, (item, known) in enumerate(zip(payload.items, measured, strict=True)):
            share = READ_UNTIL + (PRICED_AT - READ_UNTIL) * index / count
            context.progress(share, "price", f"Pricing item {index + 1} of {count}")
            if known is not None:
                try:
                    lines.append(
                        price_item(
                            item,
                            Where(index, item.file_id),
                            known,
                            self._catalogue,
                            rush=payload.rush_order,
                        )
                    )
                except InvalidData as refusal:
                    refusals[index] = refusal
            # One line takes less than a millisecond, but a thousand would hold up the loop.
            await asyncio.sleep(0)
        return lines

    async def _save(
        self, payload: QuoteCalculation, result: QuoteResult, context: JobContext
    ) -> None:
        """Save it. If a later delivery of this job has saved already, ours is ignored."""
        await self._records.save_quote(
            QuoteRecord(
                tenant=context.tenant,
                quote_id=payload.quote_id,
                payload=msgspec.json.encode(payload),
                result=msgspec.json.encode(result),
                job_id=context.job_id,
                token=context.token,
                saved_ms=self._clock.now_ms(),
            )
        )


def _check_ids(payload: QuoteCalculation) -> None:
    """Two lines of one id could not be told apart in orders and reports."""
    seen: set[str] = set()
    for index, item in enumerate(payload.items):
        name = item.id or f"item-{index + 1}"
        if name in seen:
            raise Where(index, item.file_id).refuse(
                "id", "duplicate_item", f"the id {name!r} names two items"
            )
        seen.add(name)
