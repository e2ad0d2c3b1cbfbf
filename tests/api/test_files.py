"""CAD files in, files of jobs out."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from api_support import Process, bearer
from cotiza_api.routes.files import disposition
from cotiza_queue import Settings
from cotiza_queue.wiring import open_store

LIMIT = 300_000
"""What the fixture sets COTIZA_MAX_UPLOAD_BYTES to."""


async def test_an_uploaded_file_is_ready_to_be_analysed_and_comes_back_whole(
    admin: httpx2.AsyncClient, tenant: str
) -> None:
    body = bytes(range(256)) * 1000
    answer = await admin.post("/api/v1/files", files={"file": ("Pieza ñ.STL", body)})
    file = answer.json()
    assert answer.status_code == 201
    assert file == {
        "fileId": file["fileId"],
        "fileUrl": f"file-store://{tenant}/uploads/{file['fileId']}",
        "fileName": "Pieza ñ.STL",
        "fileType": "stl",
        "fileSize": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    data = {name: file[name] for name in ("fileId", "fileUrl", "fileName", "fileType")}
    job = await admin.post("/api/v1/jobs", json={"type": "file-analysis", "data": data})
    assert job.status_code == 201
    for path in (answer.headers["location"], f"/api/v1/files/{tenant}/uploads/{file['fileId']}"):
        back = await admin.get(path)
        assert back.content == body
        assert back.headers["content-length"] == str(len(body))
        assert back.headers["content-type"] == "model/stl"
        assert back.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in back.headers["content-security-policy"]
        assert back.headers["content-disposition"] == (
            "attachment; filename=\"Pieza _.STL\"; filename*=UTF-8''Pieza%20%C3%B1.STL"
        )
    same = await admin.get(path, headers={"If-None-Match": back.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    head = await admin.head(path)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(body)))


async def test_a_bare_body_with_a_name_is_a_file_too(admin: httpx2.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"solid part\n" * 100

    answer = await admin.post("/api/v1/files?fileName=part.step", content=chunks())
    file = answer.json()
    assert (answer.status_code, file["fileType"], file["fileSize"]) == (201, "step", 11_000)


async def test_other_parts_of_a_form_are_passed_over(admin: httpx2.AsyncClient) -> None:
    files = {"note": (None, "hello"), "file": ("part.3mf", b"PK"), "more": (None, "x")}
    answer = await admin.post("/api/v1/files", files=files)
    assert (answer.status_code, answer.json()["fileType"]) == (201, "3mf")


async def test_a_file_belongs_to_its_tenant(
    api: Process, admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, tenant: str
) -> None:
    upload = await admin.post("/api/v1/files", files={"file": ("part.stl", b"solid")})
    path = f"/api/v1/files/{tenant}/uploads/{upload.json()['fileId']}"
    anothers = await stranger.get(path)
    never = await stranger.get(path[:-1] + "zz")
    own_never = await admin.get("/api/v1/files/file-of-nobody")
    for answer in (anothers, never, own_never):
        assert (answer.status_code, answer.json()["code"]) == (404, "file_not_found")
    assert anothers.json()["detail"] == never.json()["detail"]
    async with api.client(bearer("manager", "hq", scope="platform")) as platform:
        assert (await platform.get(path)).content == b"solid"


async def test_files_that_jobs_made_are_served_by_their_key(
    api: Process, admin: httpx2.AsyncClient, tenant: str
) -> None:
    store = open_store(Settings(data_dir=api.log.parent))
    key = f"{tenant}/reports/quote-1.pdf"
    await store.put(key, b"%PDF-1.7", name="cotización.pdf", content_type="application/pdf")
    answer = await admin.get(f"/api/v1/files/{key}")
    assert answer.content == b"%PDF-1.7"
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "path",
    [
        "%2E%2E/uploads/x",
        "t/uploads/%2E%2E",
        "t/%2E/x",
        "t/a%00b/x",
        "t/uploads/x%0a",
        "~incoming/0/0",
    ],
)
async def test_no_path_leads_out_of_the_store(
    api: Process, admin: httpx2.AsyncClient, path: str
) -> None:
    async with api.client(bearer("admin", "hq", scope="platform")) as platform:
        for client in (admin, platform):
            assert (await client.get(f"/api/v1/files/{path}")).status_code == 404


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/part.stl", "part.stl"),
        ("C:\\parts\\part.stl", "part.stl"),
        ("part\u202elts.exe.stl", "partlts.exe.stl"),
        ("x" * 300 + ".stl", "x" * 251 + ".stl"),
    ],
)
async def test_a_name_is_cleaned_before_it_is_shown(
    admin: httpx2.AsyncClient, given: str, shown: str
) -> None:
    answer = await admin.post("/api/v1/files", params={"fileName": given}, content=b"solid")
    assert answer.json()["fileName"] == shown


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "fileName"),
        ({"fileName": "part.exe"}, "fileName"),
        ({"fileName": "stl"}, "fileName"),
        ({"fileName": "part.stl.zip"}, "fileName"),
    ],
)
async def test_a_file_without_a_name_or_of_another_kind_is_refused(
    admin: httpx2.AsyncClient, params: dict[str, str], field: str
) -> None:
    answer = await admin.post("/api/v1/files", params=params, content=b"solid")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_an_empty_file_is_refused(admin: httpx2.AsyncClient) -> None:
    form = await admin.post("/api/v1/files", files={"file": ("part.stl", b"")})
    bare = await admin.post("/api/v1/files?fileName=part.stl", content=b"")
    for answer in (form, bare):
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "file")


async def test_a_file_may_have_the_limit_and_not_a_byte_more(admin: httpx2.AsyncClient) -> None:
    async def chunks(size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, 65_536):
            yield b"x" * min(65_536, size - start)

    async def send(size: int, how: str) -> httpx2.Response:
        match how:
            case "form":
                files = {"file": ("part.stl", b"x" * size)}
                return await admin.post("/api/v1/files", files=files)
            case "bare":
                content: Any = b"x" * size
            case _:
                content = chunks(size)
        return await admin.post("/api/v1/files?fileName=part.stl", content=content)

    for how in ("form", "bare", "chunked"):
        assert (await send(LIMIT, how)).status_code == 201, how
        for size in (LIMIT + 1, LIMIT * 4):
            answer = await send(size, how)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large"), how


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=b", b"no form at all", 400),
        ("multipart/form-data; boundary=b", b"--b--\r\n", 422),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.stl"\r\n\r\nhalf',
            400,
        ),
        ("multipart/mixed; boundary=b", b"x", 415),
        ("application/json", b"{}", 415),
    ],
)
async def test_a_form_that_is_none_is_refused(
    admin: httpx2.AsyncClient, content_type: str, body: bytes, status: int
) -> None:
    headers = {"Content-Type": content_type}
    answer = await admin.post("/api/v1/files?fileName=a.stl", content=body, headers=headers)
    assert answer.status_code == status, answer.text


async def test_a_compressed_upload_is_refused(admin: httpx2.AsyncClient) -> None:
    answer = await admin.post(
        "/api/v1/files?fileName=a.stl", content=b"x", headers={"Content-Encoding": "gzip"}
    )
    assert answer.status_code == 415


def test_a_download_is_named_for_every_browser() -> None:
    assert disposition('a"b\\c%d.pdf') == (
        "attachment; filename=\"a_b_c_d.pdf\"; filename*=UTF-8''a%22b%5Cc%25d.pdf"
    )
