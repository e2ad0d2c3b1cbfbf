"""Records of jobs whose ids were made one after the other lie in one hash."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cotiza_queue import JobOptions, NewJob, Queue
from cotiza_queue.engine.intake import intake_of
from cotiza_queue.engine.runs import JOBS, Runs
from cotiza_queue.errors import QueueDamaged
from cotiza_queue.model.ids import new_job_id
from cotiza_queue.model.job import Enqueued, JobType
from cotiza_queue.store import keys
from cotiza_queue.store.catalogue import RECORDS, kind_of
from cotiza_queue.store.commands import Commands, Settlement
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import public, stored
from cotiza_queue.testing.virtual import FakeChance
from engine.records import run_of

KIND = JobType[Any]("parts")
P = keys.prefix(KIND.name).encode()
NOW_MS = 1_800_000_000_000
WORKER_BYTES = 4


class Store:
    """A queue on a server of its own, through the engine's commands; ids are of one moment."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.connection = Connection(queue.url)
        self.commands = Commands(self.connection)
        self._runs = Runs(FakeChance())

    async def add(self, count: int, tenant: str = "acme") -> list[str]:
        ids = [
            str(new_job_id(NOW_MS, self._runs.chance(NOW_MS), KIND.name, tenant))
            for _ in range(count)
        ]
        job = NewJob(type=KIND.name, payload=1, tenant=tenant)
        answers = await self.commands.enqueue(
            KIND.name, [intake_of(job, KIND, stored(each, KIND.name)) for each in ids]
        )
        assert [answer.job_id for answer in answers] == ids  # type: ignore[union-attr]
        return ids

    async def run(self, count: int, worker: str = "w") -> list[str]:
        """Take so many jobs, and complete them."""
        turn = await self.commands.turn(KIND.name, worker, count, [])
        ends = [Settlement("complete", d.stored, d.token, b"1") for d in turn.deliveries]
        settled = await self.commands.turn(KIND.name, worker, 0, ends)
        assert settled.answers == ["ok"] * len(ends)
        return [public(delivery.stored, KIND.name) for delivery in turn.deliveries]

    async def hashes(self) -> dict[bytes, int]:
        """Of records: how many each has."""
        return {name: len(fields) for name, fields in (await self.fields()).items()}

    async def fields(self, of_workers: bool = False) -> dict[bytes, list[bytes]]:
        names = await self.connection.command("KEYS", P + b"*")
        found = [name for name in names if kind_of(name.removeprefix(P)) is RECORDS]
        fields = {name: await self.connection.command("HKEYS", name) for name in found}
        return {
            name: [each for each in its if (len(each) == WORKER_BYTES) == of_workers]
            for name, its in fields.items()
        }


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Queue(data_dir=tmp_path, job_types=[KIND]) as queue:
        found = Store(queue)
        await found.connection.announce(KIND.name)
        yield found
        await found.connection.close()


async def test_a_full_run_takes_one_small_hash_from_its_beginning_to_its_end(store: Store) -> None:
    ids = await store.add(JOBS)
    (key,) = {run_of(KIND.name, job_id)[0] for job_id in ids}
    assert await store.hashes() == {key: JOBS}
    assert await store.run(100) == ids
    assert await store.connection.command("OBJECT", "ENCODING", key) == b"listpack"
    clean = partial(store.queue.clean, KIND.name, status="completed")
    assert await clean(limit=JOBS - 1) == JOBS - 1
    assert await store.hashes() == {key: 1}
    assert await clean() == 1
    assert await store.hashes() == {}
    assert (await store.queue.doctor()).counts == {}


async def test_jobs_of_several_runs_are_read_and_written_by_one_call(store: Store) -> None:
    ids = [id_ for tenant in ("a", "b", "c") for id_ in await store.add(JOBS, tenant)]
    assert sorted((await store.hashes()).values()) == [JOBS] * 3
    assert sorted(await store.run(100)) == sorted(ids)
    assert (await store.queue.doctor()).counts == {}


async def test_a_run_of_another_type_takes_no_other_job_with_it(store: Store) -> None:
    """Its jobs are lost, the doctor says so; others' calls go on, and a new job takes its
    place."""
    lost = await store.add(JOBS - 1)
    key, _ = run_of(KIND.name, lost[0])
    await store.connection.command("DEL", key)
    await store.connection.command("SET", key, "x")
    others = await store.add(JOBS + 1, "globex")
    assert run_of(KIND.name, others[0])[0] == key
    assert set(await store.run(100)) == set(others)
    assert (await store.hashes())[key] == 1
    assert (await store.queue.doctor(fix=True)).counts == {}
    assert (await store.queue.get(others[0])).result == 1


async def test_the_doctor_names_a_run_of_another_type_and_mends_it(store: Store) -> None:
    lost = await store.add(3)
    key, _ = run_of(KIND.name, lost[0])
    await store.connection.command("DEL", key)
    await store.connection.command("SET", key, "x")
    report = await store.queue.doctor()
    assert {f"records:{key.removeprefix(P).hex()}"} == {
        one.subject for one in report.findings if one.code == "wrong_type"
    }
    assert (await store.queue.doctor(fix=True)).counts == {}
    assert await store.run(10) == []
    fresh = await store.add(2)
    assert await store.run(10) == fresh


async def test_a_unique_key_whose_job_was_lost_with_its_run_is_free(store: Store) -> None:
    options = JobOptions(unique_key="k")
    lost = await store.queue.enqueue(KIND.name, 1, options=options)
    assert not (await store.queue.enqueue(KIND.name, 1, options=options)).created
    await store.connection.command("DEL", run_of(KIND.name, lost.job_id)[0])
    made, again = await store.queue.enqueue_many(
        [NewJob(type=KIND.name, payload=n, options=options) for n in range(2)]
    )
    assert isinstance(made, Enqueued)
    assert isinstance(again, Enqueued)
    assert (made.created, again.created) == (True, False)
    assert made.job_id == again.job_id
    assert "unique" not in (await store.queue.doctor()).counts


async def test_a_job_whose_payload_was_lost_is_called_damaged(store: Store) -> None:
    (job,) = await store.add(1)
    prefix = P.decode()
    keys_of = await store.connection.command("KEYS", f"{prefix}bod*")
    await store.connection.command("DEL", *keys_of)
    with pytest.raises(QueueDamaged, match=job):
        await store.queue.get(job)
    with pytest.raises(QueueDamaged, match=job):
        await store.queue.list(None, job_type=KIND.name)
    assert (await store.queue.doctor(fix=True)).counts == {}
    assert not (await store.queue.list(None, job_type=KIND.name)).items


@pytest.mark.parametrize("custom", [True, False])
async def test_a_field_that_is_no_jobs_is_found_and_taken_out(store: Store, custom: bool) -> None:
    (ours,) = await store.add(1)
    key = P + b"#mine" if custom else run_of(KIND.name, ours)[0]
    await store.connection.command("HSET", key, "x", "y")
    report = await store.queue.doctor()
    assert set(report.counts) == {"broken_job"}
    assert (await store.queue.doctor(fix=True)).counts == {}
    assert await store.hashes() == {run_of(KIND.name, ours)[0]: 1}
    assert await store.run(10) == [ours]


async def test_who_ran_a_job_is_known_by_name_as_long_as_the_job_is_there(store: Store) -> None:
    """Names lie once for a run, however long, and go with its last job."""
    long = f"{'pod-of-a-long-name-' * 3}1-0123456789ab"
    ids = await store.add(4)
    custom = await store.queue.enqueue(
        KIND.name, 1, tenant="acme", options=JobOptions(job_id="mine")
    )
    assert await store.run(2, long) == ids[:2]
    assert await store.run(1, "w") == ids[2:3]
    assert await store.run(2, long) == [ids[3], custom.job_id]
    shown = [(await store.queue.get(each)).worker for each in (*ids, custom.job_id)]
    assert shown == [long, long, "w", long, long]
    page = await store.queue.list(None, job_type=KIND.name)
    assert {job.id: job.worker for job in page.items} == dict(
        zip((*ids, custom.job_id), shown, strict=True)
    )
    key, _ = run_of(KIND.name, ids[0])
    assert len((await store.fields(of_workers=True))[key]) == 2
    assert (await store.queue.doctor()).counts == {}
    assert await store.queue.clean(KIND.name, status="completed") == len(shown)
    assert await store.hashes() == {}


async def test_a_hash_of_workers_alone_is_found_and_goes(store: Store) -> None:
    (job,) = await store.add(1)
    key, field = run_of(KIND.name, job)
    assert await store.run(1) == [job]
    await store.connection.command("HDEL", key, field)
    assert "orphan" in (await store.queue.doctor()).counts
    assert (await store.queue.doctor(fix=True)).counts == {}
    assert await store.hashes() == {}


async def test_a_hash_with_more_fields_than_a_script_can_pass_on_is_mended(store: Store) -> None:
    (ours,) = await store.add(1)
    key, _ = run_of(KIND.name, ours)
    for first in range(0, 9_000, 1_000):
        strays = [(n.to_bytes(8, "big"), b"x") for n in range(first, first + 1_000)]
        await store.connection.command("HSET", key, *(part for row in strays for part in row))
    assert (await store.queue.doctor()).counts == {"broken_job": 9_000}
    assert (await store.queue.doctor(fix=True)).counts == {}
    assert await store.hashes() == {key: 1}
    assert await store.run(10) == [ours]
