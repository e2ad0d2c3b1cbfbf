"""Changing and promoting jobs over HTTP."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from api_support import Process, bearer

MAIL = {
    "type": "email-notification",
    "data": {
        "type": "quote-expired",
        "recipientEmail": "a@example.com",
        "templateData": {"quoteNumber": "Q-1"},
    },
    "options": {"delay": 60_000},
}


async def created(client: httpx2.AsyncClient) -> str:
    answer = await client.post("/api/v1/jobs", json=MAIL)
    return answer.headers["location"]


@pytest.mark.row("A7")
async def test_a_job_that_has_not_started_is_changed_and_promoted(
    admin: httpx2.AsyncClient,
) -> None:
    where = await created(admin)
    data = MAIL["data"] | {"recipientEmail": "b@example.com"}  # type: ignore[operator]
    changed = await admin.patch(where, json={"data": data, "priority": 7, "delay": 90_000})
    assert changed.status_code == 200
    body = changed.json()
    assert (body["status"], body["priority"]) == ("delayed", 7)
    assert body["scheduledFor"] > body["createdAt"]
    promoted = await admin.post(f"{where}/promote")
    assert (promoted.status_code, promoted.json()["status"]) == (200, "waiting")
    assert (await admin.delete(where)).status_code == 200
    for late in (await admin.patch(where, json={"delay": 0}), await admin.post(f"{where}/promote")):
        assert (late.status_code, late.json()["code"]) == (409, "already_cancelled")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "data"),
        ({"data": {"type": "quote-expired"}}, "data.recipientEmail"),
        ({"data": {**MAIL["data"], "tenantId": 7}}, "data.tenantId"),  # type: ignore[dict-item]
        ({"priority": -1}, "priority"),
        ({"delay": 366 * 86_400_000 + 1}, "delay"),
        ({"prio": 1}, "prio"),
    ],
)
async def test_a_change_that_can_not_be_is_refused_and_changes_nothing(
    admin: httpx2.AsyncClient, asked: dict[str, Any], field: str
) -> None:
    where = await created(admin)
    before = (await admin.get(where)).json()
    answer = await admin.patch(where, json=asked)
    assert answer.status_code == 422
    assert field in [fault["field"] for fault in answer.json()["errors"]]
    assert (await admin.get(where)).json() == before


async def test_only_a_manager_of_the_tenant_changes_its_jobs(
    api: Process, admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, tenant: str
) -> None:
    where = await created(admin)
    assert (await stranger.patch(where, json={"priority": 1})).status_code == 404
    assert (await stranger.post(f"{where}/promote")).status_code == 404
    data = {**MAIL["data"], "tenantId": "other"}  # type: ignore[dict-item]
    assert (await admin.patch(where, json={"data": data})).json()["code"] == "wrong_tenant"
    async with api.client(bearer("operator", tenant)) as operator:
        assert (await operator.patch(where, json={"priority": 1})).status_code == 403
        assert (await operator.post(f"{where}/promote")).status_code == 403
