"""What is not a proper request, and what it gets: limits of bodies, the shape of every error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.requests import Request

from api_support import Process, bearer
from cotiza_api.bodies import MAX_JSON_BYTES, limited
from cotiza_api.errors import RequestTooSlow

MALFORMED = {
    "nothing": b"",
    "half of it": b'{"type": "file-analysis"',
    "a comment": b'{"delay": 300000 // 5 minutes\n}',
    "100,000 brackets": b"[" * 100_000,
    "100,000 objects": b'{"a":' * 100_000,
    "NaN": b'{"type": NaN}',
    "half a pair": b'{"type": "\\ud800"}',
    "Latin-1": b'{"type": "\xe9"}',
    "two values": b"{} {}",
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_what_is_not_json_is_400(admin: httpx2.AsyncClient, name: str) -> None:
    answer = await admin.post("/api/v1/jobs", content=MALFORMED[name])
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


FIELDS: dict[str, tuple[Any, str]] = {
    "a list": ([], ""),
    "no type": ({"type": None}, "type"),
    "an unknown type": ({"type": "baking"}, "type"),
    "an unknown field": ({"colour": "red"}, "colour"),
    "data that is a list": ({"data": []}, "data"),
    "a wrong file type": ({"data": {"fileType": "exe"}}, "data.fileType"),
    "a URL that is none": ({"data": {"fileUrl": "file:///etc/passwd"}}, "data.fileUrl"),
    "an unknown field in data": ({"data": {"colour": "red"}}, "data.colour"),
    "a fault deep in data": (
        {"data": {"analysisOptions": {"unit": "cubit"}}},
        "data.analysisOptions.unit",
    ),
    "a priority of true": ({"options": {"priority": True}}, "options.priority"),
    "a priority of 1.0": ({"options": {"priority": 1.0}}, "options.priority"),
    "a priority of -1": ({"options": {"priority": -1}}, "options.priority"),
    "a priority too high": ({"options": {"priority": 1_000_001}}, "options.priority"),
    "a priority of 2^63": ({"options": {"priority": 2**63}}, "options.priority"),
    "a billion attempts": ({"options": {"attempts": 10**9}}, "options.attempts"),
    "no attempts": ({"options": {"attempts": 0}}, "options.attempts"),
    "an endless delay": ({"options": {"delay": 10**15}}, "options.delay"),
    "no timeout": ({"options": {"timeout": 0}}, "options.timeout"),
    "no backoff": ({"options": {"backoff": {"delay": 0}}}, "options.backoff.delay"),
    "a job id with a colon": ({"options": {"jobId": "x}:j:1"}}, "options.jobId"),
    "a job id of 47": ({"options": {"jobId": "x" * 47}}, "options.jobId"),
    "17 tags": ({"options": {"tags": ["a"] * 17}}, "options.tags"),
    "an empty tag": ({"options": {"tags": ["a", ""]}}, "options.tags[1]"),
}


@pytest.mark.parametrize("name", FIELDS)
async def test_a_fault_is_named_by_its_path(
    admin: httpx2.AsyncClient, analysis: dict[str, Any], name: str
) -> None:
    change, path = FIELDS[name]
    body = change
    if isinstance(change, dict):
        data = change.get("data")
        merged = {**analysis["data"], **data} if isinstance(data, dict) else data
        body = analysis | change | ({} if data is None else {"data": merged})
    answer = await admin.post("/api/v1/jobs", json=body)
    assert answer.status_code == 422, answer.text
    assert [fault["field"] for fault in answer.json()["errors"]] == [path]
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"priority": 1_000_000, "attempts": 25}, 201),
        ({"timeout": 100, "backoff": {"type": "fixed", "delay": 1}}, 201),
        ({"removeOnComplete": True, "removeOnFail": {"age": 60}}, 201),
        ({"tags": ["a"] * 16, "deadline": 1000}, 201),
    ],
)
async def test_the_limits_themselves_are_allowed(
    admin: httpx2.AsyncClient, analysis: dict[str, Any], options: dict[str, Any], status: int
) -> None:
    answer = await admin.post("/api/v1/jobs", json=analysis | {"options": options})
    assert answer.status_code == status, answer.text


async def test_of_a_name_that_occurs_twice_the_last_counts(admin: httpx2.AsyncClient) -> None:
    text = b'{"type": "baking", "type": "burning", "data": {}}'
    assert "burning" in (await admin.post("/api/v1/jobs", content=text)).json()["detail"]


async def test_every_error_has_the_same_shape(
    admin: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    analysis["data"]["fileType"] = "exe"
    answer = await admin.post(
        "/api/v1/jobs", json=analysis, headers={"X-Request-Id": "my-request.1"}
    )
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "my-request.1"
    assert body.keys() == {
        "type", "title", "status", "detail", "code", "errors", "requestId", "statusCode", "message",
    }  # fmt: skip
    assert body["type"].endswith("/docs#invalid_input")
    assert (body["status"], body["statusCode"]) == (422, 422)
    assert body["title"].startswith("Unprocessable")
    assert body["detail"] == body["message"]
    assert body["requestId"] == "my-request.1"


@pytest.mark.parametrize("given", ["x" * 65, "a b", "<script>", ""])
async def test_a_request_id_that_is_none_is_replaced(api: Process, given: str) -> None:
    async with api.client({"X-Request-Id": given}) as client:
        answer = await client.get("/api/v1/nothing")
    assert answer.json()["requestId"] == answer.headers["x-request-id"] != given
    assert answer.headers["x-request-id"].isalnum()


async def test_an_unknown_route_and_a_wrong_method_say_so(admin: httpx2.AsyncClient) -> None:
    for path in ("/nothing", "/api/v1/jobs/", "/api/v2/jobs", "/api/v1/files/a/b", "/docs/x"):
        answer = await admin.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "route_not_found")
    answer = await admin.put("/api/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    answer = await admin.post("/api/v1/jobs/health/check")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("route", ["jobs/nothing/retry", "dead-letters/nothing/replay"])
async def test_what_is_said_to_a_route_that_hears_nothing_is_refused(
    admin: httpx2.AsyncClient, route: str
) -> None:
    answer = await admin.post(f"/api/v1/{route}", json={"data": {"fileType": "stl"}})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "data")
    for nothing in (b"", b" ", b"{}"):
        answer = await admin.post(f"/api/v1/{route}", content=nothing)
        assert answer.status_code == 404


async def test_options_and_head_are_sane(api: Process, admin: httpx2.AsyncClient) -> None:
    options = await admin.options("/api/v1/jobs")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    head, get = await admin.head("/api/v1/jobs"), await admin.get("/api/v1/jobs")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    async with api.client() as nobody:
        assert (await nobody.head("/api/v1/jobs")).status_code == 401


async def test_answers_tell_browsers_to_be_careful(admin: httpx2.AsyncClient) -> None:
    for answer in (await admin.get("/api/v1/jobs"), await admin.get("/nothing")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers


async def test_a_query_that_is_misspelt_or_doubled_is_refused(admin: httpx2.AsyncClient) -> None:
    for query, field in (
        ("stauts=waiting", "stauts"),
        ("status=sleeping", "status"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("offset=10001", "offset"),
        ("type=a&type=b", "type"),
        ("cursor=nonsense", "cursor"),
    ):
        answer = await admin.get(f"/api/v1/jobs?{query}")
        assert answer.status_code == 422, query
        assert answer.json()["errors"][0]["field"] == field


async def test_a_body_of_another_kind_is_415(admin: httpx2.AsyncClient) -> None:
    for headers in (
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain"},
        {"Content-Encoding": "gzip"},
    ):
        answer = await admin.post("/api/v1/jobs", content=b"{}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    utf8 = {"Content-Type": "application/json; charset=utf-8"}
    assert (await admin.post("/api/v1/jobs", content=b"{}", headers=utf8)).status_code == 422


def padded(analysis: dict[str, Any], size: int) -> bytes:
    """A request of exactly so many bytes."""
    bare = json.dumps(analysis).encode()
    return bare + b" " * (size - len(bare))


async def test_a_body_may_have_one_mebibyte_and_not_a_byte_more(
    admin: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    fits = await admin.post("/api/v1/jobs", content=padded(analysis, MAX_JSON_BYTES))
    assert fits.status_code == 201
    announced = await admin.post("/api/v1/jobs", content=padded(analysis, MAX_JSON_BYTES + 1))
    assert (announced.status_code, announced.json()["code"]) == (413, "too_large")


async def test_a_body_that_does_not_tell_its_length_is_cut_off_at_the_limit(
    admin: httpx2.AsyncClient,
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(160):
            yield b" " * 65_536

    answer = await admin.post("/api/v1/jobs", content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_caller_who_leaves_midway_creates_nothing(
    api: Process, admin: httpx2.AsyncClient, tenant: str, analysis: dict[str, Any]
) -> None:
    body = json.dumps(analysis).encode()
    host, _, port = api.url.removeprefix("http://").rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    authorization = bearer("admin", tenant)["Authorization"]
    writer.write(f"{head}Authorization: {authorization}\r\n\r\n".encode() + body[:-1])
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await admin.get("/api/v1/jobs")).json()["items"] == []


@pytest.mark.parametrize(("silence_s", "whole_s"), [(0.01, 60), (60, 0.01)])
async def test_a_body_that_does_not_arrive_in_time_is_408(silence_s: float, whole_s: float) -> None:
    async def drip() -> dict[str, Any]:
        await asyncio.sleep(0 if whole_s < 1 else 60)
        return {"type": "http.request", "body": b" ", "more_body": True}

    request = Request({"type": "http", "method": "POST", "headers": []}, drip)
    with pytest.raises(RequestTooSlow) as slow:
        async for _ in limited(request, MAX_JSON_BYTES, silence_s=silence_s, whole_s=whole_s):
            pass
    assert slow.value.http_status == 408
