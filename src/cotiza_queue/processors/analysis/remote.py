"""The processor of file-analysis where WORKER_SERVICE_URL names a service that measures.

It sends the job there and believes the answer only as far as its shape goes: what the service does
not tell stays unknown, nothing is filled in. Refuses an answer of another shape for good.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import httpx2
import msgspec
from msgspec import Meta

from ...clock import Clock
from ...errors import PermanentError, RetryableError
from ...jobtypes.file_analysis import (
    Artifacts,
    DfmAnalysis,
    DfmIssue,
    FileAnalysis,
    FileAnalysisResult,
    FileMetadata,
    Geometry,
    Vector,
)
from ...model.context import JobContext
from ...records.protocol import AnalysisRecord, Records
from .limits import MAX_FILE_BYTES
from .processor import FileSource

MAX_ANSWER_BYTES = 1024 * 1024
_CONNECT_S = 10.0
_READ_S = 3600.0
"""The job's own timeout is the real limit; this one only keeps a dead connection from lasting."""
_SEVERITY: dict[str, Literal["critical", "warning", "info"]] = {
    "high": "critical",
    "medium": "warning",
    "low": "info",
}
_NotNegative = Annotated[float, Meta(ge=0)]


class ServiceMetrics(msgspec.Struct, frozen=True):
    """What the service measured, by its own names."""

    volume_cm3: _NotNegative
    surface_area_cm2: _NotNegative
    bbox_mm: Vector
    length_cut_mm: _NotNegative | None = None
    holes_count: Annotated[int, Meta(ge=0)] | None = None
    overhang_area: _NotNegative | None = None
    wall_thickness_min: _NotNegative | None = None
    wall_thickness_avg: _NotNegative | None = None
    triangle_count: Annotated[int, Meta(ge=0)] | None = None
    is_watertight: bool | None = None


class ServiceIssue(msgspec.Struct, frozen=True):
    type: Annotated[str, Meta(min_length=1, max_length=100)]
    severity: Literal["low", "medium", "high"]
    description: Annotated[str, Meta(max_length=2000)]
    location: Vector | None = None


class ServiceAnswer(msgspec.Struct, frozen=True):
    """``risk_score``: 0 (none) to 100. ``processing_time_ms``: milliseconds."""

    metrics: ServiceMetrics
    issues: Annotated[tuple[ServiceIssue, ...], Meta(max_length=1000)]
    risk_score: Annotated[float, Meta(ge=0, le=100)]
    processing_time_ms: _NotNegative | None = None


class DelegateAnalysis:
    """``async def (payload, context) -> FileAnalysisResult``, measured by a service."""

    def __init__(
        self,
        service_url: str,
        files: FileSource,
        records: Records,
        clock: Clock,
        *,
        address: Callable[[str], str] = lambda url: url,
    ) -> None:
        """``address``: the URL under which the service can reach a file of ours."""
        self._url = service_url.rstrip("/") + "/analyze"
        self._files = files
        self._records = records
        self._clock = clock
        self._address = address

    async def __call__(self, payload: FileAnalysis, context: JobContext) -> FileAnalysisResult:
        """Have one file measured.

        Raises RetryableError if the service is away or overloaded; PermanentError (service_refused,
        service_answer) if it refuses the job or answers in another shape; what ``fetch`` raises.
        """
        started = self._clock.monotonic()
        context.progress(0, "fetch", f"Reading {payload.file_name}")
        size, sha256 = await self._fingerprint(payload, context.tenant)
        context.progress(20, "delegate", "Waiting for the analysis service")
        answer = await self._ask(payload, context)
        context.progress(90, "save", "Saving the result")
        result = FileAnalysisResult(
            file_id=payload.file_id,
            geometry=_geometry(answer.metrics),
            dfm_analysis=_findings(answer, payload),
            features=None,
            artifacts=Artifacts(),
            metadata=FileMetadata(
                file_format=payload.file_type,
                file_size=size,
                processing_time=round((self._clock.monotonic() - started) * 1000),
                sha256=sha256,
            ),
        )
        record = AnalysisRecord(
            tenant=context.tenant,
            file_id=payload.file_id,
            file_name=payload.file_name,
            sha256=sha256,
            process=payload.analysis_options.process_type,
            result=msgspec.json.encode(result),
            job_id=context.job_id,
            token=context.token,
            saved_ms=self._clock.now_ms(),
        )
        await self._records.save_analysis(record)
        context.progress(100, "done", "The analysis is complete")
        return result

    async def _fingerprint(self, payload: FileAnalysis, tenant: str) -> tuple[int, str]:
        with TemporaryDirectory(prefix="cotiza-analysis-", ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "part"
            await self._files.fetch(payload.file_url, tenant, path, MAX_FILE_BYTES)
            with path.open("rb") as file:
                return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()

    async def _ask(self, payload: FileAnalysis, context: JobContext) -> ServiceAnswer:
        body = {
            "file_url": self._address(payload.file_url),
            "file_type": payload.file_type,
            "process_type": payload.analysis_options.process_type,
            "options": msgspec.to_builtins(payload.analysis_options),
            "job_id": context.job_id,
        }
        try:
            async with httpx2.AsyncClient(
                timeout=httpx2.Timeout(_READ_S, connect=_CONNECT_S)
            ) as http:
                reply = await http.post(self._url, json=body)
        except httpx2.HTTPError as error:
            raise RetryableError(
                f"the analysis service can't be reached: {type(error).__name__}",
                code="service_away",
            ) from None
        if reply.status_code >= 500 or reply.status_code == 429:
            raise RetryableError(
                f"the analysis service answered {reply.status_code}", code="service_away"
            )
        if reply.status_code != 200:
            raise PermanentError(
                f"the analysis service refused the file with {reply.status_code}",
                code="service_refused",
                details={"answer": reply.text[:500]},
            )
        return _parse(reply.content)


def _parse(content: bytes) -> ServiceAnswer:
    if len(content) > MAX_ANSWER_BYTES:
        raise PermanentError("the analysis service's answer is too long", code="service_answer")
    try:
        return msgspec.json.decode(content, type=ServiceAnswer)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
        raise PermanentError(
            f"the analysis service's answer has another shape: {error}", code="service_answer"
        ) from None


def _geometry(metrics: ServiceMetrics) -> Geometry:
    return Geometry(
        volume=metrics.volume_cm3,
        surface_area=metrics.surface_area_cm2,
        bounding_box=metrics.bbox_mm,
        part_count=None,
        triangle_count=metrics.triangle_count,
        watertight=metrics.is_watertight,
        exact=False,
        unit="mm",
        wall_thickness_min=metrics.wall_thickness_min,
        wall_thickness_avg=metrics.wall_thickness_avg,
        overhang_area=metrics.overhang_area,
    )


def _findings(answer: ServiceAnswer, payload: FileAnalysis) -> DfmAnalysis:
    issues = tuple(
        DfmIssue(
            type=issue.type,
            severity=_SEVERITY[issue.severity],
            description=issue.description,
            measured=None,
            limit=None,
            unit="",
            source="analysis service",
            location=issue.location,
        )
        for issue in answer.issues
    )
    return DfmAnalysis(
        process=payload.analysis_options.process_type,
        issues=issues,
        score=round(100 - answer.risk_score),
        manufacturable=not any(issue.severity == "critical" for issue in issues),
    )
