"""What is taken in can run: everything else is refused at once, by its path, in plain words."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest
from msgspec import inspect

from cotiza_queue import JobOptions, Queue, jobtypes
from cotiza_queue.errors import InvalidInput
from cotiza_queue.jobtypes.email_notification import MAX_CONTENT_BYTES
from cotiza_queue.wording import explain

FILE = {"fileId": "f", "fileUrl": "s3://b/f.stl", "fileName": "f.stl", "fileType": "stl"}
ITEM = {"fileId": "f", "quantity": 1, "material": "pla", "process": "fff"}
QUOTE = {"quoteId": "Q-1", "items": [ITEM]}
READY = {"quoteNumber": "Q-1", "total": "9.50", "currency": "MXN", "validUntil": "2030-01-31"}
SHIPPED = {"orderNumber": "P-1", "trackingNumber": "1Z", "carrier": "Estafeta"}


def mail(kind: str = "quote-expired", data: Any = None, **fields: Any) -> dict[str, Any]:
    given = {"quoteNumber": "Q-1"} if data is None else data
    return {"type": kind, "recipientEmail": "a@example.com", "templateData": given} | fields


def attached(**file: Any) -> dict[str, Any]:
    return mail(attachments=[{"filename": "a.pdf"} | file])


def report(kind: str, **fields: Any) -> dict[str, Any]:
    return {"reportType": kind, "format": "pdf"} | fields


REFUSED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a report of no quote": (
        "report-generation", report("quote"), "entityId", "is required for a report of a quote",
    ),
    "a report of an order": (
        "report-generation", report("order", entityId="P"), "reportType", "must be quote for now",
    ),
    "a report of an invoice": (
        "report-generation", report("invoice", entityId="I"), "reportType", "must be quote for now",
    ),
    "a report of anything": (
        "report-generation", report("poem"), "reportType",
        "must be one of analytics, invoice, order, quote",
    ),
    "a mail without a fact": (
        "email-notification", mail("quote-ready", READY | {"total": None}), "templateData.total",
        "needed for the quote-ready mail",
    ),
    "a mail with a wrong fact": (
        "email-notification", mail("quote-ready", READY | {"currency": "pesos"}),
        "templateData.currency", "must be a three-letter currency code such as MXN",
    ),
    "a mail with a day that is none": (
        "email-notification", mail("order-shipped", SHIPPED | {"estimatedDelivery": "2030-02-30"}),
        "templateData.estimatedDelivery", "not an ISO-8601 date such as 2026-12-31",
    ),
    "a mail with a day before all calendars": (
        "email-notification", mail(data={"quoteNumber": "Q", "validUntil": "0001-01-01T00:00Z"}),
        "templateData.validUntil", "not an ISO-8601 date such as 2026-12-31",
    ),
    "a mail with a link that runs": (
        "email-notification", mail(data={"quoteNumber": "Q", "quoteUrl": "javascript:x()"}),
        "templateData.quoteUrl", "not a plain http or https link",
    ),
    "a mail with a number nobody can see": (
        "email-notification", mail(data={"quoteNumber": "\u202e\u200b "}),
        "templateData.quoteNumber", "holds no visible text",
    ),
    "a file that is not there": (
        "email-notification", attached(), "attachments[0]",
        "must have either content (base64) or key, and not both",
    ),
    "a file given twice": (
        "email-notification", attached(content="YQ==", key="acme/reports/r.pdf"), "attachments[0]",
        "must have either content (base64) or key, and not both",
    ),
    "a file that is not base64": (
        "email-notification", attached(content="no base64!"), "attachments[0].content",
        "must be base64",
    ),
    "a file too large to travel in a payload": (
        "email-notification",
        attached(content=base64.b64encode(bytes(MAX_CONTENT_BYTES + 1)).decode()),
        "attachments[0].content",
        "must be at most 180 KiB (245,760 characters of base64); "
        "send the key of a stored file instead",
    ),
    "a material in capitals": (
        "quote-calculation", QUOTE | {"items": [ITEM | {"material": "PLA"}]}, "items[0].material",
        "must be lower-case letters, digits, - and _",
    ),
    "a currency of four letters": (
        "quote-calculation", QUOTE | {"currency": "MXNN"}, "currency",
        "must be a three-letter currency code such as MXN",
    ),
    "no items": ("quote-calculation", QUOTE | {"items": []}, "items", "must not be empty"),
    "a file type that is not read": (
        "file-analysis", FILE | {"fileType": "exe"}, "fileType",
        "must be one of 3mf, obj, step, stl, stp",
    ),
    "a unit that is none": (
        "file-analysis", FILE | {"analysisOptions": {"unit": "cubit"}}, "analysisOptions.unit",
        "must be one of cm, ft, in, m, mm",
    ),
    "a URL on this disk": (
        "file-analysis", FILE | {"fileUrl": "file:///etc/passwd"}, "fileUrl",
        "must be a file-store://, s3:// or https:// URL",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_a_payload_that_can_never_run_is_refused_in_plain_words(
    admin: httpx2.AsyncClient, name: str
) -> None:
    job_type, data, field, words = REFUSED[name]
    answer = await admin.post("/api/v1/jobs", json={"type": job_type, "data": data})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"] == [{"field": f"data.{field}", "message": words}]
    assert "regex" not in answer.text
    assert "Expected" not in answer.text


@pytest.mark.parametrize(
    "address",
    [
        "a@x..com", "a..b@x.com", ".a@x.com", "a@x.com.", "a@-x.com", "a@b@c.com", "a b@c.com",
        "ñ" * 33 + "@x.com", f"a@{'x' * 64}.com", "an\u0303a@x.com",
    ],
)  # fmt: skip
async def test_an_address_that_no_server_takes_is_refused(
    admin: httpx2.AsyncClient, address: str
) -> None:
    body = {"type": "email-notification", "data": mail(recipientEmail=address)}
    answer = await admin.post("/api/v1/jobs", json=body)
    assert answer.json()["errors"] == [
        {
            "field": "data.recipientEmail",
            "message": "must be an e-mail address such as ana@example.com",
        }
    ]


TAKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "the seed's quote-expired mail": ("email-notification", mail()),
    "a mail with all that it needs": ("email-notification", mail("quote-ready", READY)),
    "the seed's nightly analytics": ("report-generation", report("analytics")),
    "a report of a quote": ("report-generation", report("quote", entityId="Q-1")),
    "a stored file": ("email-notification", attached(key="acme/reports/r.pdf")),
    "an address beyond ASCII": ("email-notification", mail(recipientEmail="añá@peña.example")),
    "the largest file that travels in a payload": (
        "email-notification",
        attached(content=base64.b64encode(bytes(MAX_CONTENT_BYTES)).decode()),
    ),
}


@pytest.mark.parametrize("name", TAKEN)
async def test_a_payload_that_can_run_is_taken(admin: httpx2.AsyncClient, name: str) -> None:
    job_type, data = TAKEN[name]
    answer = await admin.post("/api/v1/jobs", json={"type": job_type, "data": data})
    assert answer.status_code == 201, answer.text


async def test_a_report_that_cannot_be_had_yet_says_so_to_programs(
    admin: httpx2.AsyncClient,
) -> None:
    body = {"type": "report-generation", "data": report("order", entityId="P-1")}
    answer = (await admin.post("/api/v1/jobs", json=body)).json()
    assert answer["code"] == "report_not_available"
    assert answer["remedy"] == "Ask for a report of the type 'quote'."
    schedule = body | {"cronExpression": "0 2 * * *"}
    answer = (await admin.post("/api/v1/jobs/recurring", json=schedule)).json()
    assert answer["code"] == "report_not_available"


async def test_programs_that_enqueue_are_refused_what_callers_of_the_api_are(
    redis_url: str,
) -> None:
    async with Queue(redis_url, job_types=jobtypes.ALL) as queue:
        for job_type, data, field, _ in REFUSED.values():
            with pytest.raises(InvalidInput) as refused:
                await queue.enqueue(job_type, data)
            assert refused.value.fields[0].field == f"data.{field}"


def _patterns(node: inspect.Type, described: str = "") -> Iterator[tuple[str, str]]:
    """Every pattern within a type, with the description that stands beside it."""
    if isinstance(node, inspect.Metadata):
        described = (node.extra_json_schema or {}).get("description", described)
    if isinstance(node, inspect.StrType) and node.pattern:
        yield node.pattern, described
    for name in ("type", "item_type", "value_type"):
        if isinstance(inner := getattr(node, name, None), inspect.Type):
            yield from _patterns(inner, described)
    for inner in getattr(node, "types", ()):
        yield from _patterns(inner, described)
    for field in getattr(node, "fields", ()):
        yield from _patterns(field.type)


def test_every_pattern_of_a_payload_is_explained_beside_it() -> None:
    for job_type in jobtypes.ALL:
        found = list(_patterns(inspect.type_info(job_type.payload)))
        assert all(described for _, described in found)


@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        ({"jobId": "a:b"}, "jobId", "must be of the characters 0-9 A-Z a-z _-"),
        ({"tags": ["a", "b\n"]}, "tags[1]", "must be text without control characters"),
        ({"tags": ["a"] * 17}, "tags", "must have at most 16 items"),
        ({"priority": 10**6 + 1}, "priority", "must be at most 1,000,000"),
        ({"priority": 1.5}, "priority", "must be a whole number, not one with a fraction"),
        ({"timeout": "soon"}, "timeout", "must be a whole number, not text"),
        ({"backoff": {"type": "never"}}, "backoff.type", "must be one of exponential, fixed"),
        ({"uniqueKey": ""}, "uniqueKey", "must not be empty"),
        ({"colour": "red"}, "colour", "is not a known field"),
        ([], "", "must be an object, not a list"),
    ],
)
def test_a_fault_in_the_options_is_said_in_plain_words(given: Any, path: str, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as wrong:
        msgspec.convert(given, JobOptions)
    assert explain(wrong.value, JobOptions) == (path, words)
