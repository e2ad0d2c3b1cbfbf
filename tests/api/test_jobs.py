"""Jobs over HTTP: many at once, later, listed, awaited, failed and dead."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from cotiza_api.schemas import MAX_BULK
from cotiza_queue import Limits, Queue
from cotiza_queue.clock import SystemClock, iso, parse_iso
from cotiza_queue.errors import InvalidData
from cotiza_queue.jobtypes import FILE_ANALYSIS

MAIL = {
    "type": "email-notification",
    "data": {
        "type": "quote-expired",
        "recipientEmail": "a@example.com",
        "templateData": {"quoteNumber": "Q-1"},
    },
}


async def test_of_many_jobs_each_is_taken_or_refused_by_itself(
    admin: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    bad_payload = analysis | {"data": analysis["data"] | {"fileType": "exe"}}
    bad_options = analysis | {"options": {"attempts": 0}}
    anothers = analysis | {"tenantId": "stranger"}
    baking = {"type": "baking", "data": {}}
    jobs = [analysis, bad_payload, MAIL, bad_options, anothers, baking, "a job", None]
    answer = await admin.post("/api/v1/jobs/bulk", json={"jobs": jobs})
    body = answer.json()
    assert answer.status_code == 207
    assert (body["created"], body["failed"]) == (2, 6)
    results = body["results"]
    assert results[0].keys() == {"jobId", "type", "status", "createdAt"}
    assert results[2]["type"] == "email-notification"
    faults = [results[index]["error"] for index in (1, 3, 4, 5, 6, 7)]
    assert [fault["status"] for fault in faults] == [422, 422, 403, 422, 422, 422]
    assert faults[0]["errors"][0]["field"] == "data.fileType"
    assert faults[1]["errors"][0]["field"] == "jobs[3].options.attempts"
    assert faults[3]["code"] == "unknown_job_type"
    assert faults[4]["errors"] == [{"field": "jobs[6]", "message": "must be an object, not text"}]
    assert faults[5]["errors"][0]["field"] == "jobs[7]"
    listed = (await admin.get("/api/v1/jobs")).json()["items"]
    assert {job["jobId"] for job in listed} == {results[0]["jobId"], results[2]["jobId"]}


async def test_a_thousand_jobs_fit_in_one_call_and_not_one_more(admin: httpx2.AsyncClient) -> None:
    answer = await admin.post("/api/v1/jobs/bulk", json={"jobs": [MAIL] * MAX_BULK})
    assert answer.status_code == 201
    ids = [result["jobId"] for result in answer.json()["results"]]
    assert len(set(ids)) == MAX_BULK
    for jobs in ([MAIL] * (MAX_BULK + 1), []):
        answer = await admin.post("/api/v1/jobs/bulk", json={"jobs": jobs})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "jobs"


async def test_the_same_job_id_finds_the_first_job_again(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    asked = MAIL | {"options": {"jobId": "order-7"}}
    first = await admin.post("/api/v1/jobs", json=asked)
    again = await admin.post("/api/v1/jobs", json=asked)
    other = await stranger.post("/api/v1/jobs", json=asked)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 201)
    assert first.json() == again.json()
    assert other.json()["jobId"] != first.json()["jobId"]
    many = await admin.post("/api/v1/jobs/bulk", json={"jobs": [asked, MAIL]})
    assert (many.status_code, many.json()["created"], many.json()["failed"]) == (201, 1, 0)
    assert many.json()["results"][0]["jobId"] == first.json()["jobId"]


@pytest.mark.parametrize(
    ("when", "field"),
    [
        ({"delay": 999}, "delay"),
        ({"delay": 366 * 86_400_000 + 1}, "delay"),
        ({}, "delay"),
        ({"delay": 1000, "runAt": "2030-01-01T00:00:00Z"}, "delay"),
        ({"runAt": "2020-01-01T00:00:00Z"}, "runAt"),
        ({"runAt": "tomorrow"}, "runAt"),
        ({"runAt": "2030-01-01T00:00:00"}, "runAt"),
        ({"delay": 1000, "options": {"delay": 5}}, "options.delay"),
    ],
)
async def test_a_time_that_is_none_is_refused(
    admin: httpx2.AsyncClient, when: dict[str, Any], field: str
) -> None:
    answer = await admin.post("/api/v1/jobs/schedule", json=MAIL | when)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("delay", [1000, 366 * 86_400_000])
async def test_a_job_may_be_due_in_a_second_or_in_a_leap_year(
    admin: httpx2.AsyncClient, delay: int
) -> None:
    job = (await admin.post("/api/v1/jobs/schedule", json=MAIL | {"delay": delay})).json()
    assert parse_iso(job["scheduledFor"]) - parse_iso(job["createdAt"]) == delay
    assert (await admin.get(f"/api/v1/jobs/{job['jobId']}")).json()["scheduledFor"]


async def test_a_job_may_be_due_at_a_moment(admin: httpx2.AsyncClient) -> None:
    moment = SystemClock().now_ms() + 3_600_000
    answer = await admin.post("/api/v1/jobs/schedule", json=MAIL | {"runAt": iso(moment)})
    assert answer.status_code == 201
    assert abs(parse_iso(answer.json()["scheduledFor"]) - moment) < 60_000


async def test_a_listing_is_newest_first_and_goes_on_by_cursor_or_offset(
    admin: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    jobs = [MAIL, analysis, MAIL, analysis, MAIL]
    made = (await admin.post("/api/v1/jobs/bulk", json={"jobs": jobs})).json()["results"]
    every = [job["jobId"] for job in (await admin.get("/api/v1/jobs")).json()["items"]]
    assert sorted(every) == sorted(job["jobId"] for job in made)
    by_cursor: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = (await admin.get("/api/v1/jobs", params=query)).json()
        by_cursor += [job["jobId"] for job in page["items"]]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    assert by_cursor == every
    by_offset = (await admin.get("/api/v1/jobs?offset=1&limit=3")).json()["items"]
    assert [job["jobId"] for job in by_offset] == every[1:4]
    assert (await admin.get("/api/v1/jobs?offset=9")).json() == {"items": [], "nextCursor": None}


async def test_a_listing_can_be_narrowed(
    admin: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    tagged = (await admin.post("/api/v1/jobs", json=MAIL | {"options": {"tags": ["vip"]}})).json()
    plain = (await admin.post("/api/v1/jobs", json=analysis)).json()
    await admin.delete(f"/api/v1/jobs/{plain['jobId']}")

    async def found(query: str) -> list[str]:
        answer = await admin.get(f"/api/v1/jobs?{query}")
        return [job["jobId"] for job in answer.json()["items"]]

    assert await found("type=file-analysis") == [plain["jobId"]]
    assert await found("status=cancelled") == [plain["jobId"]]
    assert await found("status=pending") == [tagged["jobId"]] == await found("status=waiting")
    assert await found("status=processing") == []
    assert await found("tag=vip") == [tagged["jobId"]]
    assert (await admin.get("/api/v1/jobs?tag=vip")).json()["items"][0]["tags"] == ["vip"]


async def test_waiting_for_a_job_brings_its_result_with_download_links(
    api: Any, admin: httpx2.AsyncClient, working: Any, analysis: dict[str, Any]
) -> None:
    async def analyse(payload: Any, context: Any) -> dict[str, Any]:
        context.progress(50, "meshing", "half way")
        key = f"file-store://{context.tenant}/thumbnails/{payload.file_id}"
        return {"artifacts": {"thumbnailUrl": key, "heatmapUrl": None}, "all": [key]}

    made = (await admin.post("/api/v1/jobs", json=analysis)).json()
    path = f"/api/v1/jobs/{made['jobId']}"
    async with asyncio.TaskGroup() as group, working({FILE_ANALYSIS: analyse}):
        waiting = group.create_task(admin.get(path, params={"wait": 20}))
        status = (await waiting).json()
    assert status["status"] == "completed"
    assert status["attempts"] == 1
    assert status["createdAt"] <= status["startedAt"] <= status["completedAt"]
    assert status["duration"] >= 0
    link = status["result"]["artifacts"]["thumbnailUrl"]
    assert link.startswith(f"{api.url}/api/v1/files/tenant-")
    assert status["result"]["all"] == [link]
    assert "error" not in status
    assert "failedAt" not in status
    refused = await admin.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "already_completed")


async def test_waiting_ends_with_the_time_when_the_job_does_not(admin: httpx2.AsyncClient) -> None:
    made = (await admin.post("/api/v1/jobs", json=MAIL)).json()
    answer = await admin.get(f"/api/v1/jobs/{made['jobId']}?wait=1")
    assert (answer.status_code, answer.json()["status"]) == (200, "waiting")
    assert (await admin.get(f"/api/v1/jobs/{made['jobId']}?wait=61")).status_code == 422


async def test_a_failed_job_is_a_dead_letter_that_can_be_replayed_or_thrown_away(
    admin: httpx2.AsyncClient,
    stranger: httpx2.AsyncClient,
    working: Any,
    tenant: str,
    analysis: dict[str, Any],
) -> None:
    async def refuse(payload: Any, context: Any) -> None:
        raise InvalidData(
            "the file is empty", code="empty_file", remedy="Export it again.", details={"bytes": 0}
        )

    made = (await admin.post("/api/v1/jobs", json=analysis)).json()
    path = f"/api/v1/jobs/{made['jobId']}"
    async with working({FILE_ANALYSIS: refuse}):
        status = (await admin.get(path, params={"wait": 20})).json()
    assert status["status"] == "failed"
    assert status["error"] == {
        "code": "empty_file",
        "message": "the file is empty",
        "details": {"bytes": 0},
    }
    assert status["failedAt"]
    letters = (await admin.get("/api/v1/dead-letters")).json()
    assert letters["nextCursor"] is None
    (letter,) = letters["items"]
    assert letter == (await admin.get(f"/api/v1/dead-letters/{made['jobId']}")).json()
    assert (letter["jobId"], letter["tenantId"]) == (made["jobId"], tenant)
    assert letter["data"]["fileId"] == "file-123"
    assert letter["failures"][0]["remedy"] == "Export it again."
    assert (await stranger.get(f"/api/v1/dead-letters/{made['jobId']}")).status_code == 404
    assert (await stranger.delete(f"/api/v1/dead-letters/{made['jobId']}")).status_code == 404

    replayed = await admin.post(f"/api/v1/dead-letters/{made['jobId']}/replay")
    assert replayed.status_code == 200
    assert replayed.json().keys() == {"jobId", "message", "attempts"}
    assert (await admin.get("/api/v1/dead-letters")).json()["items"] == []
    async with working({FILE_ANALYSIS: refuse}):
        assert (await admin.get(path, params={"wait": 20})).json()["status"] == "failed"
    purged = await admin.delete(f"/api/v1/dead-letters/{made['jobId']}")
    assert purged.json()["purged"] is True
    assert (await admin.get(path)).status_code == 410
    gone = await admin.delete(f"/api/v1/dead-letters/{made['jobId']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "dead_letter_not_found")


async def test_a_full_queue_answers_429_and_says_when_to_come_back(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, queue: Queue, tenant: str
) -> None:
    await queue.limit("email-notification", Limits(depth=2), tenant=tenant)
    many = await admin.post("/api/v1/jobs/bulk", json={"jobs": [MAIL] * 3})
    assert (many.status_code, many.json()["created"]) == (207, 2)
    fault = many.json()["results"][2]["error"]
    assert (fault["status"], fault["code"]) == (429, "tenant_queue_full")
    assert 1 <= fault["retryAfter"] <= 60
    one = await admin.post("/api/v1/jobs", json=MAIL)
    assert (one.status_code, one.json()["code"]) == (429, "tenant_queue_full")
    assert 1 <= int(one.headers["retry-after"]) <= 60
    assert "depth" in one.json()["remedy"]
    assert (await stranger.post("/api/v1/jobs", json=MAIL)).status_code == 201
