"""Recurring jobs over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

REPORT = {
    "type": "report-generation",
    "data": {"reportType": "analytics", "format": "pdf"},
    "cronExpression": "0 2 * * *",
    "timezone": "America/Mexico_City",
}
PATH = "/api/v1/jobs/recurring"


@pytest.fixture
async def schedule(admin: httpx2.AsyncClient) -> AsyncIterator[str]:
    """The path of a schedule."""
    answer = await admin.post(PATH, json=REPORT)
    assert answer.status_code == 201
    yield answer.headers["location"]
    await admin.delete(answer.headers["location"])


async def test_a_schedule_is_listed_paused_resumed_and_removed(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, schedule: str
) -> None:
    shown = (await admin.get(schedule)).json()
    assert shown == {
        "scheduleId": schedule.rpartition("/")[2],
        "type": "report-generation",
        "cron": "0 2 * * *",
        "timezone": "America/Mexico_City",
        "data": {"reportType": "analytics", "format": "pdf"},
        "paused": False,
        "fired": 0,
        "nextRunAt": shown["nextRunAt"],
    }
    assert shown["nextRunAt"].endswith("T08:00:00.000Z")
    assert (await admin.get(PATH)).json()["items"] == [shown]
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/run")):
        assert (await stranger.request(method, schedule + path)).status_code == 404
    paused = (await admin.post(f"{schedule}/pause")).json()
    assert paused["paused"] is True
    assert "nextRunAt" not in paused
    resumed = (await admin.post(f"{schedule}/resume")).json()
    assert resumed == shown
    removed = (await admin.delete(schedule)).json()
    assert removed["removed"] is True
    assert (await admin.get(schedule)).status_code == 404
    assert (await admin.delete(schedule)).status_code == 404


async def test_a_schedule_can_be_run_at_once(admin: httpx2.AsyncClient, schedule: str) -> None:
    made = await admin.post(f"{schedule}/run")
    assert made.status_code == 201
    job = (await admin.get(made.headers["location"])).json()
    assert (job["type"], job["status"]) == ("report-generation", "waiting")


async def test_a_schedule_tells_when_it_fires_next(
    admin: httpx2.AsyncClient, schedule: str
) -> None:
    preview = (await admin.get(f"{schedule}/preview?n=3")).json()
    shown = (await admin.get(schedule)).json()
    assert len(preview["occurrences"]) == 3
    assert preview["occurrences"][0] == shown["nextRunAt"]
    assert len((await admin.get(f"{schedule}/preview")).json()["occurrences"]) == 5
    assert (await admin.get(f"{schedule}/preview?n=101")).status_code == 422


async def test_the_same_key_changes_the_schedule_instead_of_adding_one(
    admin: httpx2.AsyncClient,
) -> None:
    first = (await admin.post(PATH, json=REPORT | {"key": "nightly"})).json()
    changed = REPORT | {"key": "nightly", "cronExpression": "30 3 * * *"}
    second = (await admin.post(PATH, json=changed)).json()
    assert second["scheduleId"] == first["scheduleId"]
    (shown,) = (await admin.get(PATH)).json()["items"]
    assert (shown["cron"], shown["key"]) == ("30 3 * * *", "nightly")
    await admin.delete(f"{PATH}/{first['scheduleId']}")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"cronExpression": "* * * * * *"}, "cronExpression"),
        ({"cronExpression": "R R * * *"}, "cronExpression"),
        ({"cronExpression": "H * * * *"}, "cronExpression"),
        ({"cronExpression": "0 0 30 2 *"}, "cronExpression"),
        ({"cronExpression": "0 2 * * *" + " " * 2000}, "cronExpression"),
        ({"cronExpression": ""}, "cronExpression"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"data": {"reportType": "poem", "format": "pdf"}}, "data.reportType"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_schedule_that_can_never_be_right_is_refused(
    admin: httpx2.AsyncClient, change: dict[str, Any], field: str
) -> None:
    answer = await admin.post(PATH, json=REPORT | change)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
