"""What the worker asks of the child process, and what it gets back. Both cross the process
border.
"""

from __future__ import annotations

import msgspec

from ...jobtypes.file_analysis import AnalysisOptions, DfmAnalysis, Features, Geometry


class MeasureRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A file on this machine, what its owner says it is, and what is wanted."""

    path: str
    file_name: str
    file_type: str
    options: AnalysisOptions


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """All that one look at the file gives. ``thumbnail``: a PNG. ``file_size`` in bytes."""

    geometry: Geometry | None
    dfm_analysis: DfmAnalysis | None
    features: Features | None
    thumbnail: bytes
    file_format: str
    file_size: int
    sha256: str
