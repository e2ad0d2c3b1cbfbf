"""The API describes itself, and truly."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import httpx2
import jsonschema
import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from api_support import Process
from cotiza_api import examples
from cotiza_api.app import OPERATIONS
from cotiza_api.openapi import document
from cotiza_queue import Settings, jobtypes


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(OPERATIONS, Settings())


def test_the_document_is_valid_openapi(described: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(described).validate()  # type: ignore[arg-type]


def test_every_route_is_described_with_its_role_and_its_errors(described: dict[str, Any]) -> None:
    operations = [one for path in described["paths"].values() for name, one in path.items()]
    assert len(operations) == len(OPERATIONS)
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    for one in operations:
        assert one["summary"]
        assert one["description"]
        needs_token = one["x-role"] != "nobody"
        assert bool(one["security"]) == needs_token == ("401" in one["responses"])


def test_the_examples_are_requests_that_the_queue_takes() -> None:
    for job_type in jobtypes.ALL:
        msgspec.convert(examples.JOBS[job_type.name], job_type.payload)
    for operation in OPERATIONS:
        for body in examples.of_body(operation.body.__name__).values():
            msgspec.convert(body, operation.body)


async def test_what_the_api_answers_fits_its_document(
    admin: httpx2.AsyncClient, described: dict[str, Any], analysis: dict[str, Any]
) -> None:
    made = await admin.post("/api/v1/jobs", json=analysis)
    calls = [
        (made, "/api/v1/jobs", "post"),
        (await admin.get(made.headers["location"]), "/api/v1/jobs/{jobId}", "get"),
        (await admin.get("/api/v1/jobs"), "/api/v1/jobs", "get"),
        (await admin.get("/api/v1/jobs/health/check"), "/api/v1/jobs/health/check", "get"),
        (await admin.get("/api/v1/jobs/queues/metrics"), "/api/v1/jobs/queues/metrics", "get"),
        (await admin.get("/api/v1/jobs/nothing"), "/api/v1/jobs/{jobId}", "get"),
        (await admin.post("/api/v1/jobs", json={}), "/api/v1/jobs", "post"),
    ]
    for answer, path, method in calls:
        responses = described["paths"][path][method]["responses"]
        media_type = answer.headers["content-type"]
        schema = responses[str(answer.status_code)]["content"][media_type]["schema"]
        whole = {**schema, "components": described["components"]}
        jsonschema.validate(answer.json(), whole, cls=jsonschema.Draft202012Validator)


async def test_the_documentation_needs_nothing_from_elsewhere(api: Process) -> None:
    async with api.client() as nobody:
        page = await nobody.get("/docs")
        style = await nobody.get("/static/docs.css")
        assert (await nobody.get("/")).headers["location"] == "/docs"
        assert (await nobody.get("/openapi.json")).json()["servers"] == [{"url": api.url}]
    assert page.status_code == style.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert " style=" not in page.text
    links = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert all(link.startswith(("#", "/", "data:")) for link in links)
    ids = set(re.findall(r' id="([^"]+)"', page.text))
    assert {link[1:] for link in links if link.startswith("#")} <= ids
    for operation in OPERATIONS:
        assert f"<code>{operation.path}</code>" in page.text


async def test_the_type_of_an_error_leads_to_its_explanation(
    api: Process, admin: httpx2.AsyncClient
) -> None:
    problems = [
        await admin.get("/nothing"),
        await admin.put("/api/v1/jobs"),
        await admin.post("/api/v1/jobs", content=b"x"),
        await admin.post("/api/v1/jobs", json={}),
        await admin.get("/api/v1/jobs/nothing"),
    ]
    page = (await admin.get("/docs")).text
    for problem in problems:
        url, _, anchor = problem.json()["type"].partition("#")
        assert url == f"{api.url}/docs"
        assert f'id="{anchor}"' in page


def test_the_api_process_loads_no_processor_and_none_of_their_libraries() -> None:
    heavy = ("trimesh", "numpy", "scipy", "fpdf", "xlsxwriter", "aiosmtplib", "sqlalchemy")
    program = (
        "import sys, cotiza_api.__main__;"
        f"print([name for name in {heavy} if name in sys.modules],"
        "[name for name in sys.modules if name.startswith('cotiza_queue.processors.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[] []"
