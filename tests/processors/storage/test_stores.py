"""What every blob store promises, held against a folder and against a real S3 server."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from cotiza_queue.errors import InvalidInput, NotFound, TooLarge
from cotiza_queue.storage import BlobStore, blob_key

MEGABYTE = 1024 * 1024


async def read(store: BlobStore, key: str) -> bytes:
    return b"".join([chunk async for chunk in store.open(key)])


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def save(store: BlobStore, key: str, body: bytes | AsyncIterator[bytes]) -> None:
    await store.put(key, body, name="part.stl", content_type="model/stl")


async def test_what_was_put_can_be_read_and_is_described(store: BlobStore, tenant: str) -> None:
    key = blob_key(tenant, "uploads", "f1")
    put = await store.put(key, b"solid", name="peça ñ 零件.stl", content_type="model/stl")
    assert await store.info(key) == put
    assert await read(store, key) == b"solid"
    assert (put.key, put.size, put.name) == (key, 5, "peça ñ 零件.stl")
    assert put.content_type == "model/stl"
    assert put.sha256 == hashlib.sha256(b"solid").hexdigest()


async def test_an_empty_file_is_a_file(store: BlobStore, tenant: str) -> None:
    key = blob_key(tenant, "uploads", "empty")
    assert (await store.put(key, b"", name="e", content_type="text/plain")).size == 0
    assert await read(store, key) == b""
    assert (await store.info(key)).sha256 == hashlib.sha256(b"").hexdigest()


async def test_ten_megabytes_stream_through_unchanged(store: BlobStore, tenant: str) -> None:
    key = blob_key(tenant, "uploads", "big")
    block = bytes(range(256)) * 401  # not a multiple of any chunk size
    count = 10 * MEGABYTE // len(block) + 1

    async def body() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield block

    info = await store.put(key, body(), name="big.stl", content_type="model/stl")
    digest, size = hashlib.sha256(), 0
    async for chunk in store.open(key):
        digest.update(chunk)
        size += len(chunk)
    assert size == info.size == count * len(block)
    assert digest.hexdigest() == info.sha256 == hashlib.sha256(block * count).hexdigest()


async def test_a_second_put_replaces_body_and_description(store: BlobStore, tenant: str) -> None:
    key = blob_key(tenant, "reports", "r")
    await store.put(key, b"first version", name="a.pdf", content_type="application/pdf")
    second = await store.put(key, b"second", name="b.csv", content_type="text/csv")
    assert await store.info(key) == second
    assert await read(store, key) == b"second"


async def test_a_half_written_file_is_never_seen(store: BlobStore, tenant: str) -> None:
    key = blob_key(tenant, "uploads", "half")

    async def breaks_off() -> AsyncIterator[bytes]:
        yield b"x" * MEGABYTE
        with pytest.raises(NotFound):
            await store.info(key)
        raise ConnectionResetError("the uploader has gone")

    with pytest.raises(ConnectionResetError):
        await save(store, key, breaks_off())
    with pytest.raises(NotFound):
        await store.info(key)


async def test_a_failed_put_leaves_the_old_file_as_it_was(store: BlobStore, tenant: str) -> None:
    key = blob_key(tenant, "uploads", "kept")
    await save(store, key, b"old")

    async def breaks_off() -> AsyncIterator[bytes]:
        yield b"x" * MEGABYTE
        assert await read(store, key) == b"old"
        raise ConnectionResetError("the uploader has gone")

    with pytest.raises(ConnectionResetError):
        await save(store, key, breaks_off())
    assert await read(store, key) == b"old"


async def test_a_cancelled_put_leaves_nothing(store: BlobStore, tenant: str) -> None:
    key = blob_key(tenant, "uploads", "cancelled")
    begun = asyncio.Event()

    async def stalls() -> AsyncIterator[bytes]:
        yield b"x" * MEGABYTE
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(save(store, key, stalls()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(NotFound):
        await store.info(key)


async def test_of_two_puts_at_once_one_wins_as_a_whole(store: BlobStore, tenant: str) -> None:
    key = blob_key(tenant, "uploads", "contested")
    bodies = {b"a" * MEGABYTE, b"b" * (MEGABYTE + 1)}
    for _ in range(5):
        await asyncio.gather(*(save(store, key, stream(body)) for body in bodies))
        won = await read(store, key)
        info = await store.info(key)
        assert won in bodies
        assert (info.size, info.sha256) == (len(won), hashlib.sha256(won).hexdigest())


async def test_the_size_limit_holds_to_the_byte(store: BlobStore, tenant: str) -> None:
    key = blob_key(tenant, "uploads", "limit")
    whole = b"x" * 700_000
    await store.put(key, stream(whole), name="n", content_type="text/plain", max_bytes=len(whole))
    with pytest.raises(TooLarge) as caught:
        await store.put(
            key, stream(whole, b"!"), name="n", content_type="text/plain", max_bytes=len(whole)
        )
    assert caught.value.details == {"maxBytes": 700_000}
    assert await read(store, key) == whole


async def test_an_endless_body_is_cut_off_at_its_limit(store: BlobStore, tenant: str) -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65_536
        finally:
            closed.set()

    key = blob_key(tenant, "uploads", "endless")
    with pytest.raises(TooLarge):
        await store.put(key, endless(), name="n", content_type="text/plain", max_bytes=MEGABYTE)
    assert closed.is_set()


async def test_deleting_says_whether_there_was_a_file(store: BlobStore, tenant: str) -> None:
    key = blob_key(tenant, "uploads", "gone")
    await save(store, key, b"x")
    assert await store.delete(key) is True
    assert await store.delete(key) is False
    with pytest.raises(NotFound):
        await store.info(key)
    with pytest.raises(NotFound):
        await read(store, key)


@pytest.mark.parametrize(
    "key",
    [
        "../../etc/passwd",
        "t/../../etc",
        "t/uploads/..",
        "t/./x",
        "/etc/passwd",
        "t//x",
        "t/uploads",
        "t/uploads/a/b",
        "t/uploads/a\0b",
        "t/uploads/a\nb",
        "t/uploads/ñ",
        "t/up\\loads/x",
        "t/%2e%2e/x",
        "~incoming/uploads/x",
        "t/uploads/" + "x" * 129,
        "",
    ],
)
async def test_a_key_that_leaves_its_place_is_refused(store: BlobStore, key: str) -> None:
    with pytest.raises(InvalidInput):
        await save(store, key, b"x")
    with pytest.raises(InvalidInput):
        await store.info(key)
    with pytest.raises(InvalidInput):
        await read(store, key)
    with pytest.raises(InvalidInput):
        await store.delete(key)


async def test_names_are_made_safe_and_content_types_checked(store: BlobStore, tenant: str) -> None:
    key = blob_key(tenant, "uploads", "name")
    info = await store.put(key, b"x", name="../..\\a\r\nb\u202e.stl", content_type="model/stl")
    assert info.name == "ab.stl"
    assert (await store.info(key)).name == "ab.stl"
    with pytest.raises(InvalidInput):
        await store.put(key, b"x", name="n", content_type="text/plain\r\nX-Evil: 1")


async def test_a_reader_may_stop_early(store: BlobStore, tenant: str) -> None:
    key = blob_key(tenant, "uploads", "early")
    await save(store, key, b"x" * MEGABYTE)
    async for chunk in store.open(key):
        assert chunk.startswith(b"x")
        break
    assert await store.delete(key)
