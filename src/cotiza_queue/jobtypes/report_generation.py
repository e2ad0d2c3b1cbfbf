"""report-generation: a quote, order, invoice or analysis as a file to hand out."""

from __future__ import annotations

from typing import Any, Literal

from ..errors import FieldError, InvalidInput
from ..model.job import JobType
from ..model.policy import Defaults, RetryPolicy
from .common import ID, Wire
from .email_notification import Language

ReportType = Literal["quote", "order", "invoice", "analytics"]
Format = Literal["pdf", "excel", "csv"]


class ReportOptions(Wire, frozen=True, kw_only=True):
    include_item_details: bool = True
    include_terms: bool = True
    include_technical_specs: bool = False
    language: Language = "es"


class ReportGeneration(Wire, frozen=True, kw_only=True):
    """The payload. ``entity_id``: which quote, order or invoice; ``criteria``: which rows of an
    analytics report.
    """

    report_type: ReportType
    format: Format
    entity_id: ID | None = None
    criteria: dict[str, Any] | None = None
    options: ReportOptions = ReportOptions()


class ReportResult(Wire, frozen=True, kw_only=True):
    """``file_size`` bytes; ``file_url`` is tenant-checked."""

    report_id: str
    report_type: str
    format: str
    file_url: str
    file_name: str
    file_size: int
    generated_at: str


def check(payload: ReportGeneration) -> None:
    """Refuse at intake what could never be made. Raises InvalidInput, ``report_not_available`` for
    orders and invoices.

    Analytics are taken in, because schedules for them are set up before the report exists; until it
    does, their runs end as dead letters.
    """
    if payload.report_type in ("order", "invoice"):
        raise InvalidInput(
            f"reports of the type {payload.report_type!r} are not available yet",
            code="report_not_available",
            fields=[FieldError("data.reportType", "must be quote for now")],
            remedy="Ask for a report of the type 'quote'.",
        )
    if payload.report_type == "quote" and payload.entity_id is None:
        raise InvalidInput(
            "data.entityId: a quote report needs the id of its quote",
            fields=[FieldError("data.entityId", "is required for a report of a quote")],
        )


REPORT_GENERATION: JobType[ReportGeneration, ReportResult] = JobType(
    "report-generation",
    ReportGeneration,
    Defaults(attempts=3, backoff=RetryPolicy("exponential", 5_000), timeout=180_000),
    check=check,
    result=ReportResult,
)
