"""One tenant's administrator against another tenant's things, through every route that changes
anything.
"""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from api_support import Process, bearer
from cotiza_api.app import OPERATIONS
from cotiza_api.openapi import document
from cotiza_queue import Settings
from cotiza_queue.errors import InvalidData

DOCUMENT = document(OPERATIONS, Settings())
CHANGES = [
    (method.upper(), path)
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if method in ("post", "delete", "put", "patch")
]
MAIL = {
    "type": "email-notification",
    "data": {
        "type": "quote-expired",
        "recipientEmail": "a@example.com",
        "templateData": {"quoteNumber": "Q-1"},
    },
}
REPORT = {
    "type": "report-generation",
    "data": {"reportType": "quote", "entityId": "Q-1", "format": "pdf"},
    "cronExpression": "0 2 * * *",
}


class Belongings:
    """What a tenant has: a waiting job, a cancelled one, a dead one and a schedule."""

    def __init__(self, owner: httpx2.AsyncClient) -> None:
        self.owner = owner
        self.waiting = self.cancelled = self.dead = self.schedule = ""

    async def make(self, working: Any) -> None:
        async def refuse(payload: Any, context: Any) -> None:
            raise InvalidData("no")

        self.dead = await self._job()
        async with working({"email-notification": refuse}):
            status = (await self.owner.get(f"/api/v1/jobs/{self.dead}?wait=20")).json()["status"]
            assert status == "failed"
        self.cancelled = await self._job()
        await self.owner.delete(f"/api/v1/jobs/{self.cancelled}")
        self.waiting = await self._job()
        made = await self.owner.post("/api/v1/jobs/recurring", json=REPORT)
        self.schedule = made.json()["scheduleId"]

    async def seen(self) -> list[Any]:
        """All that the owner sees of them, and that its queue hands out jobs."""
        paths = ["jobs", "dead-letters", "jobs/recurring"]
        paths += [f"jobs/{one}" for one in (self.waiting, self.cancelled, self.dead)]
        answers = [await self.owner.get(f"/api/v1/{path}") for path in paths]
        assert [answer.status_code for answer in answers] == [200] * len(answers)
        return [answer.json() for answer in answers]

    def paths(self, path: str) -> list[str]:
        """A path of the document with these things in it, one by one."""
        if "{" not in path:
            return [path]
        if "dead-letters/" in path:
            return [path.replace("{jobId}", self.dead)]
        jobs = (self.waiting, self.cancelled, self.dead)
        filled = [path.replace("{jobId}", job) for job in jobs] if "{jobId}" in path else [path]
        return [
            each.replace("{scheduleId}", self.schedule).replace("{type}", "email-notification")
            for each in filled
        ]

    async def _job(self) -> str:
        return str((await self.owner.post("/api/v1/jobs", json=MAIL)).json()["jobId"])


def bodies(method: str, path: str) -> list[Any]:
    """The examples of an operation, as documented; None for a request without a body."""
    operation = DOCUMENT["paths"][path][method.lower()]
    content = operation.get("requestBody", {}).get("content", {})
    examples = content.get("application/json", {}).get("examples", {})
    return [example["value"] for example in examples.values()] or [None]


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_no_route_changes_anything_of_another_tenant(
    api: Process, admin: httpx2.AsyncClient, tenant: str, working: Any, method: str, path: str
) -> None:
    mine = Belongings(admin)
    await mine.make(working)
    before = await mine.seen()
    async with api.client(bearer("admin", f"{tenant}-rival")) as rival:
        for filled in mine.paths(path):
            assert "{" not in filled, "say in Belongings what this parameter names"
            for body in bodies(method, path):
                for query in ("", f"?tenantId={tenant}"):
                    answer = await rival.request(method, filled + query, json=body)
                    assert answer.status_code < 500
                    assert tenant not in answer.text.replace(f"{tenant}-rival", "")
                    own = "{" not in path or "{type}" in path
                    assert own or answer.status_code in (404, 422), answer.text
                if isinstance(body, dict) and "data" in body:
                    named = await rival.request(method, filled, json=body | {"tenantId": tenant})
                    assert named.status_code == 403
    assert await mine.seen() == before

    async def send(payload: Any, context: Any) -> None: ...

    async with working({"email-notification": send}):
        ended = (await admin.get(f"/api/v1/jobs/{mine.waiting}?wait=20")).json()
    assert ended["status"] == "completed", "the queue was paused for its owner"
    await admin.delete(f"/api/v1/jobs/recurring/{mine.schedule}")


async def test_only_the_platform_pauses_resumes_or_cleans_for_somebody_else(
    api: Process, admin: httpx2.AsyncClient, tenant: str
) -> None:
    queue = "/api/v1/jobs/queues/email-notification"
    clean = {"grace": 0, "status": "cancelled"}
    for verb, body in (("pause", None), ("resume", None), ("clean", clean)):
        refused = await admin.post(f"{queue}/{verb}?tenantId=acme", json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "wrong_tenant")
        async with api.client(bearer("admin", "hq", scope="platform")) as platform:
            answer = await platform.post(f"{queue}/{verb}?tenantId={tenant}", json=body)
        assert (answer.status_code, answer.json()["tenant"]) == (200, tenant)


async def test_numbers_of_the_queues_are_the_platforms_and_name_no_tenant(
    admin: httpx2.AsyncClient, tenant: str
) -> None:
    await admin.post("/api/v1/jobs", json=MAIL)
    answer = await admin.get("/api/v1/jobs/queues/metrics")
    assert tenant not in json.dumps(answer.json())
    described = DOCUMENT["paths"]["/api/v1/jobs/queues/metrics"]["get"]["description"]
    assert "totals of the whole platform" in described
