"""report-generation: a quote, order, invoice or analysis as a file to hand out."""

from __future__ import annotations

from typing import Any, Literal

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


REPORT_GENERATION: JobType[ReportGeneration] = JobType(
    "report-generation",
    ReportGeneration,
    Defaults(attempts=3, backoff=RetryPolicy("exponential", 5_000), timeout=180_000),
)
