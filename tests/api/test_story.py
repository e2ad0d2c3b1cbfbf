"""What a client that was written against the seed's documentation sends, and what it gets."""

from __future__ import annotations

import re
from typing import Any

import httpx2

from api_support import Process, bearer

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_the_documented_request_creates_a_job(admin: httpx2.AsyncClient) -> None:
    text = """
    {
      "type": "file-analysis",
      "data": {
        "fileId": "file-123",
        "fileUrl": "s3://bucket/file.stl",
        "fileName": "part.stl",
        "fileType": "stl"
      },
      "options": {
        "priority": 1,
        "attempts": 3
      }
    }
    """
    answer = await admin.post("/api/v1/jobs", content=text)
    job = answer.json()
    assert answer.status_code == 201
    assert job.keys() == {"jobId", "type", "status", "createdAt"}
    assert (job["type"], job["status"]) == ("file-analysis", "waiting")
    assert ISO.fullmatch(job["createdAt"])
    assert answer.headers["location"] == f"/api/v1/jobs/{job['jobId']}"


async def test_the_documented_request_schedules_a_mail(admin: httpx2.AsyncClient) -> None:
    body = {
        "type": "email-notification",
        "data": {
            "type": "quote-ready",
            "recipientEmail": "customer@example.com",
            "templateData": {
                "quoteNumber": "Q-123",
                "total": "1234.50",
                "currency": "MXN",
                "validUntil": "2030-01-31",
            },
        },
        "delay": 300000,
    }
    answer = await admin.post("/api/v1/jobs/schedule", json=body)
    job = answer.json()
    assert answer.status_code == 201
    assert job["status"] == "delayed"
    assert ISO.fullmatch(job["scheduledFor"])
    assert job["scheduledFor"] > job["createdAt"]


async def test_a_new_job_says_where_it_stands(
    admin: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    made = (await admin.post("/api/v1/jobs", json=analysis)).json()
    status = (await admin.get(f"/api/v1/jobs/{made['jobId']}")).json()
    assert status == {
        **made,
        "progress": {"percentage": 0, "step": "", "message": ""},
        "attempts": 0,
        "maxAttempts": 3,
        "priority": 0,
    }


async def test_metrics_of_one_queue_are_an_object_and_of_all_a_list(
    admin: httpx2.AsyncClient,
) -> None:
    one = (await admin.get("/api/v1/jobs/queues/metrics?type=file-analysis")).json()
    every = (await admin.get("/api/v1/jobs/queues/metrics")).json()
    assert one.keys() >= {
        "name", "waiting", "active", "completed", "failed", "delayed", "paused",
        "completedRate", "failedRate", "avgProcessingTime", "p50", "p95", "p99",
        "oldestWaitingMs", "throughputPerMinute",
    }  # fmt: skip
    assert one["name"] == "file-analysis"
    assert {"file-analysis", "quote-calculation", "email-notification", "report-generation"} <= {
        queue["name"] for queue in every
    }


async def test_a_job_that_is_cancelled_can_be_retried(
    admin: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    made = (await admin.post("/api/v1/jobs", json=analysis)).json()
    path = f"/api/v1/jobs/{made['jobId']}"
    assert (await admin.post(f"{path}/retry")).json()["code"] == "not_retryable"
    cancelled = await admin.delete(path)
    assert cancelled.status_code == 200
    assert cancelled.json().keys() == {"jobId", "cancelled", "message"}
    assert cancelled.json()["cancelled"] is True
    assert (await admin.get(path)).json()["status"] == "cancelled"
    again = await admin.delete(path)
    assert (again.status_code, again.json()["code"]) == (409, "already_cancelled")
    retried = await admin.post(f"{path}/retry")
    assert retried.status_code == 200
    assert retried.json().keys() == {"jobId", "message", "attempts"}
    assert (await admin.get(path)).json()["status"] == "waiting"


async def test_health_needs_no_token_and_has_the_documented_shape(api: Process) -> None:
    async with api.client() as nobody:
        answer = await nobody.get("/api/v1/jobs/health/check")
    health = answer.json()
    assert answer.status_code == 200
    assert health.keys() == {"status", "queues", "totalJobs", "metrics", "redis", "workers"}
    assert health["status"] == "healthy"
    assert health["queues"] >= 4
    assert health["redis"]["status"] == "up"
    for queue in health["metrics"]:
        assert queue.keys() == {"name", "active", "failed", "failedRate", "paused"}


async def test_the_recurring_report_of_the_documentation_recurs(
    admin: httpx2.AsyncClient,
) -> None:
    body = {
        "type": "report-generation",
        "data": {"reportType": "analytics", "format": "pdf"},
        "cronExpression": "0 2 * * *",
    }
    answer = await admin.post("/api/v1/jobs/recurring", json=body)
    made = answer.json()
    assert answer.status_code == 201
    assert made.keys() == {"scheduleId", "message", "type", "cron", "nextRunAt"}
    assert made["cron"] == "0 2 * * *"
    assert made["nextRunAt"].endswith("T02:00:00.000Z")
    await admin.delete(f"/api/v1/jobs/recurring/{made['scheduleId']}")


async def test_the_tenant_may_be_named_as_in_the_usage_examples(
    api: Process, analysis: dict[str, Any], tenant: str
) -> None:
    analysis["data"] |= {"tenantId": tenant, "userId": "somebody"}
    async with api.client(bearer("manager", tenant)) as manager:
        assert (await manager.post("/api/v1/jobs", json=analysis)).status_code == 201
        analysis["data"]["tenantId"] = "somebody-else"
        refused = await manager.post("/api/v1/jobs", json=analysis)
    assert (refused.status_code, refused.json()["code"]) == (403, "wrong_tenant")
