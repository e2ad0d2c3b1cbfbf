"""The Redis account of docs/operating.md is enough for a worker, a caller and the doctor, and for
no more.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cotiza_queue import NewJob, Queue, Status, Worker, WorkerOptions
from cotiza_queue.errors import AccessRefused, CotizaError, QueueUnavailable
from cotiza_queue.model.job import Enqueued
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.embedded import acquire

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
LINE = PAGE.partition("```redis-acl\n")[2].partition("\n")[0].split()
DOCTOR = re.findall(r"`(\+scan [^`]*)`", PAGE)[0].split()
UNKNOWN_SOMEWHERE = {"+client|maint_notifications", "+client|setinfo"}


def test_the_account_may_do_whatever_a_script_does() -> None:
    named: set[str] = set()
    for path in (ROOT / "src/cotiza_queue/lua").rglob("*.lua"):
        named |= set(re.findall(r"redis\.p?call\('([A-Z]+)'", path.read_text(encoding="utf-8")))
    allowed = {word.partition("|")[0] for word in LINE}
    assert {f"+{name.lower()}" for name in named} - allowed == set()
    assert len(named) > 40


@pytest.fixture(params=["redis", "valkey"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A server of this test alone."""
    binary = shutil.which("redis-server") if request.param == "redis" else None
    embedded = None
    if binary is None:
        embedded = await acquire(tmp_path / "probe")
        binary = str(embedded.binary)
    socket = f"/tmp/cq-acl-{tmp_path.name[-12:]}.sock"
    process = subprocess.Popen(
        [binary, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    connection = Connection(f"unix://{socket}")
    while True:
        try:
            await connection.command("PING")
            break
        except QueueUnavailable:
            continue
    await connection.close()
    yield f"unix://{socket}"
    process.kill()
    process.wait()
    if embedded is not None:
        await embedded.release()


async def _allow(url: str, *more: str) -> str:
    """Make the user as the page says it. Returns its URL."""
    admin = Connection(url)
    words = [*LINE, *more]
    try:
        await admin.command(*words)
    except CotizaError:
        await admin.command(*[word for word in words if word not in UNKNOWN_SOMEWHERE])
    await admin.close()
    return f"unix://cotiza-worker:change-me@{urlsplit(url).path}"


@pytest.mark.row("D8")
async def test_a_worker_with_the_documented_account_does_all_its_work(url: str, kind: str) -> None:
    async def work(payload: Any, context: Any) -> Any:
        context.progress(50, "half")
        if payload == "bad":
            raise ValueError("bad")
        return payload

    own = await _allow(url)
    options = WorkerOptions(handle_signals=False, lease_ms=1000)
    worker = Worker({kind: work}, own, options=options)
    async with Queue(own) as queue, asyncio.TaskGroup() as group:
        running = group.create_task(worker.run())
        await worker.ready.wait()
        good = await queue.enqueue(kind, 1, options={"tags": ["x"], "uniqueKey": "u"})
        bad = await queue.enqueue(kind, "bad", options={"attempts": 1})
        later = await queue.schedule(kind, 3, 50)
        await queue.limit(kind, {"concurrency": 2}, tenant="default")
        await queue.add_recurring(kind, 1, "0 0 1 1 *", key="k")
        assert (await queue.wait(good.job_id)).status is Status.COMPLETED
        assert (await queue.wait(bad.job_id)).status is Status.FAILED
        assert (await queue.wait(later.job_id)).status is Status.COMPLETED
        await queue.replay(bad.job_id)
        await queue.wait(bad.job_id)
        assert len((await queue.list(None, job_type=kind, limit=10)).items) == 3
        await queue.metrics(kind)
        worker.stop()
        await running


@pytest.mark.row("D8")
async def test_the_documented_account_can_do_nothing_else(url: str, kind: str) -> None:
    own = Connection(await _allow(url))
    for command in (
        ("KEYS", "*"),
        ("FLUSHALL",),
        ("CONFIG", "SET", "maxmemory", "1"),
        ("EVAL", "return 1", 0),
        ("GET", "other"),
        ("SET", "other", "1"),
        ("FUNCTION", "FLUSH"),
        ("ACL", "LIST"),
    ):
        with pytest.raises(AccessRefused):
            await own.command(*command)
    await own.close()


@pytest.mark.row("D8")
async def test_the_doctor_says_what_its_account_may_not_see(url: str, kind: str) -> None:
    async with Queue(await _allow(url)) as queue:
        with pytest.raises(AccessRefused):
            await queue.doctor()
    async with Queue(await _allow(url, *(w for w in DOCTOR if "|" not in w))) as queue:
        await queue.enqueue(kind, 1)
        report = await queue.doctor()
        assert report.counts == {}
        assert {one.check: one.level for one in report.server}["settings"] == "warn"
    async with Queue(await _allow(url, *DOCTOR)) as queue:
        report = await queue.doctor()
        levels = {one.check: one.level for one in report.server}
        assert "settings" not in levels
        assert levels["functions"] == "ok"


@pytest.mark.row("D8")
@pytest.mark.parametrize(("jobs", "forbidden"), [(1, "-get"), (20, "-lrange")])
async def test_a_payload_that_the_doctor_may_not_read_is_not_taken_for_lost(
    url: str, kind: str, jobs: int, forbidden: str
) -> None:
    async with Queue(url) as queue:
        made = await queue.enqueue_many([NewJob(type=kind, payload=n) for n in range(jobs)])
        async with Queue(await _allow(url, *DOCTOR, forbidden)) as poor:
            with pytest.raises(AccessRefused):
                await poor.doctor(fix=True)
        for n, answer in enumerate(made):
            assert isinstance(answer, Enqueued)
            assert (await queue.get(answer.job_id)).payload == n
        assert (await queue.doctor()).counts == {}


@pytest.mark.row("D9")
async def test_a_worker_whose_rights_are_taken_away_ends_with_a_clear_word(
    url: str, kind: str
) -> None:
    async def work(payload: Any, context: Any) -> Any:
        return payload

    own = await _allow(url)
    worker = Worker({kind: work}, own, options=WorkerOptions(handle_signals=False, lease_ms=1000))
    running = asyncio.ensure_future(worker.run())
    await worker.ready.wait()
    admin = Connection(url)
    await admin.command("ACL", "SETUSER", "cotiza-worker", "-fcall")
    await admin.close()
    with pytest.raises(AccessRefused) as caught:
        await running
    assert "REDIS_URL" in (caught.value.remedy or "")
