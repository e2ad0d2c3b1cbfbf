"""Server-sent events: live, resumed, for a job and for a tenant."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api_support import Process, Sent, bearer, events
from cotiza_api.sse import KEPT_BYTES, Encoder, EventStream
from cotiza_queue.jobtypes import FILE_ANALYSIS
from cotiza_queue.model.job import Event
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.embedded import acquire

CROWD = 1_000
MAIL = {
    "type": "email-notification",
    "data": {
        "type": "quote-expired",
        "recipientEmail": "a@example.com",
        "templateData": {"quoteNumber": "Q-1"},
    },
}


async def analyse(payload: Any, context: Any) -> dict[str, str]:
    for percentage in (25, 50, 75):
        context.progress(percentage, "meshing", f"{percentage} of 100")
        await asyncio.sleep(0.3)
    return {"thumbnailUrl": f"file-store://{context.tenant}/thumbnails/one"}


async def read(
    client: httpx2.AsyncClient,
    path: str,
    after: str | None = None,
    begun: asyncio.Event | None = None,
) -> list[Sent]:
    """Every event of a stream that ends. ``begun`` is set once the first one is there."""
    headers, seen = {"Last-Event-ID": after} if after else {}, list[Sent]()
    async with client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["cache-control"] == "no-store"
        async for event in events(answer):
            seen.append(event)
            if begun is not None:
                begun.set()
    return seen


async def test_a_job_is_followed_to_its_end_and_resumed_without_gap_or_duplicate(
    admin: httpx2.AsyncClient, working: Any, analysis: dict[str, Any]
) -> None:
    made = (await admin.post("/api/v1/jobs", json=analysis)).json()
    path = f"/api/v1/jobs/{made['jobId']}/events"
    async with asyncio.TaskGroup() as group:
        begun = asyncio.Event()
        following = group.create_task(read(admin, path, begun=begun))
        await begun.wait()
        async with working({FILE_ANALYSIS: analyse}):
            seen = await following
    names = [event.name for event in seen]
    assert names[0] == "state"
    assert names[-1] == "completed"
    assert {"active", "progress"} <= set(names)
    assert all(event.data["jobId"] == made["jobId"] for event in seen)
    assert all(event.data["type"] == "file-analysis" for event in seen)
    assert len({event.id for event in seen}) == len(seen)
    for index in range(len(seen) - 1):
        assert await read(admin, path, seen[index].id) == seen[index + 1 :]


async def test_a_client_that_comes_back_after_the_end_is_told_to_stop(
    admin: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    made = (await admin.post("/api/v1/jobs", json=analysis)).json()
    path = f"/api/v1/jobs/{made['jobId']}"
    await admin.delete(path)
    seen = await read(admin, f"{path}/events")
    assert [event.name for event in seen] == ["state"]
    assert seen[0].data["status"] == "cancelled"
    answer = await admin.get(f"{path}/events", headers={"Last-Event-ID": seen[0].id})
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("given", ["x", "1-2-3", "-1", "9" * 30, "1-2; x", "1-9223372036854775808"])
async def test_what_is_no_event_id_is_refused(
    admin: httpx2.AsyncClient, analysis: dict[str, Any], given: str
) -> None:
    made = (await admin.post("/api/v1/jobs", json=analysis)).json()
    for path in (f"/api/v1/jobs/{made['jobId']}/events", "/api/v1/events"):
        answer = await admin.get(path, headers={"Last-Event-ID": given})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Last-Event-ID")


async def test_events_of_an_unknown_job_are_404_and_not_a_silent_stream(
    admin: httpx2.AsyncClient,
) -> None:
    answer = await admin.get("/api/v1/jobs/nothing/events")
    assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")


async def test_a_tenant_sees_the_events_of_its_own_jobs_only(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    async def made(body: dict[str, Any]) -> str:
        mine.append((await admin.post("/api/v1/jobs", json=body)).json()["jobId"])
        return mine[-1]

    mine: list[str] = []
    async with admin.stream("GET", "/api/v1/events") as answer, asyncio.TaskGroup() as group:
        listening = group.create_task(anext(events(answer)))
        while not listening.done():  # the stream begins at a moment that nobody tells
            await made(MAIL)
    event = listening.result()
    await stranger.post("/api/v1/jobs", json=MAIL)
    second = await made(analysis)
    headers = {"Last-Event-ID": event.id}
    async with admin.stream("GET", "/api/v1/events", headers=headers) as answer:
        stream = events(answer)
        while event.data["jobId"] != second:
            event = await anext(stream)
            assert (event.name, event.data["jobId"] in mine) == ("waiting", True)
        third = await made(MAIL)
        event = await anext(stream)
        assert (event.name, event.data["jobId"]) == ("waiting", third)


async def cancelled(client: httpx2.AsyncClient, job: dict[str, Any]) -> str:
    """Cancel a job; where its events are."""
    await client.delete(f"/api/v1/jobs/{job['jobId']}")
    return f"/api/v1/jobs/{job['jobId']}/events"


async def test_head_does_not_hold_the_line(admin: httpx2.AsyncClient) -> None:
    answer = await admin.head("/api/v1/events")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_a_quiet_stream_shows_that_it_lives_and_ends_when_the_server_stops() -> None:
    async def nothing() -> AsyncIterator[Event]:
        await asyncio.Event().wait()
        yield Event(id="", name="", job_id="", type="", tenant="", at_ms=0)

    stopping, sent = asyncio.Event(), list[dict[str, Any]]()

    async def send(message: Any) -> None:
        sent.append(message)
        if message.get("body", b"").startswith(b":"):
            stopping.set()

    async def receive() -> Any:
        await asyncio.Event().wait()

    stream = EventStream(nothing(), Encoder("").encode, stopping=stopping, heartbeat_s=0.01)
    await stream({"type": "http", "method": "GET"}, receive, send)
    assert sent[0]["status"] == 200
    assert sent[1]["body"].startswith(b"retry:")
    assert not sent[-1]["more_body"]


async def test_a_stream_ends_when_its_client_leaves() -> None:
    left = asyncio.Event()

    async def nothing() -> AsyncIterator[Event]:
        try:
            await asyncio.Event().wait()
            yield Event(id="", name="", job_id="", type="", tenant="", at_ms=0)
        finally:
            left.set()

    async def send(message: Any) -> None:
        pass

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    stream = EventStream(nothing(), Encoder("").encode, stopping=asyncio.Event())
    await stream({"type": "http", "method": "GET"}, receive, send)
    assert left.is_set()


def test_an_event_is_encoded_once_for_all_and_what_is_kept_has_a_limit() -> None:
    def told(number: int) -> Event:
        data = {"message": "m" * 10_000}
        return Event(
            id=f"{number}-0", name="progress", job_id="j", type="t", tenant="a", at_ms=0, data=data
        )

    encoder, first = Encoder("http://api"), told(1)
    encoded = encoder.encode(first)
    assert encoded.startswith(b"id: 1-0\nevent: progress\ndata: {")
    assert encoder.encode(first) is encoded
    assert encoder.encode(told(1)) == encoded
    for number in range(2, 2 + KEPT_BYTES // 10_000):
        encoder.encode(told(number))
    assert encoder.encode(first) is not encoded
    assert sum(len(each) for _, each in encoder._kept.values()) <= KEPT_BYTES


class Follower:
    """A client of a tenant's events that notes whose it hears."""

    def __init__(self, api: Process, tenant: str) -> None:
        self._api = api
        self._headers = bearer("admin", tenant)
        self.made: list[str] = []
        self.heard: list[str] = []

    async def follow(self) -> None:
        place = httpx2.URL(self._api.url)
        reader, writer = await asyncio.open_connection(place.host, place.port)
        token = self._headers["Authorization"]
        head = f"GET /api/v1/events HTTP/1.1\r\nHost: api\r\nAuthorization: {token}\r\n\r\n"
        writer.write(head.encode())
        try:
            async for line in reader:
                if line.startswith(b"data: "):
                    self.heard.append(json.loads(line[6:])["jobId"])
        finally:
            writer.close()

    async def make(self) -> None:
        async with self._api.client(self._headers) as client:
            self.made.append((await client.post("/api/v1/jobs", json=MAIL)).json()["jobId"])


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[tuple[Process, str]]:
    """An API on a server that nobody else uses, and that server's URL."""
    server = await acquire(tmp_path / "redis")
    api = await asyncio.to_thread(Process, tmp_path / "api", REDIS_URL=server.url)
    yield api, server.url
    assert await asyncio.to_thread(api.stop) == 0
    await server.release()


@pytest.mark.row("F4")
async def test_a_thousand_clients_follow_over_one_connection_to_redis_and_no_tenant_hears_another(
    alone: tuple[Process, str],
) -> None:
    api, redis_url = alone
    crowd = [Follower(api, "ours") for _ in range(CROWD)]
    one, other = crowd[0], Follower(api, "other")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.follow()) for each in [*crowd, other]]
        async with asyncio.timeout(60):
            while not all(each.heard for each in [*crowd, other]):
                await other.make()  # a stream begins at a moment that nobody tells
                await one.make()
                await asyncio.sleep(0.2)
            assert (await commands_of(redis_url))["xread"] == 1
            await other.make()
            await one.make()
            while any(each.heard[-1] != one.made[-1] for each in crowd):
                await asyncio.sleep(0.05)
            while other.heard[-1] != other.made[-1]:
                await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
    assert other.heard == other.made[-len(other.heard) :]
    for each in crowd:
        assert each.heard == one.made[-len(each.heard) :]


async def commands_of(redis_url: str) -> Counter[str]:
    """How many connections of the server have asked for what last."""
    connection = Connection(redis_url)
    listed = (await connection.command("CLIENT", "LIST")).decode()
    await connection.close()
    return Counter(re.findall(r" cmd=(\S+)", listed))
