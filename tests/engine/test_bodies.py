"""Where payloads lie: those of neighbours together, whatever comes, goes or changes among them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from cotiza_queue.engine.intake import intake_of
from cotiza_queue.model.job import JobType, NewJob
from cotiza_queue.model.policy import JobOptions, KeepFor
from cotiza_queue.store import record
from cotiza_queue.store.asked import Changed, Intake
from cotiza_queue.store.commands import Commands, Settlement, Turn
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import shown, stored
from cotiza_queue.store.views import Views
from engine.records import packed_record, run_of

BLOCK = 16
LEAST = 4
MOST = 1024
"""Bytes of a payload that may lie among others."""
LARGE = 1024 * 1024


class Store:
    """A queue by its scripts alone: payloads are any bytes here."""

    def __init__(self, connection: Connection, kind: str) -> None:
        self.connection, self.kind = connection, kind
        self.commands, self.views = Commands(connection), Views(connection)
        self._numbers = itertools.count()

    async def do(self, *words: Any) -> Any:
        return await self.connection.command(*words)

    async def add(self, bodies: Sequence[bytes], **options: Any) -> list[str]:
        """With one call."""
        made = [self.intake(f"j{next(self._numbers)}", body, **options) for body in bodies]
        await self.commands.enqueue(self.kind, made)
        return [intake.id for intake in made]

    def intake(self, job_id: str, body: bytes, **options: Any) -> Intake:
        job = NewJob(
            type=self.kind, payload=1, tenant="t", options=msgspec.convert(options, JobOptions)
        )
        return msgspec.structs.replace(
            intake_of(job, JobType(self.kind), stored(job_id, self.kind)), body=body
        )

    async def run(self, count: int) -> Turn:
        return await self.commands.turn(self.kind, "w", count, [])

    async def end(self, turn: Turn, kind: Any = "complete", value: bytes = b"1") -> None:
        ends = [Settlement(kind, d.stored, d.token, value) for d in turn.deliveries]
        await self.commands.turn(self.kind, "w", 0, ends)

    async def keys(self, head: str) -> dict[str, int]:
        """Keys, with ids as we know them, and what they weigh: entries that are not empty of a
        list, 1 for a text.
        """
        prefix, found = f"{{cq:{self.kind}}}:", {}
        for key in await self.do("KEYS", f"{prefix}{head}*"):
            is_list = await self.do("TYPE", key) == b"list"
            texts = await self.do("LRANGE", key, 0, -1) if is_list else [b"x"]
            found[shown(key.removeprefix(prefix.encode()), self.kind)] = sum(
                text != b"" for text in texts
            )
        return found

    async def lists(self) -> list[int]:
        """How many payloads lie together, by blocks."""
        found = await self.keys("bodies:")
        return [found[name] for name in sorted(found, key=lambda name: int(name[7:]))]

    async def body(self, job_id: str) -> bytes | None:
        return await self.views.body(self.kind, job_id)

    async def record(self, job_id: str) -> record.Packed:
        return record.unpack(await packed_record(self.connection, self.kind, job_id))


@pytest.fixture
async def store(redis_url: str, kind: str) -> AsyncIterator[Store]:
    connection = Connection(redis_url)
    await connection.load()
    yield Store(connection, kind)
    await connection.close()


def texts(count: int, size: int = 300) -> list[bytes]:
    """No two alike."""
    return [b"%d " % n + b"x" * (size - len(b"%d " % n)) for n in range(count)]


async def test_payloads_that_come_together_lie_together_by_blocks(store: Store) -> None:
    sent = texts(BLOCK + 4)
    ids = await store.add(sent)
    assert await store.lists() == [BLOCK, 4]
    assert await store.keys("body:") == {}
    turn = await store.run(100)
    assert [(d.id, d.body) for d in turn.deliveries] == list(zip(ids, sent, strict=True))


@pytest.mark.parametrize("count", [1, LEAST - 1])
async def test_a_few_jobs_have_keys_of_their_own(store: Store, count: int) -> None:
    few = await store.add(texts(count))
    many = await store.add(texts(BLOCK + count))
    assert set(await store.keys("body:")) == {f"body:{id_}" for id_ in (*few, *many[BLOCK:])}
    assert await store.lists() == [BLOCK]
    assert [d.id for d in (await store.run(100)).deliveries] == [*few, *many]


async def test_neighbours_of_other_tenants_lie_apart_if_they_wait_in_lines(store: Store) -> None:
    """What is not read together would cost more time in a list."""
    made = [
        msgspec.structs.replace(store.intake(f"j{n}", body), tenant=f"t{n % 2}")
        for n, body in enumerate(texts(BLOCK))
    ]
    await store.commands.enqueue(store.kind, made)
    assert await store.lists() == [4]  # two of each tenant stand in the lane
    assert len(await store.keys("body:")) == BLOCK - 4
    taken = (await store.run(100)).deliveries
    assert {d.id: d.body for d in taken} == {one.id: one.body for one in made}


@pytest.mark.parametrize("size", [1, 2, 255, 256, MOST - 1, MOST])
async def test_payloads_up_to_the_bound_lie_together(store: Store, size: int) -> None:
    sent = [bytes([n]) * size for n in range(4)]
    await store.add(sent)
    assert await store.lists() == [4]
    assert [d.body for d in (await store.run(9)).deliveries] == sent


async def test_large_and_empty_payloads_lie_apart_and_are_told_in_their_order(
    store: Store,
) -> None:
    small = [b"a", b"12345", b"\x00", b"d"]
    sent = [*small, b"x" * (MOST + 1), b"", *small, b"z" * LARGE, b"y" * 10_000, b"e"]
    ids = await store.add(sent)
    assert await store.lists() == [8]
    assert set(await store.keys("body:")) == {f"body:{ids[n]}" for n in (4, 5, 10, 11, 12)}
    assert [await store.body(job_id) for job_id in ids] == sent
    taken = [*(await store.run(100)).deliveries, *(await store.run(100)).deliveries]
    assert {d.id: d.body for d in taken} == dict(zip(ids, sent, strict=True))


async def test_some_of_a_block_are_told_in_any_order(store: Store) -> None:
    """The urgent ones lie far apart, then close together."""
    for urgent in ({0, 15}, {3, 4, 6}, {1, 7, 8, 14}):
        sent = texts(BLOCK)
        made = [
            store.intake(f"u{len(urgent)}-{n}", body, priority=1 if n in urgent else 5000)
            for n, body in enumerate(sent)
        ]
        await store.commands.enqueue(store.kind, made)
        first = await store.run(len(urgent))
        assert {d.body for d in first.deliveries} == {sent[n] for n in urgent}
        rest = await store.run(100)
        assert [d.body for d in rest.deliveries] == [
            body for n, body in enumerate(sent) if n not in urgent
        ]


async def test_who_leaves_alone_leaves_the_payloads_of_its_neighbours(store: Store) -> None:
    sent = texts(6)
    ids = await store.add(sent, removeOnComplete=True)
    turn = await store.run(6)
    left = dict(zip(ids, sent, strict=True))
    for n in (3, 0, 5, 1, 4):
        one = msgspec.structs.replace(turn, deliveries=[turn.deliveries[n]])
        await store.end(one)
        del left[ids[n]]
        assert await store.lists() == [len(left)]
        assert {job_id: await store.body(job_id) for job_id in left} == left
    await store.end(turn)
    assert await store.lists() == []


async def test_a_block_that_leaves_as_it_came_leaves_nothing(store: Store) -> None:
    await store.add(texts(BLOCK * 2), removeOnComplete=True)
    await store.end(await store.run(100))
    assert [await store.lists(), await store.keys("body:"), await store.keys("#")] == [[], {}, {}]


async def test_retention_takes_payloads_in_any_order(store: Store) -> None:
    """Every other job goes at once; of the others the newest three stay."""
    sent, keeps = texts(BLOCK), (KeepFor(age=60, count=3), KeepFor(age=0))
    made = [store.intake(f"j{n}", body) for n, body in enumerate(sent)]
    made = [
        msgspec.structs.replace(each, keep_completed=keeps[n % 2]) for n, each in enumerate(made)
    ]
    await store.commands.enqueue(store.kind, made)
    turn = await store.run(BLOCK)
    for n in (9, 2, 8, 0, 14, 1, 3, 15, 12, 10, 5, 4, 6, 7, 11, 13):
        await store.end(msgspec.structs.replace(turn, deliveries=[turn.deliveries[n]]))
    kept = sorted(int(name.removeprefix("j")) for name in await store.keys("#"))
    assert len(kept) == 3
    assert [await store.body(f"j{n}") for n in kept] == [sent[n] for n in kept]
    for left in (3, 2, 1):
        assert await store.lists() == [left]
        assert await store.commands.clean(store.kind, "completed", 0, "", (0, 1)) == (1, 1)
    assert await store.lists() == []


async def test_an_id_that_comes_again_has_its_new_payload(store: Store) -> None:
    for n in range(3):
        bodies = [b"%d %d" % (n, i) for i in range(LEAST)]
        made = [store.intake(f"a{i}", bodies[i], removeOnComplete=True) for i in range(LEAST)]
        await store.commands.enqueue(store.kind, made)
        turn = await store.run(9)
        assert [d.body for d in turn.deliveries] == bodies
        await store.end(turn)
    assert [await store.lists(), await store.keys("body:")] == [[], {}]


@pytest.mark.parametrize("before", [b"small", b"x" * (MOST + 1)])
async def test_a_payload_may_grow_and_shrink_and_its_neighbours_stay(
    store: Store, before: bytes
) -> None:
    around = [b"first", b"second", b"last"]
    ids = await store.add([*around, b"changed", *around])
    await store.commands.change(store.kind, ids[3], "", Changed(read=b"changed", body=before))
    read = before
    for body in (b"other", b"y" * MOST, b"z" * (MOST + 1), b"w", b"v" * LARGE, b""):
        asked = Changed(read=read, body=body)
        answer = await store.commands.change(store.kind, ids[3], "", asked)
        assert answer == ("ok", "waiting", "waiting")
        assert [await store.body(job_id) for job_id in ids] == [*around, body, *around]
        spot = (await store.record(ids[3])).spot
        assert (spot is False) == (f"body:{ids[3]}" in await store.keys("body:"))
        assert await store.lists() == [7 if spot is not False else 6]
        read = body
    turn = await store.run(9)
    assert [d.body for d in turn.deliveries] == [*around, b"", *around]


async def test_a_call_that_replaces_what_it_brought_itself_leaves_one_payload(
    store: Store,
) -> None:
    options = {"uniqueKey": "u", "onDuplicate": "replace"}
    made = [store.intake(f"j{n}", b"body %d" % n, **options) for n in range(3)]
    others = [store.intake(f"o{n}", b"other %d" % n) for n in range(3)]
    await store.commands.enqueue(store.kind, [*made, *others])
    told = [d.body for d in (await store.run(9)).deliveries]
    assert told == [b"body 2", b"other 0", b"other 1", b"other 2"]
    assert await store.lists() == [4]


async def test_a_dead_letter_has_its_payload_and_gives_it_back(store: Store) -> None:
    sent = texts(LEAST)
    ids = await store.add(sent, attempts=1, removeOnFail=True)
    failure = b'{"code":"x","message":"x","at":1,"attempt":1,"worker":"w"}'
    await store.end(await store.run(9), "fail", failure)
    assert [await store.lists(), await store.keys("#")] == [[], {}]
    for job_id in ids:
        assert await store.commands.replay(store.kind, job_id, "") == "ok"
    assert [d.body for d in (await store.run(9)).deliveries] == sent


async def test_a_list_that_something_else_overwrote_costs_no_call_and_no_other_payload(
    store: Store,
) -> None:
    lost = await store.add([b"lost"] * LEAST, removeOnComplete=True)
    (name,) = await store.keys("bodies:")
    await store.do("SET", f"{{cq:{store.kind}}}:{name}", "x")
    await store.do("SET", f"{{cq:{store.kind}}}:bodies:{BLOCK * 2}", "x")
    found = await store.add([b"found"] * LEAST, removeOnComplete=True)
    turn = await store.run(9)
    told = {d.id: d.body for d in turn.deliveries}
    assert told == dict.fromkeys(lost, b"") | dict.fromkeys(found, b"found")
    await store.end(turn)
    assert [await store.keys("#"), await store.keys("body:")] == [{}, {}]


async def test_the_record_of_a_plain_job_holds_nothing_unusual_and_is_short(
    store: Store,
) -> None:
    """So a whole run lies in one piece of memory (a listpack)."""
    plain, *_ = await store.add(texts(3))
    await store.end(await store.run(9))
    found = await store.record(plain)
    assert (found.more, found.result, record.STATUSES[found.status]) == (None, "1", "completed")
    assert found.finished >= found.started >= 0
    key, field = run_of(store.kind, plain)
    assert await store.do("HSTRLEN", key, field) <= 44
    assert await store.do("OBJECT", "ENCODING", key) == b"listpack"
