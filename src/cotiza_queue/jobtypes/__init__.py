"""What callers may ask for: payloads, results and default options of the four job types. No
processor is imported.
"""

from __future__ import annotations

from typing import Any

from ..model.job import JobType
from .email_notification import EMAIL_NOTIFICATION, EmailNotification, EmailResult
from .file_analysis import FILE_ANALYSIS, FileAnalysis, FileAnalysisResult
from .quote_calculation import QUOTE_CALCULATION, QuoteCalculation, QuoteResult
from .report_generation import REPORT_GENERATION, ReportGeneration, ReportResult

ALL: tuple[JobType[Any], ...] = (
    FILE_ANALYSIS,
    QUOTE_CALCULATION,
    EMAIL_NOTIFICATION,
    REPORT_GENERATION,
)

__all__ = [
    "ALL",
    "EMAIL_NOTIFICATION",
    "FILE_ANALYSIS",
    "QUOTE_CALCULATION",
    "REPORT_GENERATION",
    "EmailNotification",
    "EmailResult",
    "FileAnalysis",
    "FileAnalysisResult",
    "QuoteCalculation",
    "QuoteResult",
    "ReportGeneration",
    "ReportResult",
]
