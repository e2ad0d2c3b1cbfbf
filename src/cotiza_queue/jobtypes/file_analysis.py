"""file-analysis: geometry, manufacturability and a picture of an uploaded part."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ..model.job import JobType
from ..model.policy import Defaults, RetryPolicy
from .common import ID, Url, Wire

Process = Literal["fff", "sla", "sls", "mjf", "cnc", "laser", "sheet"]
FileType = Literal["stl", "obj", "3mf", "step", "stp"]
Unit = Literal["mm", "cm", "m", "in", "ft"]
Severity = Literal["critical", "warning", "info"]


class AnalysisOptions(Wire, frozen=True, kw_only=True):
    """``unit``: what the numbers of a unitless format (STL, OBJ) mean; mm if left out."""

    perform_dfm: bool = True
    extract_geometry: bool = True
    calculate_volume: bool = True
    detect_features: bool = True
    process_type: Process = "fff"
    unit: Unit | None = None


class FileAnalysis(Wire, frozen=True, kw_only=True):
    """The payload. ``file_url``: ``file-store://``, ``s3://`` or ``https://``."""

    file_id: ID
    file_url: Url
    file_name: Annotated[str, Meta(min_length=1, max_length=255)]
    file_type: FileType
    analysis_options: AnalysisOptions = AnalysisOptions()


class Vector(Wire, frozen=True):
    """Millimetres along the axes of the file."""

    x: float
    y: float
    z: float


class Geometry(Wire, frozen=True, kw_only=True):
    """``volume`` cm³, ``surface_area`` cm², ``bounding_box`` mm. None: not asked for, not
    measurable (see warnings), or not told by a remote analysis service.
    """

    volume: float | None
    surface_area: float
    bounding_box: Vector
    part_count: int | None
    triangle_count: int | None
    watertight: bool | None
    exact: bool
    """True if the figures come from the CAD model itself, not from a mesh of it."""
    unit: str
    wall_thickness_min: float | None = None
    """Robust minimum wall in mm: the thickness below which more than max(1 mm², 0.05 %) of the
    surface lies.
    """
    wall_thickness_avg: float | None = None
    overhang_area: float | None = None
    """cm² of faces steeper than 45° that need support, bed face and vertical walls not counted."""
    warnings: tuple[str, ...] = ()
    """Codes such as UNITS_ASSUMED or NOT_WATERTIGHT."""


class DfmIssue(Wire, frozen=True, kw_only=True):
    """A finding: what was measured, against which limit of which source. A remote analysis service
    tells neither measure nor limit.
    """

    type: str
    severity: Severity
    description: str
    measured: float | None
    limit: float | None
    unit: str
    source: str
    location: Vector | None = None


class DfmAnalysis(Wire, frozen=True, kw_only=True):
    """``score``: 100 less what the findings cost. ``manufacturable``: no critical finding."""

    process: str
    issues: tuple[DfmIssue, ...]
    score: int
    manufacturable: bool


class Features(Wire, frozen=True, kw_only=True):
    has_undercuts: bool
    has_thin_walls: bool
    has_small_features: bool
    complexity: Literal["low", "medium", "high"]


class Artifacts(Wire, frozen=True, kw_only=True):
    thumbnail_url: str | None = None
    heatmap_url: str | None = None


class FileMetadata(Wire, frozen=True, kw_only=True):
    """``file_size`` bytes, ``processing_time`` milliseconds."""

    file_format: str
    file_size: int
    processing_time: int
    sha256: str


class FileAnalysisResult(Wire, frozen=True, kw_only=True):
    file_id: str
    geometry: Geometry | None
    dfm_analysis: DfmAnalysis | None
    features: Features | None
    artifacts: Artifacts
    metadata: FileMetadata


FILE_ANALYSIS: JobType[FileAnalysis, FileAnalysisResult] = JobType(
    "file-analysis",
    FileAnalysis,
    Defaults(attempts=3, backoff=RetryPolicy("exponential", 5_000), timeout=300_000),
    result=FileAnalysisResult,
)
