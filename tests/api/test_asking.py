"""Questions about a job over HTTP: why it is not running, and what became of it."""

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


@pytest.mark.row("F1")
async def test_a_job_that_is_no_longer_kept_is_gone_and_not_unknown(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    brief = analysis | {"options": {"removeOnFail": True}}
    made = (await admin.post("/api/v1/jobs", json=brief)).json()
    path = f"/api/v1/jobs/{made['jobId']}"
    assert (await admin.delete(path)).status_code == 200
    gone = await admin.get(path)
    assert (gone.status_code, gone.json()["code"]) == (410, "job_expired")
    assert gone.json()["remedy"]
    assert (await admin.get(f"{path}/events")).status_code == 410
    assert (await admin.delete(path)).status_code == 410
    foreign = await stranger.get(path)
    assert (foreign.status_code, foreign.json()["code"]) == (404, "job_not_found")
    assert (await admin.get("/api/v1/jobs/made-up")).status_code == 404


@pytest.mark.row("F8")
async def test_a_caller_sees_all_that_has_happened_to_its_job_and_who_asked_for_it(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    made = (await admin.post("/api/v1/jobs", json=analysis)).json()
    path = f"/api/v1/jobs/{made['jobId']}"
    await admin.delete(path)
    await admin.post(f"{path}/retry")
    told = (await admin.get(f"{path}/history")).json()
    assert told["jobId"] == made["jobId"]
    made_at, cancelled, replayed = told["items"]
    assert made_at == {"at": made["createdAt"], "to": "waiting", "cause": "enqueue"}
    assert cancelled.pop("at") <= replayed.pop("at")
    assert cancelled == {"from": "waiting", "to": "cancelled", "cause": "cancel", "by": "ana"}
    assert replayed == {"from": "cancelled", "to": "waiting", "cause": "replay", "by": "ana"}
    assert (await stranger.get(f"{path}/history")).status_code == 404
