"""The door of the child process: the one function that the worker names, and the imports that it
must not make.

The worker refers to ``measure_file`` and so imports this module; numpy, libigl and the CAD kernel
(a second and hundreds of megabytes together) must load in the child only, and the CAD kernel for
STEP files only. That is why this function, alone beside ``wiring``, imports by name when it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from .request import Measured, MeasureRequest
from .sniff import recognise

Report = Callable[[float, str, str], None]

_READERS = {"stl": "stl", "obj": "obj", "3mf": "threemf", "step": "step"}


def measure_file(report: Report, request: MeasureRequest) -> Measured:
    """Recognise, read and measure one file.

    Raises InvalidData, with a word of ``faults.Fault`` as its code, for a file that can't be
    measured.
    """
    report(10, "recognise", "Checking what the file is")
    path = Path(request.path)
    kind = recognise(path, file_type=request.file_type, file_name=request.file_name)
    report(15, "read", f"Reading the {kind.upper()} file")
    reader = import_module(f".readers.{_READERS[kind]}", __package__)
    part = reader.read(path, request.options.unit)
    measured: Measured = import_module(".measure", __package__).measure(report, request, kind, part)
    return measured
