"""A quote as a document: every fact that a drawer needs, checked, and free of what it must not
know.

Costs and margin stay behind. The sums are checked before anything is drawn: a quote that doesn't
add up to the cent is a fault upstream and is refused, never mended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, Literal

import msgspec

from cotiza_queue.errors import PermanentError
from cotiza_queue.jobtypes import FileAnalysisResult, QuoteCalculation, QuoteResult
from cotiza_queue.jobtypes.quote_calculation import QuotedItem
from cotiza_queue.jobtypes.report_generation import ReportOptions
from cotiza_queue.processors.formats import local_day, one_line, parse_day

from . import names
from .amounts import in_words
from .words import WORDS, tax_label, terms_of

ISSUER: Final = "Cotiza Studio"
SHORT_HASH: Final = 12
"""Characters of a SHA-256 that identify a file among a customer's own."""
MAX_FINDINGS: Final = 6
"""Findings printed for one part; the rest is counted."""

Kind = Literal["critical", "warning", "info"]


class Finding(msgspec.Struct, frozen=True):
    """What the manufacturability check found, in words."""

    kind: Kind
    text: str


class Specs(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured: ``size`` mm along x, y, z; ``volume`` cm³, ``area`` cm², ``wall`` mm."""

    size: tuple[float, float, float]
    volume: float | None
    area: float
    wall: float | None
    findings: tuple[Finding, ...]
    more_findings: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the quote. ``lead_time`` working days; ``sha256`` of the file, shortened."""

    position: int
    part: str
    file_id: str
    process: str
    material: str
    finishes: tuple[str, ...]
    quantity: int
    unit_price: Decimal
    amount: Decimal
    lead_time: int
    sha256: str | None
    notes: tuple[str, ...]
    specs: Specs | None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """``lines`` + ``supplement`` = ``subtotal``; − ``discount`` + ``rush`` = ``net``; + ``tax`` =
    ``total``. ``supplement`` lifts a small order to the minimum."""

    lines: Decimal
    supplement: Decimal
    subtotal: Decimal
    discount: Decimal
    rush: Decimal
    net: Decimal
    tax_rate: Decimal
    tax: Decimal
    total: Decimal


class QuoteDocument(msgspec.Struct, frozen=True, kw_only=True):
    """All that is printed. ``thumbnails``: PNG bytes by file id. ``made_ms``: when the report was
    asked for, milliseconds since the epoch; it is the only time stamp in the file."""

    language: str
    issuer: str
    number: str
    customer: str | None
    customer_email: str | None
    issued: date
    valid_until: date
    expired: bool
    made_ms: int
    currency: str
    lead_time: int
    rush: bool
    lines: tuple[Line, ...]
    totals: Totals
    total_in_words: str
    terms: tuple[str, ...]
    details: bool
    technical: bool
    thumbnails: dict[str, bytes]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What was read. ``analyses`` and ``thumbnails`` by file id, as far as there are any."""

    request: QuoteCalculation
    result: QuoteResult
    saved_ms: int
    analyses: Mapping[str, FileAnalysisResult]
    thumbnails: Mapping[str, bytes]


def compose(source: Source, options: ReportOptions, made_ms: int) -> QuoteDocument:
    """The document. Raises PermanentError ``quote_inconsistent`` if its figures don't add up."""
    result, language = source.result, options.language
    summary = result.summary
    valid_until = _valid_until(summary.valid_until)
    totals = _totals(result)
    finishes = _finishes(source.request, result.items)
    customer = one_line(source.request.customer_name or "")
    return QuoteDocument(
        language=language,
        issuer=ISSUER,
        number=result.quote_id,
        customer=customer or None,
        customer_email=one_line(source.request.customer_email or "") or None,
        issued=local_day(source.saved_ms),
        valid_until=valid_until,
        expired=valid_until < local_day(made_ms),
        made_ms=made_ms,
        currency=summary.currency,
        lead_time=summary.lead_time,
        rush=source.request.rush_order,
        lines=tuple(
            _line(position, item, finishes[position - 1], source, options)
            for position, item in enumerate(result.items, 1)
        ),
        totals=totals,
        total_in_words=_in_words(totals.total, summary.currency, language),
        terms=terms_of(language, summary.currency, valid_until) if options.include_terms else (),
        details=options.include_item_details,
        technical=options.include_technical_specs,
        thumbnails=dict(source.thumbnails) if options.include_item_details else {},
    )


def total_rows(document: QuoteDocument) -> Iterator[tuple[str, Decimal]]:
    """The totals that a reader needs, in order: those that are zero by nature are left out."""
    words, totals = WORDS[document.language], document.totals
    if totals.supplement:
        yield words.lines_total, totals.lines
        yield words.supplement, totals.supplement
    yield words.subtotal, totals.subtotal
    if totals.discount:
        yield words.discount, -totals.discount
    if totals.rush:
        yield words.rush, totals.rush
    if totals.discount or totals.rush:
        yield words.net, totals.net
    yield tax_label(document.language, totals.tax_rate), totals.tax
    yield words.total, totals.total


def _line(
    position: int,
    item: QuotedItem,
    finishes: Sequence[str],
    source: Source,
    options: ReportOptions,
) -> Line:
    language = options.language
    analysis = source.analyses.get(item.file_id)
    specs = None
    if options.include_technical_specs and analysis is not None:
        specs = _specs(analysis, language)
    return Line(
        position=position,
        part=one_line(item.name) or item.file_id,
        file_id=item.file_id,
        process=names.process(item.process, language),
        material=names.material(item.material, language),
        finishes=tuple(names.finish(code, language) for code in finishes),
        quantity=item.quantity,
        unit_price=item.unit_price,
        amount=item.total_price,
        lead_time=item.lead_time,
        sha256=analysis.metadata.sha256[:SHORT_HASH] if analysis else None,
        notes=tuple(note for code in item.warnings if (note := names.warning(code, language))),
        specs=specs,
    )


def _specs(analysis: FileAnalysisResult, language: str) -> Specs | None:
    geometry = analysis.geometry
    if geometry is None:
        return None
    issues = analysis.dfm_analysis.issues if analysis.dfm_analysis else ()
    box = geometry.bounding_box
    return Specs(
        size=(box.x, box.y, box.z),
        volume=geometry.volume,
        area=geometry.surface_area,
        wall=geometry.wall_thickness_min,
        findings=tuple(
            Finding(issue.severity, names.finding(issue, language))
            for issue in issues[:MAX_FINDINGS]
        ),
        more_findings=max(0, len(issues) - MAX_FINDINGS),
    )


def _finishes(request: QuoteCalculation, items: Sequence[QuotedItem]) -> list[Sequence[str]]:
    """The finishes asked for, line by line: the result keeps the order of the request."""
    if len(request.items) != len(items):
        raise _inconsistent("it has other lines than its request")
    return [item.finish_options for item in request.items]


def _totals(result: QuoteResult) -> Totals:
    summary = result.summary
    lines = sum((item.total_price for item in result.items), Decimal(0))
    discount = summary.volume_discount or Decimal(0)
    rush = summary.rush_fee or Decimal(0)
    supplement = sum(
        (each.amount for each in result.pricing.adjustments if each.type == "minimum_order"),
        Decimal(0),
    )
    net = summary.subtotal - discount + rush
    if lines + supplement != summary.subtotal:
        raise _inconsistent("its lines don't add up to its subtotal")
    if net + summary.tax != summary.total:
        raise _inconsistent("its parts don't add up to its total")
    if min(lines, supplement, discount, rush, net, summary.tax) < 0:
        raise _inconsistent("it holds a negative amount")
    return Totals(
        lines=lines,
        supplement=supplement,
        subtotal=summary.subtotal,
        discount=discount,
        rush=rush,
        net=net,
        tax_rate=summary.tax_rate,
        tax=summary.tax,
        total=summary.total,
    )


def _in_words(total: Decimal, currency: str, language: str) -> str:
    try:
        return in_words(total, currency, language)
    except ValueError as error:
        raise _inconsistent(f"its total {total} can't be said: {error}") from None


def _valid_until(text: str) -> date:
    try:
        return parse_day(text)
    except ValueError:
        raise _inconsistent(f"its validity {text!r:.40} is no date") from None


def _inconsistent(reason: str) -> PermanentError:
    return PermanentError(
        f"the quote can't be printed: {reason}",
        code="quote_inconsistent",
        remedy="Calculate the quote again, then ask for the report again.",
    )
