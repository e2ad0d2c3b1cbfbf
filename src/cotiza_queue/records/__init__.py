"""The SQL side of the domain: analyses and quotes. SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

from .protocol import AnalysisRecord, QuoteRecord, Records

__all__ = ["AnalysisRecord", "QuoteRecord", "Records"]
