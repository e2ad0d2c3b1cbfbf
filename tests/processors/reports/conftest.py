"""Sample quotes, a store of records in memory, and a job context that draws in this process."""

from __future__ import annotations

import io
import pickle
from collections.abc import Awaitable, Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image, ImageDraw

from cotiza_queue.clock import SystemClock
from cotiza_queue.errors import NotFound
from cotiza_queue.jobtypes import (
    FileAnalysisResult,
    QuoteCalculation,
    QuoteResult,
    ReportGeneration,
    ReportResult,
)
from cotiza_queue.jobtypes.file_analysis import (
    Artifacts,
    DfmAnalysis,
    DfmIssue,
    FileMetadata,
    Geometry,
    Vector,
)
from cotiza_queue.jobtypes.quote_calculation import (
    Adjustment,
    Pricing,
    QuotedItem,
    QuoteItem,
    QuoteSummary,
)
from cotiza_queue.jobtypes.report_generation import ReportOptions
from cotiza_queue.processors.reports import GenerateReport
from cotiza_queue.records import AnalysisRecord, QuoteRecord
from cotiza_queue.storage.local import LocalStore

CREATED_MS = 1_795_443_906_789  # 2026-11-23T14:25:06.789Z
CENT = Decimal("0.01")
MADE = (
    ("fff", "pla", ("sanded",)),
    ("sla", "resin-standard", ()),
    ("cnc", "aluminium-6061", ("bead-blasted", "anodized")),
    ("mjf", "pa12", ("dyed-black",)),
    ("fff", "petg", ()),
)
PARTS = (
    "Soporte de sensor izquierdo.stl",
    "Carcasa ñandú v2.step",
    "Engrane helicoidal 32 dientes, módulo 1.5, con cuñero y barreno pasado.3mf",
    "Tapa.obj",
    "Brida Ø 40 × 12.step",
)


class Context:
    """What the engine would hand over; ``run_in_process`` pickles as it does, but runs here."""

    job_type = "report-generation"
    attempt, max_attempts, token, created_ms = 1, 3, 1, CREATED_MS

    def __init__(self, job_id: str = "01hx3k9job", tenant: str = "acme") -> None:
        self.job_id = job_id
        self.tenant = tenant
        self.steps: list[tuple[float, str]] = []
        self.memory_bytes: int | None = None

    def progress(self, percentage: float, step: str, message: str = "", **metadata: Any) -> None:
        self.steps.append((percentage, step))

    async def run_in_process(
        self, function: Callable[..., Any], *args: Any, memory_bytes: int | None = None
    ) -> Any:
        self.memory_bytes = memory_bytes
        function, args = pickle.loads(pickle.dumps((function, args)))  # noqa: S301
        return pickle.loads(pickle.dumps(function(self.progress, *args)))  # noqa: S301


class MemoryRecords:
    """Records by tenant and id."""

    def __init__(self) -> None:
        self.analyses: dict[tuple[str, str], AnalysisRecord] = {}
        self.quotes: dict[tuple[str, str], QuoteRecord] = {}

    async def save_analysis(self, record: AnalysisRecord) -> bool:
        self.analyses[record.tenant, record.file_id] = record
        return True

    async def analysis(self, tenant: str, file_id: str) -> AnalysisRecord:
        try:
            return self.analyses[tenant, file_id]
        except KeyError:
            raise NotFound("no such analysis") from None

    async def save_quote(self, record: QuoteRecord) -> bool:
        self.quotes[record.tenant, record.quote_id] = record
        return True

    async def quote(self, tenant: str, quote_id: str) -> QuoteRecord:
        try:
            return self.quotes[tenant, quote_id]
        except KeyError:
            raise NotFound("no such quote") from None

    async def close(self) -> None: ...


class Shop:
    """A tenant's data, and the processor that reports on it."""

    def __init__(self, folder: Path) -> None:
        self.records = MemoryRecords()
        self.blobs = LocalStore(folder / "files")
        self.report = GenerateReport(self.records, self.blobs, SystemClock())

    async def quote(self, quote_id: str = "Q-123", **options: Any) -> QuoteResult:
        """Saves a quote of ``sample_quote`` and returns it."""
        request, result = sample_quote(quote_id, **options)
        await self.save(request, result)
        return result

    async def save(self, request: QuoteCalculation, result: QuoteResult) -> None:
        await self.records.save_quote(
            QuoteRecord(
                tenant="acme",
                quote_id=request.quote_id,
                payload=msgspec.json.encode(request),
                result=msgspec.json.encode(result),
                job_id="q",
                token=1,
                saved_ms=CREATED_MS - 60_000,
            )
        )

    async def analyse(self, file_id: str, *, picture: bytes | None = None, **changes: Any) -> None:
        """Saves an analysis, with a picture of the part unless told otherwise."""
        png = thumbnail(file_id) if picture is None else picture
        key = f"acme/thumbnails/{file_id}.png"
        await self.blobs.put(key, png, name="t.png", content_type="image/png")
        url = changes.pop("thumbnail_url", f"file-store://{key}")
        await self.records.save_analysis(
            AnalysisRecord(
                tenant="acme",
                file_id=file_id,
                file_name="part.stl",
                sha256="ab" * 32,
                process="fff",
                result=msgspec.json.encode(sample_analysis(file_id, url, **changes)),
                job_id="a",
                token=1,
                saved_ms=CREATED_MS - 120_000,
            )
        )

    async def make(
        self, format_name: str, context: Context | None = None, **options: Any
    ) -> tuple[ReportResult, bytes]:
        """A report of Q-123, and its bytes."""
        entity_id = options.pop("entity_id", "Q-123")
        payload = ReportGeneration(
            report_type="quote",
            format=format_name,  # type: ignore[arg-type]
            entity_id=entity_id,
            options=ReportOptions(**options),
        )
        result = await self.report(payload, context or Context())
        key = result.file_url.removeprefix("file-store://")
        return result, b"".join([chunk async for chunk in self.blobs.open(key)])


def sample_quote(
    quote_id: str = "Q-123",
    *,
    lines: int = 3,
    rush: bool = False,
    minimum: Decimal = Decimal(0),
    discount: bool = False,
    customer: str | None = "Ingeniería Ñandú, S.A. de C.V.",
    names: tuple[str, ...] = PARTS,
    currency: str = "MXN",
) -> tuple[QuoteCalculation, QuoteResult]:
    """A quote whose figures add up, by the same arithmetic as quote-calculation."""
    items = tuple(sample_item(index, names[index % len(names)]) for index in range(lines))
    base = sum((item.total_price for item in items), Decimal(0))
    off = (base * Decimal("0.05")).quantize(CENT) if discount else Decimal(0)
    supplement = max(minimum - base + off, Decimal(0))
    due = base - off + supplement
    fee = (due * Decimal("0.25")).quantize(CENT, ROUND_HALF_UP) if rush else None
    net = due + (fee or 0)
    tax = (net * Decimal("0.16")).quantize(CENT, ROUND_HALF_UP)
    lifted = Adjustment(type="minimum_order", amount=supplement, reason="minimum order")
    result = QuoteResult(
        quote_id=quote_id,
        items=items,
        summary=QuoteSummary(
            subtotal=base + supplement,
            tax=tax,
            tax_rate=Decimal("0.16"),
            total=net + tax,
            currency=currency,
            valid_until="2026-12-23",
            lead_time=7,
            rush_fee=fee,
            volume_discount=off or None,
        ),
        pricing=Pricing(
            base_price=base,
            adjustments=(lifted,) if supplement else (),
            profit_margin=Decimal("0.77779"),
            price_list="2026-11",
        ),
    )
    request = QuoteCalculation(
        quote_id=quote_id,
        items=tuple(asked_for(index, item) for index, item in enumerate(items)),
        rush_order=rush,
        currency=currency,
        customer_name=customer,
        customer_email="compras@nandu.example",
    )
    return request, result


def asked_for(index: int, item: QuotedItem) -> QuoteItem:
    """The request that a priced line answers."""
    return QuoteItem(
        file_id=item.file_id,
        quantity=item.quantity,
        material=item.material,
        process=item.process,
        finish_options=MADE[index % len(MADE)][2],
        name=item.name,
    )


def sample_item(index: int, name: str) -> QuotedItem:
    """A priced line; what the shop keeps to itself begins with 7777."""
    process, material, _ = MADE[index % len(MADE)]
    quantity = (1, 25, 4, 100, 12, 1000)[index % 6]
    unit = Decimal(f"{(index * 7919 % 9000) + 12}.{index * 37 % 100:02d}")
    return QuotedItem(
        id=f"item-{index + 1}",
        file_id=f"file-{index % 7}",
        name=name,
        material=material,
        process=process,
        quantity=quantity,
        unit_price=unit,
        total_price=unit * quantity,
        material_cost=Decimal("77771.01"),
        machine_cost=Decimal("77772.02"),
        labor_cost=Decimal("77773.03"),
        setup_cost=Decimal("77774.04"),
        overhead_cost=Decimal("77775.05"),
        margin=Decimal("77776.06"),
        machine_seconds=77777,
        lead_time=3 + index % 5,
        warnings=("UNITS_ASSUMED", "TURNED_TO_FIT") if index == 1 else (),
    )


def sample_analysis(
    file_id: str, thumbnail_url: str | None = None, *, issues: int = 1
) -> FileAnalysisResult:
    """An analysis with findings, the first a thin wall."""
    finding = DfmIssue(
        type="thin_wall",
        severity="warning",
        description="Walls are as thin as 0.62 mm; FFF needs 0.8 mm.",
        measured=0.62,
        limit=0.8,
        unit="mm",
        source="guide",
    )
    return FileAnalysisResult(
        file_id=file_id,
        geometry=Geometry(
            volume=12.3456,
            surface_area=98.7654,
            bounding_box=Vector(40.0, 30.5, 1234.5678),
            part_count=1,
            triangle_count=1200,
            watertight=True,
            exact=False,
            unit="mm",
            wall_thickness_min=0.62,
        ),
        dfm_analysis=DfmAnalysis(
            process="fff", issues=(finding,) * issues, score=90, manufacturable=True
        ),
        features=None,
        artifacts=Artifacts(thumbnail_url=thumbnail_url),
        metadata=FileMetadata(
            file_format="stl", file_size=1000, processing_time=10, sha256="ab12cd34" * 8
        ),
    )


def thumbnail(file_id: str) -> bytes:
    """A small picture of a block, for each file in a shade of its own and of the same size."""
    shade = 60 + sum(file_id.encode()) % 100
    image = Image.new("RGBA", (256, 256), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.polygon([(128, 40), (216, 90), (128, 140), (40, 90)], fill=(176, 190, 100 + shade, 255))
    draw.polygon([(40, 90), (128, 140), (128, 226), (40, 176)], fill=(120, 138, 170, 255))
    draw.polygon([(216, 90), (128, 140), (128, 226), (216, 176)], fill=(88, 104, 136, 255))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


Make = Callable[..., Awaitable[tuple[ReportResult, bytes]]]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture
def new_context() -> type[Context]:
    return Context


@pytest.fixture
def samples() -> Callable[..., tuple[QuoteCalculation, QuoteResult]]:
    return sample_quote
