"""Many calls on few connections: each gets its own answer, and none is disturbed by another."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import sys
import termios
from urllib.parse import urlsplit

import pytest

from cotiza_queue import Queue
from cotiza_queue.errors import ConfigurationError, CotizaError, QueueUnavailable
from cotiza_queue.store.commands import Commands
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.wire import REST_S, connect, pack
from engine.line import READ, Fate, line_to, until


async def test_a_thousand_callers_share_one_connection_and_each_gets_its_own_answer(
    redis_url: str,
) -> None:
    async with line_to(redis_url) as line:
        connection = Connection(line.url)
        texts = [f"{n}" * (n % 7) for n in range(1000)]
        answers = await asyncio.gather(*(connection.command("ECHO", text) for text in texts))
        assert [answer.decode() for answer in answers] == texts
        assert line.connections == 1
        await connection.close()


async def test_two_calls_apart_have_a_connection_each_and_there_are_never_more(
    redis_url: str, kind: str
) -> None:
    async with line_to(redis_url) as line:
        connection = Connection(line.url)
        await connection.load()
        turns = [Commands(connection).turn(kind, "w", 1, []) for _ in range(20)]
        await asyncio.gather(*turns, *(connection.command("PING") for _ in range(20)))
        assert line.connections == 2
        await connection.close()


async def test_a_cancelled_caller_gets_nothing_and_takes_nobody_elses_answer(
    redis_url: str,
) -> None:
    connection = Connection(redis_url)
    await connection.command("PING")
    callers = [asyncio.create_task(connection.command("ECHO", n)) for n in range(50)]
    await asyncio.sleep(0)
    for caller in callers[::3]:
        caller.cancel()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    for n, answer in enumerate(answers):
        if n % 3 == 0:
            assert isinstance(answer, asyncio.CancelledError)
        else:
            assert answer == b"%d" % n
    await connection.close()


async def test_an_answer_that_leads_elsewhere_lets_others_on_the_connection_have_theirs(
    redis_url: str,
) -> None:
    async with line_to(redis_url) as line:
        connection = Connection(line.url)
        await connection.command("PING")
        line.instead(b"GET", b"-READONLY You can't write against a read only replica.\r\n")
        refused, *answers = await asyncio.gather(
            connection.command("GET", "key"),
            *(connection.command("ECHO", n) for n in range(20)),
            return_exceptions=True,
        )
        assert isinstance(refused, QueueUnavailable)
        assert not refused.indeterminate
        assert answers == [b"%d" % n for n in range(20)]
        assert line.connections == 1
        await connection.command("PING")
        assert line.connections == 2
        await connection.close()


@pytest.mark.parametrize("fate", Fate)
async def test_when_a_connection_breaks_all_that_wait_on_it_are_in_doubt_and_none_is_sent_again(
    redis_url: str, fate: Fate
) -> None:
    async with line_to(redis_url) as line:
        connection = Connection(line.url)
        await connection.command("PING")
        line.instead(b"GET", fate)
        line.instead(b"ECHO", fate)
        answers = await asyncio.gather(
            connection.command("GET", "key"),
            *(connection.command("ECHO", n) for n in range(20)),
            return_exceptions=True,
        )
        assert {type(answer) for answer in answers} == {QueueUnavailable}
        assert all(isinstance(each, QueueUnavailable) and each.indeterminate for each in answers)
        assert line.count(b"ECHO") <= 20
        line.heal()
        assert await connection.command("ECHO", "again") == b"again"
        await connection.close()


async def test_a_server_that_answers_what_was_not_asked_is_not_believed(redis_url: str) -> None:
    async with line_to(redis_url) as line:
        connection = Connection(line.url)
        await connection.command("PING")
        line.instead(b"ECHO", b"+one\r\n+two\r\n", times=1)
        assert await connection.command("ECHO", 1) == b"one"
        await until(lambda: all(wire.over.is_set() for wire in connection._wires._made))
        assert await connection.command("ECHO", 2) == b"2"
        line.instead(b"ECHO", b"?\r\n", times=1)
        with pytest.raises(QueueUnavailable):
            await connection.command("ECHO", 3)
        assert await connection.command("ECHO", 4) == b"4"
        await connection.close()


async def test_callers_who_wait_for_the_first_connection_outlive_one_who_gives_up(
    redis_url: str,
) -> None:
    async with line_to(redis_url) as line:
        connection = Connection(line.url)
        callers = [asyncio.create_task(connection.command("ECHO", n)) for n in range(5)]
        await asyncio.sleep(0)
        callers[0].cancel()
        answers = await asyncio.gather(*callers, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert answers[1:] == [b"1", b"2", b"3", b"4"]
        await connection.close()


async def test_closing_answers_those_who_wait_and_no_call_opens_it_again(redis_url: str) -> None:
    async with line_to(redis_url) as line:
        connection = Connection(line.url)
        await connection.command("PING")
        line.instead(b"ECHO", Fate.SILENCE)
        caller = asyncio.create_task(connection.command("ECHO", 1))
        await until(lambda: line.count(b"ECHO"))
        await connection.close()
        with pytest.raises(QueueUnavailable) as caught:
            await caller
        assert caught.value.indeterminate
        with pytest.raises(QueueUnavailable) as late:
            await connection.command("ECHO", 2)
        assert not late.value.indeterminate


async def test_what_is_no_argument_is_not_sent_and_costs_no_connection(redis_url: str) -> None:
    connection = Connection(redis_url)
    await connection.command("PING")
    with pytest.raises(CotizaError) as caught:
        await connection.command("ECHO", None)  # type: ignore[arg-type]
    assert caught.value.code == "redis"
    assert all(wire.open for wire in connection._wires._made)
    await connection.close()


async def test_a_redis_py_that_hides_its_socket_is_refused() -> None:
    class Hidden:
        async def connect(self) -> None:
            """Some other version's way."""

    with pytest.raises(ConfigurationError):
        await connect(Hidden(), 1.0)


async def test_who_has_a_connection_of_his_own_is_told_when_the_calls_connect_anew(
    redis_url: str,
) -> None:
    async with line_to(redis_url) as line:
        connection = Connection(line.url)
        await connection.command("PING")
        before = await connection.own()
        line.instead(b"GET", b"-READONLY You can't write against a read only replica.\r\n")
        with pytest.raises(QueueUnavailable):
            await connection.command("GET", "key")
        assert before.open
        await connection.command("PING")
        assert before.over.is_set()
        after = await connection.own()
        await connection.command("PING")
        assert after.open
        await connection.close()


async def test_after_a_rest_who_is_told_has_it_before_the_caller_is_answered(
    redis_url: str, kind: str
) -> None:
    connection = Connection(redis_url)
    caller = await connection.own()
    with _socket_to(redis_url) as told:
        told.sendall(pack(("SUBSCRIBE", kind)))
        assert told.recv(READ)
        for _ in range(100):
            await asyncio.sleep(2 * REST_S)
            answer = caller.ask(pack(("PUBLISH", kind, "x")), answered_last=True)
            waiting: list[int] = []
            answer.add_done_callback(lambda _, seen=waiting: seen.append(_waiting(told)))
            assert await answer == [b"PONG", 1]
            await until(lambda seen=waiting: seen)
            assert waiting[0] > 0
            told.recv(READ)
    caller.close()
    await connection.close()


async def test_in_a_row_of_calls_only_one_after_a_rest_greets_the_server(redis_url: str) -> None:
    async with line_to(redis_url) as line:
        connection = Connection(line.url)
        wire = await connection.own()
        await asyncio.sleep(2 * REST_S)
        asked = [wire.ask(pack(("ECHO", n)), answered_last=True) for n in range(3)]
        assert await asyncio.gather(*asked) == [[b"PONG", b"0"], [b"1"], [b"2"]]
        assert line.count(b"PING") == 1
        wire.close()
        await connection.close()


@pytest.mark.parametrize("said", [b"-NOPERM no permission for ping\r\n", b"-LOADING loading\r\n"])
async def test_a_greeting_that_is_refused_changes_nothing_for_the_call(
    redis_url: str, kind: str, said: bytes
) -> None:
    async with line_to(redis_url) as line, Queue(line.url) as queue:
        await queue.enqueue(kind, 1)
        line.instead(b"PING", said)
        await asyncio.sleep(2 * REST_S)
        job = await queue.enqueue(kind, 2)
        assert line.count(b"PING") > 0
        assert (await queue.get(job.job_id)).payload == 2
        assert [one.payload for one in (await queue.list(None, job_type=kind)).items] == [2, 1]


def _socket_to(redis_url: str) -> socket.socket:
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return socket.create_connection((parts.hostname, parts.port or 6379))
    found = socket.socket(socket.AF_UNIX)
    found.connect(parts.path)
    return found


def _waiting(of: socket.socket) -> int:
    """Bytes that have come and were not read."""
    found = bytearray(4)
    fcntl.ioctl(of, termios.FIONREAD, found)
    return int.from_bytes(found, sys.byteorder)
