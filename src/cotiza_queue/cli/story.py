"""The main job: a CAD file becomes an analysed, priced, printed and mailed quote, in four jobs
over the HTTP API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from .. import jobtypes
from ..errors import CotizaError
from .calls import API, Calls

STEPS = (
    jobtypes.FILE_ANALYSIS.name,
    jobtypes.QUOTE_CALCULATION.name,
    jobtypes.REPORT_GENERATION.name,
    jobtypes.EMAIL_NOTIFICATION.name,
)
CUSTOMER_EMAIL = "customer@example.com"
"""A name that RFC 2606 reserves: nobody gets that mail."""

CUSTOMER_NAME = "Demo customer"

Report = Callable[[str, dict[str, Any]], None]
"""Called with the step's job type and its progress, or the ended job's status."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. ``folder``: where the PDF and the picture are put."""

    file: Path
    process: str
    material: str
    unit: str | None
    quantity: int
    language: str
    quote_id: str
    folder: Path


class StepFailed(CotizaError):
    """A job of the story ended without a result. ``details``: its ``jobId``, ``type``,
    ``attempts``.
    """

    code = "step_failed"


class Story(msgspec.Struct, kw_only=True):
    """What came of it, step by step: each job's result as the API tells it."""

    jobs: dict[str, str] = {}
    durations: dict[str, int] = {}
    """Milliseconds that each job ran."""
    file: dict[str, Any] = {}
    analysis: dict[str, Any] = {}
    quote: dict[str, Any] = {}
    report: dict[str, Any] = {}
    email: dict[str, Any] = {}
    pdf: Path | None = None
    picture: Path | None = None


async def tell(order: Order, calls: Calls, report: Report, story: Story) -> None:
    """Run all four steps, filling ``story``. Raises ApiError; StepFailed at the first failure."""
    story.file = await calls.upload(order.file)
    story.analysis = await _step(calls, report, story, STEPS[0], _analysis(order, story))
    thumbnail = story.analysis["artifacts"].get("thumbnailUrl")
    if thumbnail:
        story.picture = await _fetch(calls, order, thumbnail, ".png")
    story.quote = await _step(calls, report, story, STEPS[1], _quote(order, story))
    story.report = await _step(calls, report, story, STEPS[2], _report(order))
    story.pdf = await _fetch(calls, order, story.report["fileUrl"], ".pdf")
    story.email = await _step(calls, report, story, STEPS[3], _email(order, story))


async def _step(
    calls: Calls, report: Report, story: Story, job_type: str, data: dict[str, Any]
) -> dict[str, Any]:
    job_id = await calls.create(job_type, data)
    story.jobs[job_type] = job_id
    job = await calls.follow(job_id, lambda progress: report(job_type, progress))
    story.durations[job_type] = job.get("duration") or 0
    report(job_type, job)
    if job["status"] != "completed":
        error = job.get("error") or {}
        raise StepFailed(
            error.get("message") or f"the job is {job['status']}",
            code=error.get("code") or job["status"],
            remedy=error.get("remedy"),
            details={"jobId": job_id, "type": job_type, "attempts": job.get("attempts", 0)},
        )
    result: dict[str, Any] = job["result"]
    return result


async def _fetch(calls: Calls, order: Order, url: str, ending: str) -> Path:
    await asyncio.to_thread(order.folder.mkdir, parents=True, exist_ok=True)
    return await calls.download(url, order.folder / f"{order.quote_id}{ending}")


def _analysis(order: Order, story: Story) -> dict[str, Any]:
    names = ("fileId", "fileUrl", "fileName", "fileType")
    return {
        **{name: story.file[name] for name in names},
        "analysisOptions": {"processType": order.process, "unit": order.unit},
    }


def _quote(order: Order, story: Story) -> dict[str, Any]:
    item = {
        "id": "1",
        "fileId": story.file["fileId"],
        "name": order.file.name[:200],
        "quantity": order.quantity,
        "material": order.material,
        "process": order.process,
    }
    return {
        "quoteId": order.quote_id,
        "items": [item],
        "customerName": CUSTOMER_NAME,
        "customerEmail": CUSTOMER_EMAIL,
    }


def _report(order: Order) -> dict[str, Any]:
    return {
        "reportType": "quote",
        "format": "pdf",
        "entityId": order.quote_id,
        "options": {"language": order.language, "includeTechnicalSpecs": True},
    }


def _email(order: Order, story: Story) -> dict[str, Any]:
    summary = story.quote["summary"]
    return {
        "type": "quote-ready",
        "recipientEmail": CUSTOMER_EMAIL,
        "language": order.language,
        "templateData": {
            "customerName": CUSTOMER_NAME,
            "quoteNumber": order.quote_id,
            "total": summary["total"],
            "currency": summary["currency"],
            "validUntil": summary["validUntil"],
            "leadTime": summary["leadTime"],
        },
        "attachments": [
            {
                "filename": story.report["fileName"],
                "key": story.report["fileUrl"].rpartition(f"{API}/files/")[2],
            }
        ],
    }
