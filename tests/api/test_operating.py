"""What operators see and do: health, numbers, pausing and cleaning queues."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api_support import Process, bearer

MAIL = {
    "type": "email-notification",
    "data": {"type": "quote-ready", "recipientEmail": "a@example.com", "templateData": {}},
}
QUEUE = "/api/v1/jobs/queues/email-notification"


async def test_a_queue_is_paused_and_resumed(admin: httpx2.AsyncClient) -> None:
    async def paused() -> bool:
        metrics = await admin.get("/api/v1/jobs/queues/metrics?type=email-notification")
        return bool(metrics.json()["paused"])

    try:
        answer = await admin.post(f"{QUEUE}/pause")
        assert (answer.status_code, answer.json()["paused"]) == (200, True)
        assert await paused()
    finally:
        answer = await admin.post(f"{QUEUE}/resume")
    assert answer.json()["paused"] is False
    assert not await paused()


async def test_ended_jobs_are_cleaned_a_bounded_number_at_a_time(
    admin: httpx2.AsyncClient,
) -> None:
    made = (await admin.post("/api/v1/jobs", json=MAIL)).json()
    await admin.delete(f"/api/v1/jobs/{made['jobId']}")
    day = {"grace": 86_400_000, "status": "cancelled"}
    kept = await admin.post(f"{QUEUE}/clean", json=day)
    assert (kept.status_code, kept.json()["removed"]) == (200, 0)
    removed = await admin.post(f"{QUEUE}/clean", json={"grace": 0, "status": "cancelled"})
    assert removed.json()["removed"] >= 1
    assert (await admin.get(f"/api/v1/jobs/{made['jobId']}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "grace"),
        ({"grace": -1}, "grace"),
        ({"grace": 0, "status": "waiting"}, "status"),
        ({"grace": 0, "limit": 0}, "limit"),
        ({"grace": 0, "limit": 1001}, "limit"),
    ],
)
async def test_a_clean_without_bounds_is_refused(
    admin: httpx2.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await admin.post(f"{QUEUE}/clean", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_an_unknown_queue_is_404_and_an_unknown_type_422(admin: httpx2.AsyncClient) -> None:
    for verb in ("pause", "resume"):
        answer = await admin.post(f"/api/v1/jobs/queues/baking/{verb}")
        assert (answer.status_code, answer.json()["code"]) == (404, "queue_not_found")
    for given in ("baking", "x}:j:1", "*"):
        answer = await admin.get("/api/v1/jobs/queues/metrics", params={"type": given})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "type"


async def test_prometheus_reads_the_same_numbers_without_tenants(
    admin: httpx2.AsyncClient, tenant: str
) -> None:
    await admin.post("/api/v1/jobs", json=MAIL)
    answer = await admin.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert tenant not in answer.text
    values = {
        (sample.name, sample.labels.get("queue"), sample.labels.get("status")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert values["cotiza_queue_jobs", "email-notification", "waiting"] >= 1
    assert values["cotiza_queue_paused", "email-notification", None] == 0


async def test_health_names_no_tenant_and_counts_every_job(
    admin: httpx2.AsyncClient, tenant: str
) -> None:
    await admin.post("/api/v1/jobs", json=MAIL)
    answer = await admin.get("/api/v1/jobs/health/check")
    assert answer.json()["totalJobs"] >= 1
    assert tenant not in answer.text


async def test_liveness_and_readiness_need_no_token(api: Process) -> None:
    async with api.client() as nobody:
        for path in ("/healthz", "/readyz"):
            answer = await nobody.get(path)
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert (await nobody.get("/metrics")).status_code == 401


async def test_dead_letters_of_all_tenants_are_for_the_platform(api: Process) -> None:
    async with api.client(bearer("admin", "hq")) as admin:
        asked = await admin.get("/api/v1/dead-letters?tenantId=acme")
        assert asked.status_code == 403
    async with api.client(bearer("admin", "hq", scope="platform")) as platform:
        assert (await platform.get("/api/v1/dead-letters?tenantId=acme")).status_code == 200
        assert (await platform.get("/api/v1/dead-letters")).status_code == 200
        assert (await platform.get("/api/v1/dead-letters?limit=0")).status_code == 422
