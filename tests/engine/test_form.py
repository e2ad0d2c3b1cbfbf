"""The form of the data: who knows another one is refused, and spoils nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cotiza_queue import NewJob, Queue, Worker
from cotiza_queue.errors import ConfigurationError, QueueUnavailable
from cotiza_queue.store import form
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.embedded import acquire
from cotiza_queue.store.form import FORM
from engine.line import Fate, line_to


async def nothing(payload: Any, context: Any) -> None:
    """Its work."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[str]:
    """Of this test alone."""
    embedded = await acquire(tmp_path)
    yield embedded.url
    await embedded.release()


async def _do(url: str, *command: str | int) -> Any:
    connection = Connection(url)
    try:
        return await connection.command(*command)
    finally:
        await connection.close()


async def _all_refuse(url: str) -> None:
    """A producer, alone and in bulk, a listing, the doctor, a worker; and nothing is written."""
    before = await _do(url, "DBSIZE")
    async with Queue(url) as queue:
        with pytest.raises(ConfigurationError, match="another form") as refused:
            await queue.enqueue("mail", 1)
        assert "finish" in str(refused.value.remedy)
        with pytest.raises(ConfigurationError, match="another form"):
            await queue.enqueue_many([NewJob(type="mail", payload=1)])
        with pytest.raises(ConfigurationError, match="another form"):
            await queue.list("acme", job_type="mail")
        with pytest.raises(ConfigurationError, match="another form"):
            await queue.doctor()
    with pytest.raises(ConfigurationError, match="another form"):
        await Worker({"mail": nothing}, url).run()
    assert await _do(url, "DBSIZE") == before


async def test_an_empty_server_gets_our_form_and_others_of_it_are_let_in(server: str) -> None:
    for _ in range(2):
        async with Queue(server) as queue:
            await queue.enqueue("mail", 1)
    assert await _do(server, "GET", "cq:form") == b"%d" % FORM


async def test_two_who_come_to_an_empty_server_at_once_are_both_let_in(server: str) -> None:
    first, second = Connection(server), Connection(server)

    async def interrupted(*command: str | int) -> Any:
        reply = await first.command(*command)
        if command[0] == "GET" and reply is None:
            await second.announce("mail")
        return reply

    await form.check(interrupted)
    assert await first.command("GET", "cq:form") == b"%d" % FORM
    await first.close()
    await second.close()


async def test_data_of_another_form_is_refused_by_all(server: str) -> None:
    async with Queue(server) as queue:
        await queue.enqueue("mail", 1)
    await _do(server, "SET", "cq:form", FORM + 1)
    await _all_refuse(server)


async def test_data_from_before_there_was_a_form_is_refused_by_all(server: str) -> None:
    async with Queue(server) as queue:
        await queue.enqueue("mail", 1)
    await _do(server, "DEL", "cq:form")
    await _all_refuse(server)


async def test_who_goes_on_after_a_flush_shuts_nobody_out(server: str) -> None:
    async with Queue(server) as queue:
        await queue.enqueue("mail", 1)
        await _do(server, "FLUSHALL")
        await queue.enqueue("mail", 2)
        await queue.enqueue("report", 3)
        async with Queue(server) as another:
            await another.enqueue("mail", 4)
            assert len((await another.list(None, job_type="mail")).items) == 2


async def test_a_name_that_comes_to_lead_to_data_of_another_form_is_noticed(
    server: str, tmp_path: Path
) -> None:
    other = await acquire(tmp_path / "other")
    await _do(other.url, "SET", "cq:form", FORM + 1)
    await _do(other.url, "SADD", "cq:types", "mail")
    async with line_to(server) as line, Queue(line.url) as queue:
        await queue.enqueue("mail", 1)
        await queue.enqueue_many([NewJob(type="mail", payload=1)])
        line.server = other.url
        line.instead(b"FCALL", Fate.CUT_BEFORE, times=1)
        with pytest.raises(QueueUnavailable):
            await queue.enqueue("mail", 1)
        with pytest.raises(ConfigurationError, match="another form"):
            await queue.enqueue("mail", 1)
        with pytest.raises(ConfigurationError, match="another form"):
            await queue.enqueue_many([NewJob(type="mail", payload=1)])
    assert await _do(other.url, "DBSIZE") == 2
    await other.release()
