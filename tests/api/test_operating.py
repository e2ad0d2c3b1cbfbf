"""What operators see and do: health, numbers, pausing and cleaning queues."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api_support import Process, bearer

MAIL = {
    "type": "email-notification",
    "data": {
        "type": "quote-expired",
        "recipientEmail": "a@example.com",
        "templateData": {"quoteNumber": "Q-1"},
    },
}
QUEUE = "/api/v1/jobs/queues/email-notification"


async def test_the_platform_pauses_and_resumes_a_whole_queue(api: Process) -> None:
    async with api.client(bearer("admin", "hq", scope="platform")) as platform:

        async def paused() -> bool:
            metrics = await platform.get("/api/v1/jobs/queues/metrics?type=email-notification")
            return bool(metrics.json()["paused"])

        try:
            answer = await platform.post(f"{QUEUE}/pause")
            assert (answer.status_code, answer.json()["paused"]) == (200, True)
            assert "tenant" not in answer.json()
            assert await paused()
        finally:
            answer = await platform.post(f"{QUEUE}/resume")
        assert answer.json()["paused"] is False
        assert not await paused()


async def test_an_admin_pauses_a_queue_for_its_own_tenant_and_for_no_other(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, tenant: str, working: Any
) -> None:
    async def mail(payload: Any, context: Any) -> None: ...

    paused = await admin.post(f"{QUEUE}/pause")
    assert paused.json() == {
        "type": "email-notification",
        "tenant": tenant,
        "paused": True,
        "message": f"no new jobs of tenant {tenant} start; what runs goes on",
    }
    assert (await admin.post(f"{QUEUE}/pause?tenantId=acme")).json()["code"] == "wrong_tenant"
    mine = (await admin.post("/api/v1/jobs", json=MAIL)).headers["location"]
    theirs = (await stranger.post("/api/v1/jobs", json=MAIL)).headers["location"]
    async with working({"email-notification": mail}):
        assert (await stranger.get(f"{theirs}?wait=20")).json()["status"] == "completed"
        assert (await admin.get(mine)).json()["status"] == "waiting"
        resumed = (await admin.post(f"{QUEUE}/resume")).json()
        assert (resumed["tenant"], resumed["paused"]) == (tenant, False)
        assert (await admin.get(f"{mine}?wait=20")).json()["status"] == "completed"


@pytest.mark.row("G1")
async def test_a_pause_takes_a_span_a_reason_and_a_tenant(
    api: Process, admin: httpx2.AsyncClient, tenant: str
) -> None:
    async with api.client(bearer("admin", "hq", scope="platform")) as platform:
        body = {"forMs": 3_600_000, "reason": "moving", "tenantId": tenant}
        named = await platform.post(f"{QUEUE}/pause", json=body)
        assert (named.status_code, named.json()["tenant"]) == (200, tenant)
        try:
            await platform.post(f"{QUEUE}/pause", json={"reason": "moving", "forMs": 3_600_000})
            metrics = (
                await platform.get("/api/v1/jobs/queues/metrics?type=email-notification")
            ).json()
            assert (metrics["paused"], metrics["pausedReason"]) == (True, "moving")
            assert metrics["pausedUntilMs"] > 0
        finally:
            await platform.post(f"{QUEUE}/resume")
    assert (await admin.post(f"{QUEUE}/resume")).json()["tenant"] == tenant
    refused = await admin.post(f"{QUEUE}/pause", json={"forMs": 0})
    assert refused.json()["errors"][0]["field"] == "forMs"
    other = await admin.post(f"{QUEUE}/pause", json={"tenantId": "acme"})
    assert other.json()["code"] == "wrong_tenant"


async def test_an_admin_cleans_away_its_own_tenants_jobs_only(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, tenant: str
) -> None:
    mine = (await admin.post("/api/v1/jobs", json=MAIL)).headers["location"]
    theirs = (await stranger.post("/api/v1/jobs", json=MAIL)).headers["location"]
    assert (await admin.delete(mine)).status_code == 200
    assert (await stranger.delete(theirs)).status_code == 200
    answer = await admin.post(f"{QUEUE}/clean", json={"grace": 0, "status": "cancelled"})
    assert (answer.json()["removed"], answer.json()["tenant"]) == (1, tenant)
    assert (await admin.get(mine)).status_code == 410
    assert (await stranger.get(theirs)).status_code == 200


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
    assert (await admin.get(f"/api/v1/jobs/{made['jobId']}")).status_code == 410


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
    for path in ("jobs/queues/metrics", "jobs", "dead-letters"):
        for given in ("baking", "x}:j:1", "*", ""):
            answer = await admin.get(f"/api/v1/{path}", params={"type": given})
            assert answer.status_code == 422, path
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
