"""Ways to measure a file in this process: as the child does, or without its picture."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from cotiza_queue.jobtypes.file_analysis import AnalysisOptions
from cotiza_queue.processors.analysis.child import measure_file
from cotiza_queue.processors.analysis.measure import Findings, examine
from cotiza_queue.processors.analysis.request import Measured, MeasureRequest
from cotiza_queue.processors.analysis.sniff import recognise

Examine = Callable[..., Findings]
"""``examine(content, name, **analysis options)``: content is bytes, or the path of a file."""

_READERS = {"stl": "stl", "obj": "obj", "3mf": "threemf", "step": "step"}


def examine_path(path: Path, name: str | None = None, **options: Any) -> Findings:
    """Recognise, read and examine a file under the type that its name gives."""
    name = name or path.name
    kind = recognise(path, file_type=name.rsplit(".", 1)[1].lower(), file_name=name)
    reader = import_module(f"cotiza_queue.processors.analysis.readers.{_READERS[kind]}")
    wanted = AnalysisOptions(**options)
    return examine(no_report, reader.read(path, wanted.unit), wanted)


def measure_path(path: Path, **options: Any) -> Measured:
    """All that the child process does, thumbnail included."""
    kind = path.suffix.lower().removeprefix(".")
    request = MeasureRequest(
        path=str(path), file_name=path.name, file_type=kind, options=AnalysisOptions(**options)
    )
    return measure_file(no_report, request)


def no_report(_percentage: float, _step: str, _message: str) -> None:
    """Progress that nobody reads."""
