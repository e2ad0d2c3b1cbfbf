"""Large payloads and results lie in the store: a folder and an S3 server in turn."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cotiza_queue import NewJob, Queue
from cotiza_queue.engine.offload import OFFLOAD_BYTES
from cotiza_queue.errors import JobFailed, NotFound, TooLarge
from cotiza_queue.storage import BlobStore
from cotiza_queue.store.codec import MAX_PAYLOAD_BYTES, MAX_STORED_BYTES
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import stored

pytestmark = pytest.mark.row("A11")


@pytest.fixture
async def large(redis_url: str, store: BlobStore) -> AsyncIterator[Queue]:
    """A queue with a store."""
    async with Queue(redis_url, blobs=store) as opened:
        yield opened


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Connection]:
    connection = Connection(redis_url)
    yield connection
    await connection.close()


async def same(payload: Any, context: Any) -> Any:
    if payload == "bad":
        raise ValueError("bad")
    return payload


async def held(redis: Connection, kind: str, job_id: str) -> int:
    """Bytes that Redis holds of a job."""
    keys = [key for key in await redis.command("KEYS", "*") if key.endswith(stored(job_id, kind))]
    assert keys
    return sum([await redis.command("MEMORY", "USAGE", key) for key in keys])


async def until_gone(store: BlobStore, key: str) -> None:
    while True:
        try:
            await store.info(key)
        except NotFound:
            return
        await asyncio.sleep(0.05)


async def test_a_payload_of_50_mb_takes_less_than_2_kib_of_redis_and_is_gone_after_retention(
    large: Queue, store: BlobStore, redis: Connection, kind: str, working: Any
) -> None:
    payload = {"text": secrets.token_hex(1000) * 25_000}
    job = await large.enqueue(kind, payload, tenant=kind, options={"removeOnComplete": {"age": 1}})
    stored = (await large.get(job.job_id)).payload_blob
    assert await held(redis, kind, job.job_id) < 2048
    assert stored is not None
    assert stored.size > 50_000_000
    assert (await store.info(stored.key)).size == stored.size
    async with working({kind: same}, blobs=store):
        assert await large.result(job, tenant=kind, timeout_ms=120_000) == payload
        ended = await large.get(job.job_id)
        assert ended.payload is None
        assert ended.result_blob is not None
        assert await held(redis, kind, job.job_id) < 2048
        for blob in (stored, ended.result_blob):
            await until_gone(store, blob.key)
    assert await redis.command("ZCARD", f"{{cq:{kind}}}:litter") == 0


async def test_a_stored_payload_that_was_tampered_with_is_a_permanent_error(
    large: Queue, store: BlobStore, kind: str, working: Any
) -> None:
    jobs = [await large.enqueue(kind, "x" * 100_000, tenant=kind) for _ in range(3)]
    keys = [str((await large.get(job.job_id)).payload_blob.key) for job in jobs]  # type: ignore[union-attr]
    await store.put(keys[0], b'"' + b"y" * 100_000 + b'"', name="n", content_type="text/plain")
    await store.put(keys[1], b'"short"', name="n", content_type="text/plain")
    await store.delete(keys[2])
    async with working({kind: same}, blobs=store):
        for job in jobs:
            with pytest.raises(JobFailed) as caught:
                await large.result(job, tenant=kind)
            assert caught.value.code == "offload_damaged"
            assert (await large.get(job.job_id)).attempt == 1


async def test_what_a_repeated_call_has_stored_is_deleted_and_the_first_ones_stays(
    large: Queue, store: BlobStore, redis: Connection, kind: str, working: Any
) -> None:
    options = {"jobId": "once"}
    first = await large.enqueue(kind, "x" * 100_000, tenant=kind, options=options)
    again = await large.enqueue(kind, "y" * 100_000, tenant=kind, options=options)
    assert (first.created, again.created, again.job_id) == (True, False, first.job_id)
    (litter,) = await redis.command("ZRANGE", f"{{cq:{kind}}}:litter", 0, -1)
    async with working({kind: same}, blobs=store):
        assert await large.result(first, tenant=kind) == "x" * 100_000
        await until_gone(store, litter.decode())


async def test_a_dead_letter_keeps_the_payload_that_a_replay_needs(
    large: Queue, store: BlobStore, kind: str, working: Any
) -> None:
    go: list[bool] = []

    async def second_time(payload: Any, context: Any) -> int:
        if not go:
            raise ValueError("first time")
        return len(payload)

    options = {"attempts": 1, "removeOnFail": True}
    job = await large.enqueue(kind, "x" * 100_000, tenant=kind, options=options)
    async with working({kind: second_time}, blobs=store):
        while not (await large.dead_letters(job_type=kind))[0]:
            await asyncio.sleep(0.02)
        go.append(True)
        await large.replay(job.job_id, tenant=kind)
        assert await large.result(job, tenant=kind) == 100_000


async def test_small_content_stays_in_redis_and_the_limits_hold_at_their_edges(
    large: Queue, queue: Queue, store: BlobStore, kind: str, working: Any
) -> None:
    small = await large.enqueue(kind, "x" * 1000, tenant=kind)
    assert (await large.get(small.job_id)).payload == "x" * 1000
    edge = await large.enqueue(kind, "x" * (OFFLOAD_BYTES + 1), tenant=kind)
    assert (await large.get(edge.job_id)).payload_blob is not None
    with pytest.raises(TooLarge) as caught:
        await large.enqueue(kind, "x" * (MAX_STORED_BYTES - 1), tenant=kind)
    assert caught.value.code == "payload_too_large"
    await queue.enqueue(kind, "x" * (MAX_PAYLOAD_BYTES - 2), tenant=kind)
    with pytest.raises(TooLarge):
        await queue.enqueue(kind, "x" * (MAX_PAYLOAD_BYTES - 1), tenant=kind)
    many = await large.enqueue_many([NewJob(type=kind, payload="z" * 50_000, tenant=kind)] * 3)
    async with working({kind: same}, blobs=store):
        for job in many:
            assert await large.result(job.job_id, tenant=kind) == "z" * 50_000  # type: ignore[union-attr]


async def test_a_payload_of_300_kib_without_a_store_is_refused_before_redis(
    queue: Queue, redis: Connection, kind: str
) -> None:
    with pytest.raises(TooLarge) as caught:
        await queue.enqueue(kind, "x" * 300 * 1024)
    assert caught.value.http_status == 413
    assert f"{300 * 1024 + 2:,} bytes" in caught.value.message
    assert await redis.command("KEYS", f"{{cq:{kind}}}:*") == []
