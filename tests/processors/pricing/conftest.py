"""Parts, items and a place to keep records, for the tests of pricing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cotiza_queue.jobtypes import FileAnalysisResult, QuoteCalculation, QuoteResult
from cotiza_queue.jobtypes.file_analysis import (
    Artifacts,
    DfmAnalysis,
    FileMetadata,
    Geometry,
    Vector,
)
from cotiza_queue.jobtypes.quote_calculation import QuoteItem
from cotiza_queue.processors.pricing import Catalogue, load_catalogue
from cotiza_queue.processors.pricing.quote import Measured, PricedLine, price_item, total_up
from cotiza_queue.processors.pricing.refusal import Where
from cotiza_queue.records.protocol import AnalysisRecord
from cotiza_queue.records.sql import SqlRecords

CREATED_MS = 1_795_443_906_789  # 2026-11-23T14:25:06.789Z
CUBE = {"size": (20.0, 20.0, 20.0), "volume": 8.0, "area": 24.0}


class CountingRecords(SqlRecords):
    """Real records in SQLite that also count how often an analysis was read."""

    reads = 0

    async def analysis(self, tenant: str, file_id: str) -> AnalysisRecord:
        self.reads += 1
        return await super().analysis(tenant, file_id)


class Context:
    """What the engine would hand over."""

    job_type = "quote-calculation"
    attempt, max_attempts, created_ms = 1, 3, CREATED_MS

    def __init__(self, *, tenant: str = "acme", token: int = 1) -> None:
        self.job_id = "01hx3k9job"
        self.tenant = tenant
        self.token = token
        self.steps: list[tuple[float, str]] = []

    def progress(self, percentage: float, step: str, message: str = "", **metadata: Any) -> None:
        self.steps.append((percentage, step))

    async def run_in_process(self, function: Callable[..., Any], *args: Any, **_: Any) -> Any:
        raise AssertionError("pricing needs no child process")


def make_analysis(
    *,
    size: tuple[float, float, float] = CUBE["size"],
    volume: float | None = CUBE["volume"],
    area: float = CUBE["area"],
    overhang: float | None = 0.0,
    process: str = "fff",
    **changes: Any,
) -> FileAnalysisResult:
    """An analysis without findings; sizes in mm, volume in cm³, areas in cm²."""
    geometry = Geometry(
        volume=volume,
        surface_area=area,
        bounding_box=Vector(*size),
        part_count=1,
        triangle_count=12,
        watertight=changes.get("watertight", True),
        exact=False,
        unit="mm",
        overhang_area=overhang,
        warnings=changes.get("warnings", ()),
    )
    dfm = DfmAnalysis(
        process=process,
        issues=changes.get("issues", ()),
        score=100,
        manufacturable=changes.get("manufacturable", True),
    )
    return FileAnalysisResult(
        file_id="part",
        geometry=None if changes.get("no_geometry") else geometry,
        dfm_analysis=None if changes.get("no_dfm") else dfm,
        features=None,
        artifacts=Artifacts(),
        metadata=FileMetadata(
            file_format="stl", file_size=684, processing_time=12, sha256="0" * 64
        ),
    )


def make_item(**changes: Any) -> QuoteItem:
    """One PLA piece, unless told otherwise."""
    fields = {"file_id": "part", "quantity": 1, "material": "pla", "process": "fff"}
    return QuoteItem(**(fields | changes))


def make_lines(
    items: list[tuple[QuoteItem, FileAnalysisResult]],
    *,
    rush: bool = False,
    catalogue: Catalogue | None = None,
) -> list[PricedLine]:
    """The priced lines of items, each with the analysis of its file."""
    return [
        price_item(
            item,
            Where(index, item.file_id),
            Measured(file_name="part.stl", analysis=analysis),
            catalogue or load_catalogue(),
            rush=rush,
        )
        for index, (item, analysis) in enumerate(items)
    ]


def make_quote(
    items: list[tuple[QuoteItem, FileAnalysisResult]],
    *,
    rush: bool = False,
    catalogue: Catalogue | None = None,
    created_ms: int = CREATED_MS,
) -> QuoteResult:
    """The pure quote over items, each with the analysis of its file."""
    payload = QuoteCalculation(
        quote_id="Q-1", items=tuple(item for item, _ in items), rush_order=rush
    )
    lines = make_lines(items, rush=rush, catalogue=catalogue)
    return total_up(payload, lines, catalogue or load_catalogue(), created_ms)


def make_record(
    analysis: FileAnalysisResult, *, tenant: str = "acme", file_id: str = "part"
) -> AnalysisRecord:
    return AnalysisRecord(
        tenant=tenant,
        file_id=file_id,
        file_name=f"{file_id}.stl",
        sha256="0" * 64,
        process="fff",
        result=msgspec.json.encode(analysis),
        job_id="01hx3k8job",
        token=1,
        saved_ms=CREATED_MS,
    )


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[CountingRecords]:
    records = await CountingRecords.open(None, tmp_path)
    yield records
    await records.close()


@pytest.fixture
def new_context() -> Callable[..., Context]:
    return Context


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def analysis_of() -> Callable[..., FileAnalysisResult]:
    return make_analysis


@pytest.fixture(scope="session")
def item_of() -> Callable[..., QuoteItem]:
    return make_item


@pytest.fixture(scope="session")
def quote_of() -> Callable[..., QuoteResult]:
    return make_quote


@pytest.fixture(scope="session")
def lines_of() -> Callable[..., list[PricedLine]]:
    return make_lines


@pytest.fixture(scope="session")
def record_of() -> Callable[..., AnalysisRecord]:
    return make_record
