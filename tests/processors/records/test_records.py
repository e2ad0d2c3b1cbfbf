"""What processors save can be read again, by their own tenant, and no zombie overwrites it."""

from __future__ import annotations

import asyncio
import sys

import msgspec
import pytest

from cotiza_queue.errors import NotFound, PermanentError
from cotiza_queue.records import AnalysisRecord, QuoteRecord
from cotiza_queue.records.sql import MAX_DOCUMENT_BYTES, SqlRecords

replace = msgspec.structs.replace


async def test_what_was_saved_is_read_back_unchanged(
    records: SqlRecords, analysis: AnalysisRecord, quote: QuoteRecord
) -> None:
    assert await records.save_analysis(analysis) is True
    assert await records.save_quote(quote) is True
    assert await records.analysis("acme", "f1") == analysis
    assert await records.quote("acme", "Q-1") == quote


async def test_records_outlive_the_process_that_saved_them(place, analysis: AnalysisRecord) -> None:
    first = await SqlRecords.open(place.url, place.data_dir)
    await first.save_analysis(analysis)
    await first.close()
    second = await SqlRecords.open(place.url, place.data_dir)
    assert await second.analysis("acme", "f1") == analysis
    await second.close()


async def test_an_unknown_record_and_another_tenants_are_equally_not_found(
    records: SqlRecords, analysis: AnalysisRecord, quote: QuoteRecord
) -> None:
    await records.save_analysis(analysis)
    await records.save_quote(quote)
    texts = set()
    for tenant, name in [("acme", "unknown"), ("other", "f1"), ("other", "Q-1"), ("", "")]:
        with pytest.raises(NotFound) as caught:
            await records.analysis(tenant, name)
        texts.add(str(caught.value))
        with pytest.raises(NotFound):
            await records.quote(tenant, name)
    assert len(texts) == 1


async def test_tenants_with_the_same_file_id_do_not_meet(
    records: SqlRecords, analysis: AnalysisRecord
) -> None:
    theirs = replace(analysis, tenant="other", job_id="j9", token=1)
    await records.save_analysis(analysis)
    assert await records.save_analysis(theirs) is True
    assert await records.analysis("acme", "f1") == analysis
    assert await records.analysis("other", "f1") == theirs


async def test_a_zombies_save_is_refused(records: SqlRecords, analysis: AnalysisRecord) -> None:
    await records.save_analysis(analysis)
    zombie = replace(analysis, token=analysis.token - 1, result=b"stale")
    assert await records.save_analysis(zombie) is False
    assert await records.analysis("acme", "f1") == analysis


async def test_a_zombies_quote_is_refused_too(records: SqlRecords, quote: QuoteRecord) -> None:
    await records.save_quote(quote)
    assert await records.save_quote(replace(quote, token=1, result=b"stale")) is False
    assert await records.quote("acme", "Q-1") == quote


async def test_the_same_delivery_may_save_again_and_a_later_one_replaces(
    records: SqlRecords, analysis: AnalysisRecord
) -> None:
    await records.save_analysis(analysis)
    again = replace(analysis, result=b"again", saved_ms=analysis.saved_ms + 1)
    assert await records.save_analysis(again) is True
    later = replace(analysis, token=analysis.token + 1, file_name="other.stl", process="sla")
    assert await records.save_analysis(later) is True
    assert await records.analysis("acme", "f1") == later


async def test_another_jobs_save_replaces_whatever_its_token(
    records: SqlRecords, analysis: AnalysisRecord
) -> None:
    await records.save_analysis(analysis)
    other = replace(analysis, job_id="j2", token=1, result=b"newer")
    assert await records.save_analysis(other) is True
    assert await records.analysis("acme", "f1") == other


async def test_eight_writers_at_once_lose_nothing(place, analysis: AnalysisRecord) -> None:
    """Each writer has its own connections, as each process has."""
    writers = await asyncio.gather(*(SqlRecords.open(place.url, place.data_dir) for _ in range(8)))

    async def write(number: int, records: SqlRecords) -> None:
        for step in range(20):
            own = replace(analysis, file_id=f"own-{number}-{step}", token=number)
            shared = replace(analysis, file_id="shared", token=(number * 7 + step * 3) % 101)
            assert await records.save_analysis(own)
            await records.save_analysis(shared)

    await asyncio.gather(*(write(number, each) for number, each in enumerate(writers)))
    for number in range(8):
        for step in range(20):
            found = await writers[0].analysis("acme", f"own-{number}-{step}")
            assert found.token == number
    highest = max((number * 7 + step * 3) % 101 for number in range(8) for step in range(20))
    assert (await writers[0].analysis("acme", "shared")).token == highest
    for each in writers:
        await each.close()


OPENER = """
import asyncio, sys
from pathlib import Path
import msgspec
from cotiza_queue.records import AnalysisRecord
from cotiza_queue.records.sql import SqlRecords

async def main():
    url, folder, text = sys.argv[1] or None, Path(sys.argv[2]), sys.argv[3]
    record = msgspec.json.decode(text, type=AnalysisRecord)
    print("ready", flush=True)
    sys.stdin.readline()
    records = await SqlRecords.open(url, folder)
    assert await records.save_analysis(record)
    assert await records.analysis(record.tenant, record.file_id) == record
    await records.close()

asyncio.run(main())
"""


async def test_processes_that_open_a_fresh_database_at_once_all_succeed(
    place, analysis: AnalysisRecord
) -> None:
    starters = []
    for number in range(4):
        mine = msgspec.json.encode(replace(analysis, file_id=f"f{number}")).decode()
        starters.append(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", OPENER, place.url or "", str(place.data_dir), mine),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        )
    for each in starters:
        assert each.stdout is not None
        assert await each.stdout.readline() == b"ready\n"
    for each in starters:
        assert each.stdin is not None
        each.stdin.write(b"go\n")
    for each in starters:
        _, errors = await each.communicate()
        assert (each.returncode, errors.decode()) == (0, "")
    records = await SqlRecords.open(place.url, place.data_dir)
    for number in range(4):
        assert (await records.analysis("acme", f"f{number}")).tenant == "acme"
    await records.close()


async def test_a_document_has_a_largest_size(records: SqlRecords, quote: QuoteRecord) -> None:
    largest = replace(quote, result=b"x" * MAX_DOCUMENT_BYTES)
    assert await records.save_quote(largest) is True
    assert len((await records.quote("acme", "Q-1")).result) == MAX_DOCUMENT_BYTES
    for too_large in (
        replace(largest, result=largest.result + b"x"),
        replace(quote, payload=largest.result + b"x"),
    ):
        with pytest.raises(PermanentError) as caught:
            await records.save_quote(too_large)
        assert caught.value.code == "record_too_large"
