"""report-generation: a quote as a PDF to send, a workbook to calculate with, or a CSV to import.

``quote`` turns records into one document of facts and checks its sums, ``words`` and ``names`` say
them in Spanish and English, ``pdf``, ``excel`` and ``comma`` draw them, ``processor`` reads and
stores. The three drawers load heavy libraries and run in a child process only (``child``).

Refused here: a quote whose figures don't add up, another tenant's anything, and every report that
is not made yet. What the shop earns (costs, margin) is in no report: a quote goes to the customer.
"""

from __future__ import annotations

from .processor import GenerateReport

__all__ = ["GenerateReport"]
