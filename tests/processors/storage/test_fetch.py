"""Files are brought from our store and our bucket; no other tenant's file can be reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotiza_queue.errors import InvalidData
from cotiza_queue.storage.fetch import Fetcher
from cotiza_queue.storage.local import LocalStore
from cotiza_queue.storage.s3 import S3Store

TENANT = "acme"


# Our own store


async def test_a_stored_file_is_brought_whole(
    strict: Fetcher, local: LocalStore, into: Path, fetched, refusal
) -> None:
    body = b"x" * 1_000_000
    await local.put("acme/uploads/p", body, name="p.stl", content_type="model/stl")
    await strict.fetch("file-store://acme/uploads/p", TENANT, into, len(body))
    assert fetched() == body
    error = await refusal(strict, "file-store://acme/uploads/p", len(body) - 1)
    assert error.code == "file_too_large"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("file-store://acme/uploads/unknown", "file_not_found"),
        ("file-store://other/uploads/p", "file_not_found"),
        ("file-store://acme/../other/p", "forbidden_url"),
        ("file-store://acme/uploads/../../other/uploads/p", "forbidden_url"),
        ("file-store:///etc/passwd", "forbidden_url"),
        ("file-store://acme/uploads", "forbidden_url"),
        ("FILE-STORE://acme/uploads/p", "forbidden_url"),
    ],
)
async def test_only_the_own_files_of_the_store_can_be_reached(
    strict: Fetcher, local: LocalStore, url: str, code: str, refusal
) -> None:
    await local.put("other/uploads/p", b"secret", name="p.stl", content_type="model/stl")
    error = await refusal(strict, url)
    assert isinstance(error, InvalidData)
    assert error.code == code


# Our own bucket


async def test_an_object_below_the_tenants_prefix_is_brought(
    s3: S3Store, local: LocalStore, tenant: str, into: Path, fetched
) -> None:
    client = await s3._connected()
    key = f"{tenant}/2026/part (1).stl".replace(" ", "_")
    await client.put_object(Bucket=s3.bucket, Key=key, Body=b"solid")
    fetcher = Fetcher(local, s3_bucket=s3.bucket, s3=s3)
    await fetcher.fetch(f"s3://{s3.bucket}/{key}", tenant, into, 5)
    assert fetched() == b"solid"
    with pytest.raises(InvalidData) as caught:
        await fetcher.fetch(f"s3://{s3.bucket}/{tenant}/2026/none.stl", tenant, into, 5)
    assert caught.value.code == "file_not_found"
    with pytest.raises(InvalidData) as caught:
        await fetcher.fetch(f"s3://{s3.bucket}/{key}", tenant, into, 4)
    assert caught.value.code == "file_too_large"
    assert fetched() is None


@pytest.mark.parametrize(
    "url",
    [
        "s3://other-bucket/acme/x",
        "s3://cotiza-test/../../x",
        "s3://cotiza-test/acme/../other/x",
        "s3://cotiza-test/acme/./x",
        "s3://cotiza-test/acme//x",
        "s3://cotiza-test//acme/x",
        "s3://cotiza-test/acme",
        "s3://cotiza-test/acme/",
        "s3://cotiza-test/acmeville/x",
        "s3://cotiza-test/other/x",
        "s3://cotiza-test/acme/%2e%2e/other/x",
        "s3://cotiza-test/acme\\x",
        "s3://cotiza-test",
        "s3://user@cotiza-test/acme/x",
        "S3://cotiza-test/acme/x",
    ],
)
async def test_no_other_bucket_and_no_other_tenants_object_can_be_reached(
    s3: S3Store, local: LocalStore, url: str, refusal
) -> None:
    client = await s3._connected()
    for key in ("other/x", "acmeville/x", "x"):
        await client.put_object(Bucket=s3.bucket, Key=key, Body=b"secret")
    error = await refusal(Fetcher(local, s3_bucket=s3.bucket, s3=s3), url)
    assert (type(error), error.code) == (InvalidData, "forbidden_url")


async def test_without_s3_the_error_says_what_to_set(strict: Fetcher, refusal) -> None:
    error = await refusal(strict, "s3://bucket/acme/x")
    assert (type(error), error.code) == (InvalidData, "s3_not_configured")
    assert "S3_BUCKET" in str(error.remedy)
