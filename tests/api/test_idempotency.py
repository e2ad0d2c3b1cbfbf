"""A request that is repeated under the same Idempotency-Key is done once."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import httpx2
import pytest

from cotiza_queue.clock import SystemClock, iso
from cotiza_queue.store.connection import Connection

MAIL = {
    "type": "email-notification",
    "data": {
        "type": "quote-expired",
        "recipientEmail": "a@example.com",
        "templateData": {"quoteNumber": "Q-1"},
    },
}
ROUTES: dict[str, dict[str, Any]] = {
    "/api/v1/jobs": MAIL,
    "/api/v1/jobs/schedule": MAIL | {"delay": 60_000},
    "/api/v1/jobs/bulk": {"jobs": [MAIL, MAIL | {"options": {"priority": 3}}, "no job"]},
}


def under(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


async def count(client: httpx2.AsyncClient) -> int:
    return len((await client.get("/api/v1/jobs")).json()["items"])


@pytest.mark.row("A4")
@pytest.mark.parametrize("route", ROUTES)
async def test_the_same_key_and_body_get_the_same_status_and_body_and_make_nothing_new(
    admin: httpx2.AsyncClient, route: str
) -> None:
    body = ROUTES[route]
    first = await admin.post(route, json=body, headers=under("order-7"))
    made = await count(admin)
    again = await admin.post(route, json=body, headers=under("order-7"))
    assert first.status_code == again.status_code in (201, 207)
    assert first.json() == again.json()
    assert first.headers.get("location") == again.headers.get("location")
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await count(admin) == made == (2 if "bulk" in route else 1)
    other = await admin.post(route, json=body, headers=under("order-8"))
    assert other.json() != first.json()


@pytest.mark.row("A4")
@pytest.mark.parametrize("route", ["/api/v1/jobs", "/api/v1/jobs/schedule"])
async def test_the_same_key_with_another_body_is_refused(
    admin: httpx2.AsyncClient, route: str
) -> None:
    body = ROUTES[route]
    changed = body | {"data": body["data"] | {"recipientEmail": "b@example.com"}}
    hurried = body | {"options": {"priority": 1}}
    assert (await admin.post(route, json=body, headers=under("k"))).status_code == 201
    for another in (changed, hurried):
        refused = await admin.post(route, json=another, headers=under("k"))
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert await count(admin) == 1


@pytest.mark.row("A4")
@pytest.mark.parametrize("route", ROUTES)
async def test_while_the_first_request_is_in_flight_another_under_its_key_gets_409(
    admin: httpx2.AsyncClient, redis_url: str, route: str
) -> None:
    connection = Connection(redis_url)
    send = functools.partial(admin.post, route, json=ROUTES[route], headers=under("slow"))
    await connection.command("CLIENT", "PAUSE", 20_000, "WRITE")
    try:
        both = [asyncio.ensure_future(send()) for _ in range(2)]
        (refused,), (waiting,) = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        assert (refused.result().status_code, refused.result().json()["code"]) == (
            409,
            "request_in_flight",
        )
    finally:
        await connection.command("CLIENT", "UNPAUSE")
        await connection.close()
    first = await waiting
    assert first.status_code in (201, 207)
    again = await send()
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_key_beside_a_moment_is_refused_and_not_half_kept(
    admin: httpx2.AsyncClient,
) -> None:
    body = MAIL | {"runAt": iso(SystemClock().now_ms() + 3_600_000)}
    refused = await admin.post("/api/v1/jobs/schedule", json=body, headers=under("k"))
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "Idempotency-Key"
    assert "jobId" in refused.json()["remedy"]
    assert await count(admin) == 0


async def test_in_a_batch_a_changed_job_is_refused_and_the_others_stand(
    admin: httpx2.AsyncClient,
) -> None:
    hurried = MAIL | {"options": {"priority": 1}}
    first = await admin.post("/api/v1/jobs/bulk", json={"jobs": [MAIL, MAIL]}, headers=under("b"))
    again = await admin.post(
        "/api/v1/jobs/bulk", json={"jobs": [MAIL, hurried, MAIL]}, headers=under("b")
    )
    assert (again.status_code, again.json()["created"], again.json()["failed"]) == (207, 2, 1)
    assert again.json()["results"][0] == first.json()["results"][0]
    assert again.json()["results"][1]["error"]["code"] == "idempotency_key_reused"
    assert "idempotency-replayed" not in again.headers


async def test_a_key_is_its_tenants_own(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    mine = await admin.post("/api/v1/jobs", json=MAIL, headers=under("k"))
    theirs = await stranger.post("/api/v1/jobs", json=MAIL, headers=under("k"))
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["jobId"] != theirs.json()["jobId"]
    assert "idempotency-replayed" not in theirs.headers


@pytest.mark.parametrize("route", [*ROUTES, "/api/v1/jobs/recurring"])
@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "tab\there", "ñ"])
async def test_a_key_that_is_none_is_refused(
    admin: httpx2.AsyncClient, route: str, key: str
) -> None:
    report = {"reportType": "quote", "entityId": "Q", "format": "pdf"}
    recurring = {"type": "report-generation", "data": report, "cronExpression": "0 2 * * *"}
    headers = [("Idempotency-Key", key.encode())]
    refused = await admin.post(route, json=ROUTES.get(route, recurring), headers=headers)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize("route", ROUTES)
async def test_a_key_may_have_one_to_255_characters(admin: httpx2.AsyncClient, route: str) -> None:
    for key in ("k", "~" * 255):
        answer = await admin.post(route, json=ROUTES[route], headers=under(key))
        assert answer.status_code in (201, 207)
        assert answer.json().get("created", 2) == 2
