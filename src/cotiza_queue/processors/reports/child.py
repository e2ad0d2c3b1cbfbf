"""The door of the child process: the one function that the worker names.

fpdf2 and XlsxWriter take half a second and much memory to load, so the worker's own process must
not import them: this function imports its drawer by name when it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final

from .quote import QuoteDocument

Report = Callable[[float, str, str], None]

DRAWERS: Final = {"pdf": "pdf", "excel": "excel", "csv": "comma"}


def render(report: Report, format_name: str, document: QuoteDocument) -> bytes:
    """The file of a document. Each drawer has one function ``draw(document) -> bytes``."""
    report(40, "draw", f"{len(document.lines)} lines")
    body: bytes = import_module(f".{DRAWERS[format_name]}", __package__).draw(document)
    return body
