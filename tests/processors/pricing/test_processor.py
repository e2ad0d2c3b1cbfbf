"""The processor among its neighbours: reads analyses, reports progress, saves the quote."""

from __future__ import annotations

import msgspec
import pytest

from cotiza_queue.clock import SystemClock
from cotiza_queue.errors import InvalidData, NotFound, RetryableError
from cotiza_queue.jobtypes import QUOTE_CALCULATION, QuoteCalculation, QuoteResult
from cotiza_queue.processors.pricing import CalculateQuote


@pytest.fixture
def calculate(records) -> CalculateQuote:
    return CalculateQuote(records, SystemClock())


def payload_of(*items, **changes) -> QuoteCalculation:
    return QuoteCalculation(quote_id="Q-1", items=items, **changes)


async def test_a_quote_is_priced_saved_and_returned(
    calculate, records, new_context, item_of, analysis_of, record_of
) -> None:
    await records.save_analysis(record_of(analysis_of()))
    payload = payload_of(item_of(id="lid", quantity=4), item_of(name="Spare"))
    result = await calculate(payload, new_context(token=7))
    assert isinstance(result, QuoteResult)
    assert [(item.id, item.name) for item in result.items] == [
        ("lid", "part.stl"),
        ("item-2", "Spare"),
    ]
    saved = await records.quote("acme", "Q-1")
    assert msgspec.json.decode(saved.result, type=QuoteResult) == result
    assert msgspec.json.decode(saved.payload, type=QUOTE_CALCULATION.payload) == payload
    assert (saved.job_id, saved.token) == ("01hx3k9job", 7)


async def test_progress_rises_through_its_steps_for_every_item(
    calculate, records, new_context, item_of, analysis_of, record_of
) -> None:
    await records.save_analysis(record_of(analysis_of()))
    context = new_context()
    await calculate(payload_of(item_of(), item_of(), item_of()), context)
    percentages = [percentage for percentage, _ in context.steps]
    assert percentages == sorted(percentages)
    assert percentages[-1] == 100
    steps = [step for _, step in context.steps]
    assert steps == ["read"] * 3 + ["price"] * 3 + ["total", "save", "done"]


async def test_a_retry_gives_the_identical_quote(
    calculate, records, new_context, item_of, analysis_of, record_of
) -> None:
    await records.save_analysis(record_of(analysis_of()))
    payload = payload_of(item_of(quantity=12), rush_order=True)
    first = await calculate(payload, new_context(token=1))
    again = await calculate(payload, new_context(token=2))
    assert msgspec.json.encode(first) == msgspec.json.encode(again)


async def test_programming_is_paid_once_per_distinct_part(
    calculate, records, new_context, item_of, analysis_of, record_of
) -> None:
    for name in ("part", "other"):
        await records.save_analysis(record_of(analysis_of(), file_id=name))
    items = (item_of(), item_of(process="fdm", material="petg"), item_of(file_id="other"))
    result = await calculate(payload_of(*items), new_context())
    assert [str(item.setup_cost) for item in result.items] == ["55.33", "23.33", "55.33"]
    assert records.reads == 2


async def test_a_file_without_analysis_is_a_permanent_error_that_names_it(
    calculate, records, new_context, item_of, analysis_of, record_of
) -> None:
    await records.save_analysis(record_of(analysis_of()))
    with pytest.raises(InvalidData) as caught:
        await calculate(payload_of(item_of(), item_of(file_id="ghost")), new_context())
    error = caught.value
    assert error.code == "not_analysed"
    assert error.details["field"] == "data.items[1].fileId"
    assert "ghost" in error.message
    with pytest.raises(NotFound):
        await records.quote("acme", "Q-1")


async def test_another_tenants_analysis_is_as_good_as_none(
    calculate, records, new_context, item_of, analysis_of, record_of
) -> None:
    await records.save_analysis(record_of(analysis_of(), tenant="rival"))
    with pytest.raises(InvalidData, match="no analysis"):
        await calculate(payload_of(item_of()), new_context())


async def test_all_faults_are_told_at_once_in_the_order_of_the_items(
    calculate, records, new_context, item_of, analysis_of, record_of
) -> None:
    await records.save_analysis(record_of(analysis_of()))
    items = (item_of(material="brass"), item_of(), item_of(file_id="ghost"))
    with pytest.raises(InvalidData) as caught:
        await calculate(payload_of(*items), new_context())
    fields = [fault["field"] for fault in caught.value.details["errors"]]
    assert fields == ["data.items[0].material", "data.items[2].fileId"]
    with pytest.raises(NotFound):
        await records.quote("acme", "Q-1")


async def test_an_unreadable_analysis_is_refused(
    calculate, records, new_context, item_of, analysis_of, record_of
) -> None:
    broken = msgspec.structs.replace(record_of(analysis_of()), result=b'{"fileId": ')
    await records.save_analysis(broken)
    with pytest.raises(InvalidData) as caught:
        await calculate(payload_of(item_of()), new_context())
    assert caught.value.code == "analysis_unreadable"


async def test_a_currency_is_checked_before_anything_is_read(
    calculate, records, new_context, item_of
) -> None:
    with pytest.raises(InvalidData) as caught:
        await calculate(payload_of(item_of(), currency="EUR"), new_context())
    assert caught.value.code == "currency_not_supported"
    assert records.reads == 0


async def test_two_items_of_one_id_are_refused(calculate, new_context, item_of) -> None:
    with pytest.raises(InvalidData) as caught:
        await calculate(payload_of(item_of(id="item-2"), item_of()), new_context())
    assert caught.value.details["field"] == "data.items[1].id"


async def test_a_database_that_is_away_is_worth_a_retry(
    records, new_context, item_of, monkeypatch
) -> None:
    async def away(*_: object) -> None:
        raise RetryableError("the database is away")

    monkeypatch.setattr(records, "analysis", away)
    with pytest.raises(RetryableError):
        await CalculateQuote(records, SystemClock())(payload_of(item_of()), new_context())


async def test_a_late_delivery_does_not_overwrite_a_newer_one(
    calculate, records, new_context, item_of, analysis_of, record_of
) -> None:
    await records.save_analysis(record_of(analysis_of()))
    await calculate(payload_of(item_of(quantity=2)), new_context(token=9))
    newer = await records.quote("acme", "Q-1")
    await calculate(payload_of(item_of(quantity=2)), new_context(token=3))
    assert await records.quote("acme", "Q-1") == newer


async def test_a_thousand_items_make_one_quote(
    calculate, records, new_context, item_of, analysis_of, record_of
) -> None:
    await records.save_analysis(record_of(analysis_of()))
    result = await calculate(payload_of(*[item_of() for _ in range(1000)]), new_context())
    assert len(result.items) == 1000
    assert result.pricing.base_price == sum(item.total_price for item in result.items)
