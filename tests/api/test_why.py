"""Why a job is not running, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest


@pytest.mark.row("G7")
async def test_a_caller_is_told_why_its_job_is_not_running(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    made = (await admin.post("/api/v1/jobs", json=analysis)).json()
    path = f"/api/v1/jobs/{made['jobId']}/why"
    await admin.post("/api/v1/jobs/queues/file-analysis/pause")
    try:
        why = (await admin.get(path)).json()
    finally:
        await admin.post("/api/v1/jobs/queues/file-analysis/resume")
    assert (why["jobId"], why["cause"]) == (made["jobId"], "tenant_paused")
    assert why["sentence"].startswith("The tenant tenant-")
    later = analysis | {"delay": 3_600_000}
    made = (await admin.post("/api/v1/jobs/schedule", json=later)).json()
    why = (await admin.get(f"/api/v1/jobs/{made['jobId']}/why")).json()
    assert (why["cause"], why["facts"]) == ("delayed", {"until": made["scheduledFor"]})
    assert made["scheduledFor"] in why["sentence"]
    assert (await stranger.get(path)).status_code == 404
