"""Over HTTP, a payload that does not fit is refused before the queue, and forms can know it before
that: the schema of each job type is served.
"""

from __future__ import annotations

from typing import Any

import httpx2
import jsonschema
import msgspec
import pytest

from cotiza_api import examples
from cotiza_queue import jobtypes


@pytest.mark.row("H2")
async def test_the_schema_of_every_payload_is_served_and_tells_good_from_bad(
    admin: httpx2.AsyncClient,
) -> None:
    served: dict[str, Any] = (await admin.get("/openapi.json")).json()
    variants = {
        one["properties"]["type"]["const"]: one["properties"]["data"]
        for one in served["components"]["schemas"]["CreateJob"]["oneOf"]
    }
    assert set(variants) == {job_type.name for job_type in jobtypes.ALL}
    for job_type in jobtypes.ALL:
        form = jsonschema.Draft202012Validator({**served, **variants[job_type.name]})
        good = msgspec.to_builtins(examples.JOBS[job_type.name])
        assert form.is_valid(good)
        for field in _required(served, variants[job_type.name]):
            assert not form.is_valid({k: v for k, v in good.items() if k != field})
        assert not form.is_valid({**good, "surprise": 1})


@pytest.mark.row("H2")
async def test_a_refused_payload_is_named_by_field_and_leaves_no_job(
    admin: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    bad = {**analysis, "data": {**analysis["data"], "fileType": "exe"}}
    for path, body in (
        ("/api/v1/jobs", bad),
        ("/api/v1/jobs/schedule", {**bad, "delay": 60_000}),
    ):
        answer = await admin.post(path, json=body)
        assert answer.status_code == 422, answer.text
        assert [fault["field"] for fault in answer.json()["errors"]] == ["data.fileType"]
    bulk = await admin.post("/api/v1/jobs/bulk", json={"jobs": [bad, bad]})
    assert "data.fileType" in bulk.text
    assert (await admin.get("/api/v1/jobs")).json()["items"] == []


def _required(served: dict[str, Any], variant: dict[str, str]) -> list[str]:
    name = variant["$ref"].rpartition("/")[2]
    return list(served["components"]["schemas"][name]["required"])
