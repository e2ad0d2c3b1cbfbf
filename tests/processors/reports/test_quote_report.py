"""Which reports can be had, of what, and where they lie."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal

import msgspec
import pytest

from cotiza_queue.errors import InvalidData, PermanentError
from cotiza_queue.jobtypes import ReportGeneration
from cotiza_queue.processors.reports import processor

FORMATS = {"pdf": "pdf", "excel": "xlsx", "csv": "csv"}


@pytest.mark.parametrize("format_name", FORMATS)
async def test_a_report_lies_under_its_tenants_key_with_a_name_to_save_it_by(
    shop, context, format_name
):
    await shop.quote()
    result, body = await shop.make(format_name, context)
    info = await shop.blobs.info(result.file_url.removeprefix("file-store://"))
    assert info.key == f"acme/reports/{result.report_id}.{FORMATS[format_name]}"
    assert info.name == result.file_name == f"Cotizacion-Q-123.{FORMATS[format_name]}"
    assert info.content_type == processor.OUTPUTS[format_name].content_type
    assert result.file_size == len(body) == info.size
    assert result.generated_at == "2026-11-23T14:25:06.789Z"
    assert (result.report_type, result.format) == ("quote", format_name)
    assert [step for _, step in context.steps] == ["read", "draw", "draw", "store", "done"]
    assert context.memory_bytes == processor.MEMORY_BYTES


@pytest.mark.parametrize("format_name", FORMATS)
async def test_a_retry_replaces_the_file_by_the_same_bytes(shop, new_context, format_name):
    await shop.quote(lines=8, rush=True, discount=True)
    await shop.analyse("file-0")
    first, one = await shop.make(format_name, new_context())
    again, two = await shop.make(format_name, new_context())
    other, _ = await shop.make(format_name, new_context("another-job"))
    assert first == again
    assert one == two
    assert other.file_url != first.file_url


@pytest.mark.parametrize("report_type", ["order", "invoice", "analytics"])
async def test_reports_that_are_not_made_yet_say_so(shop, context, report_type):
    payload = ReportGeneration(report_type=report_type, format="pdf", entity_id="Q-123")
    with pytest.raises(PermanentError, match=f"'{report_type}' are not available yet") as caught:
        await shop.report(payload, context)
    assert caught.value.code == "report_not_available"


async def test_a_report_needs_to_know_which_quote(shop, context):
    with pytest.raises(InvalidData, match=r"data\.entityId"):
        await shop.report(ReportGeneration(report_type="quote", format="pdf"), context)


async def test_an_unknown_quote_and_another_tenants_look_the_same(shop, new_context):
    await shop.quote()
    payload = ReportGeneration(report_type="quote", format="csv", entity_id="Q-123")
    for context, entity in ((new_context(tenant="rival"), "Q-123"), (new_context(), "Q-9")):
        with pytest.raises(PermanentError) as caught:
            await shop.report(msgspec.structs.replace(payload, entity_id=entity), context)
        assert caught.value.code == "quote_not_found"
        assert caught.value.message == f"there is no quote '{entity}'"


@pytest.mark.parametrize(
    "change",
    [
        {"subtotal": Decimal("1.00")},
        {"tax": Decimal("0.01")},
        {"total": Decimal("0.01")},
        {"volume_discount": Decimal("0.01")},
        {"rush_fee": Decimal("0.01")},
        {"valid_until": "pronto"},
    ],
)
async def test_a_quote_that_does_not_add_up_is_never_printed(shop, samples, change):
    request, result = samples()
    summary = msgspec.structs.replace(result.summary, **change)
    await shop.save(request, msgspec.structs.replace(result, summary=summary))
    with pytest.raises(PermanentError) as caught:
        await shop.make("pdf")
    assert caught.value.code == "quote_inconsistent"


async def test_a_quote_with_other_lines_than_its_request_is_never_printed(shop, samples):
    request, _ = samples(lines=2)
    _, result = samples(lines=3)
    await shop.save(request, result)
    with pytest.raises(PermanentError, match="other lines"):
        await shop.make("pdf")


@pytest.mark.parametrize(
    ("quote_id", "name"),
    [
        ("Q:1.2", "Cotizacion-Q-1-2.csv"),
        ("..:..", "Cotizacion-x.csv"),
        ("Q" * 128, f"Cotizacion-{'Q' * 80}.csv"),
    ],
)
async def test_the_file_name_is_safe_on_every_system(shop, quote_id, name):
    await shop.quote(quote_id)
    result, _ = await shop.make("csv", entity_id=quote_id)
    assert result.file_name == name


async def test_the_file_is_named_in_the_language_of_the_report(shop):
    await shop.quote()
    result, _ = await shop.make("pdf", language="en")
    assert result.file_name == "Quote-Q-123.pdf"


async def test_a_report_above_the_size_limit_fails_for_good(shop, monkeypatch):
    await shop.quote()
    _, body = await shop.make("csv")
    monkeypatch.setattr(processor, "MAX_REPORT_BYTES", len(body))
    await shop.make("csv")
    monkeypatch.setattr(processor, "MAX_REPORT_BYTES", len(body) - 1)
    with pytest.raises(PermanentError) as caught:
        await shop.make("csv")
    assert caught.value.code == "report_too_large"


async def test_a_quote_that_can_not_be_read_fails_for_good(shop):
    await shop.quote()
    record = shop.records.quotes["acme", "Q-123"]
    shop.records.quotes["acme", "Q-123"] = msgspec.structs.replace(record, result=b"{}")
    with pytest.raises(PermanentError) as caught:
        await shop.make("pdf")
    assert caught.value.code == "quote_unreadable"


def test_the_worker_process_loads_no_drawing_library():
    check = (
        "import sys, cotiza_queue.processors.reports;"
        "heavy = {'fpdf', 'xlsxwriter', 'PIL', 'fontTools'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, env=os.environ
    )
    assert ran.stdout.strip() == "[]"
