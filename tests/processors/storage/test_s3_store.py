"""What is particular to S3: refusals, outages, and objects that others put into the bucket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from cotiza_queue.errors import ConfigurationError, NotFound, PermanentError, RetryableError
from cotiza_queue.settings import Settings
from cotiza_queue.storage.s3 import S3Store

SECRET = "a-secret-that-must-not-show"


async def refused(settings: Settings, kind: type[Exception]) -> Exception:
    """What put raises, which must be what open raises too."""
    store = S3Store(settings)
    try:
        with pytest.raises(kind) as put:
            await store.put("acme/uploads/x", b"x", name="n", content_type="text/plain")
        with pytest.raises(kind) as opened:
            await anext(store.open("acme/uploads/x"))
        assert getattr(put.value, "code", None) == getattr(opened.value, "code", None)
        assert SECRET not in str(put.value)
        return put.value
    finally:
        await store.close()


def changed(settings: Settings, **changes: str) -> Settings:
    return msgspec.structs.replace(settings, **changes)


async def test_a_wrong_secret_is_a_permanent_error(s3_settings: Settings) -> None:
    error = await refused(changed(s3_settings, aws_secret_access_key=SECRET), PermanentError)
    assert error.code == "storage_forbidden"
    assert "AWS_SECRET_ACCESS_KEY" in error.remedy


async def test_an_unknown_bucket_is_a_permanent_error(s3_settings: Settings) -> None:
    error = await refused(changed(s3_settings, s3_bucket="no-such-bucket"), PermanentError)
    assert error.code == "storage_bucket_missing"


async def test_a_server_that_is_away_is_worth_another_try(s3_settings: Settings) -> None:
    away = changed(s3_settings, s3_endpoint_url="http://127.0.0.1:1")
    assert (await refused(away, RetryableError)).code == "storage_unavailable"


@pytest.fixture
async def grumpy() -> AsyncIterator[str]:
    """The URL of a server that answers every request as an overloaded S3 does."""
    xml = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            head = f"HTTP/1.1 503 Slow Down\r\nContent-Length: {len(xml)}\r\nConnection: close"
            writer.write(head.encode() + b"\r\n\r\n" + xml)
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_an_overloaded_server_is_worth_another_try(
    s3_settings: Settings, grumpy: str
) -> None:
    error = await refused(changed(s3_settings, s3_endpoint_url=grumpy), RetryableError)
    assert error.code == "storage_unavailable"
    assert "SlowDown" in str(error)


async def test_a_body_that_breaks_off_on_the_way_is_noticed(s3_settings: Settings) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 10)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    store = S3Store(changed(s3_settings, s3_endpoint_url=url))
    with pytest.raises(RetryableError):
        _ = [chunk async for chunk in store.open("acme/uploads/x")]
    await store.close()
    server.close()


async def test_an_object_of_others_can_be_read_but_is_not_vouched_for(
    s3: S3Store, tenant: str
) -> None:
    key = f"{tenant}/2026/part.stl"
    client = await s3._connected()
    await client.put_object(Bucket=s3.bucket, Key=key, Body=b"solid")
    assert b"".join([chunk async for chunk in s3.open_object(key)]) == b"solid"
    with pytest.raises(NotFound):
        await s3.info(key)
    assert await s3.delete(key) is False


async def test_the_server_refuses_a_body_that_does_not_match_its_hash(
    s3: S3Store, tenant: str
) -> None:
    """The body is not part of the signature; this is what protects it instead."""
    client = await s3._connected()
    with pytest.raises(client.exceptions.ClientError):
        await client.put_object(
            Bucket=s3.bucket, Key=f"{tenant}/a/b", Body=b"solid", ChecksumSHA256="A" * 43 + "="
        )


async def test_calls_at_once_share_one_connection_and_close_may_come_twice(
    s3_settings: Settings, tenant: str
) -> None:
    store = S3Store(s3_settings)
    names = [f"{tenant}/uploads/{number}" for number in range(8)]
    await asyncio.gather(
        *(store.put(name, b"x", name="n", content_type="text/plain") for name in names)
    )
    await store.close()
    await store.close()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (Settings(), "S3_BUCKET"),
        (Settings(s3_bucket="b", aws_access_key_id="a"), "AWS_SECRET_ACCESS_KEY"),
        (Settings(s3_bucket="b", aws_secret_access_key=SECRET), "AWS_ACCESS_KEY_ID"),
        (Settings(s3_bucket="b", s3_endpoint_url="minio:9000"), "S3_ENDPOINT_URL"),
        (Settings(s3_bucket="b", s3_endpoint_url=f"https://u:{SECRET}@h/"), "S3_ENDPOINT_URL"),
    ],
)
def test_wrong_settings_are_named_before_anything_is_sent(settings: Settings, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        S3Store(settings)
    assert named in str(caught.value.remedy)
    assert SECRET not in str(caught.value)
