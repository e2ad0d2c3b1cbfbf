"""What a caller is told who asks for a result: it is there, pending, expired, or never was."""

from __future__ import annotations

from typing import Any

import pytest

from cotiza_queue import Queue
from cotiza_queue.errors import Expired, NotFound, ResultPending, ResultTimeout
from cotiza_queue.model.ids import new_job_id
from cotiza_queue.store.connection import Connection
from engine.records import names

pytestmark = pytest.mark.row("F1")


async def double(payload: Any, context: Any) -> Any:
    return 2 * payload


async def test_pending_expired_and_unknown_are_three_answers(
    queue: Queue, kind: str, working: Any
) -> None:
    pending = await queue.enqueue(kind, 1, tenant="acme")
    with pytest.raises(ResultPending) as first:
        await queue.result(pending.job_id, tenant="acme", timeout_ms=0)
    with pytest.raises(ResultTimeout) as waited:
        await queue.result(pending.job_id, tenant="acme", timeout_ms=20)
    async with working({kind: double}):
        assert await queue.result(pending.job_id, tenant="acme") == 2
    assert await queue.result(pending.job_id, tenant="acme", timeout_ms=0) == 2
    await queue.clean(kind, status=(await queue.get(pending.job_id)).status)
    with pytest.raises(Expired) as second:
        await queue.result(pending.job_id, tenant="acme", timeout_ms=0)
    unknown = new_job_id(1_800_000_000_000, 0, kind, "acme")
    made_up = unknown[:12] + ("x" if unknown[12] != "x" else "y") + unknown[13:]
    with pytest.raises(NotFound) as third:
        await queue.result(made_up, tenant="acme", timeout_ms=0)
    errors = [first.value, waited.value, second.value, third.value]
    codes = ["result_pending", "result_timeout", "job_expired", "job_not_found"]
    assert [error.code for error in errors] == codes
    assert [error.http_status for error in errors] == [409, 504, 410, 404]


async def test_every_question_about_a_job_that_is_gone_says_so(
    redis_url: str, queue: Queue, kind: str
) -> None:
    gone = await queue.enqueue(kind, 1, tenant="acme", options={"removeOnFail": True})
    await queue.cancel(gone.job_id, tenant="acme")
    for ask in (queue.get, queue.wait, queue.cancel, queue.replay, queue.why):
        for tenant in ("acme", None):
            with pytest.raises(Expired):
                await ask(gone.job_id, tenant=tenant)
    with pytest.raises(Expired):
        [event async for event in queue.events(gone.job_id, tenant="acme")]
    connection = Connection(redis_url)
    left = await names(connection, kind)
    await connection.close()
    assert left
    assert not [name for name in left if gone.job_id in name]


async def test_another_tenants_job_never_was_before_and_after_it_is_gone(
    queue: Queue, kind: str
) -> None:
    job = await queue.enqueue(kind, 1, tenant="acme", options={"removeOnFail": True})
    for _ in range(2):
        with pytest.raises(NotFound) as caught:
            await queue.get(job.job_id, tenant="globex")
        assert caught.value.code == "job_not_found"
        if (await _status(queue, job.job_id)) != "gone":
            await queue.cancel(job.job_id, tenant="acme")
    assert await _status(queue, job.job_id) == "gone"


async def test_an_id_that_the_caller_chose_is_only_there_or_not(queue: Queue, kind: str) -> None:
    options = {"jobId": "invoice-7", "removeOnFail": True}
    await queue.enqueue(kind, 1, tenant="acme", options=options)
    await queue.cancel("invoice-7", tenant="acme")
    with pytest.raises(NotFound) as caught:
        await queue.get("invoice-7", tenant="acme")
    assert caught.value.code == "job_not_found"


async def _status(queue: Queue, job_id: str) -> str:
    try:
        return str((await queue.get(job_id)).status)
    except Expired:
        return "gone"
