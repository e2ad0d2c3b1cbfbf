"""What the doctor says of a server, and what an idle queue keeps."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cotiza_queue import Queue, Worker, WorkerOptions
from cotiza_queue.engine.checkup import CLOCK_MS, verdicts
from cotiza_queue.errors import ConfigurationError
from cotiza_queue.store.catalogue import IDLE, kind_of
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.server import Facts

pytestmark = pytest.mark.row("D8")
LIBRARY = "cotiza_1"
GOOD = Facts(
    info={
        "redis_version": "7.0.15",
        "maxmemory_policy": "noeviction",
        "maxmemory": "1000",
        "used_memory": "800",
        "aof_enabled": "1",
        "role": "master",
        "connected_slaves": "1",
        "connected_clients": "80",
        "cluster_enabled": "0",
    },
    settings={"appendfsync": "always", "maxclients": "100", "min-replicas-to-write": "1"},
    libraries=frozenset({LIBRARY}),
    now_ms=1_000_000,
)
FAULTS: list[tuple[str, str, dict[str, str], dict[str, str]]] = [
    ("version", "fail", {"redis_version": "6.2.14"}, {}),
    ("eviction", "fail", {"maxmemory_policy": "allkeys-lru"}, {}),
    ("memory", "warn", {"used_memory": "801"}, {}),
    ("persistence", "fail", {"aof_last_write_status": "err"}, {}),
    ("persistence", "fail", {"rdb_last_bgsave_status": "err"}, {}),
    ("persistence", "fail", {"loading": "1"}, {}),
    ("cluster", "warn", {"cluster_enabled": "1"}, {}),
    ("durability", "warn", {"aof_enabled": "0"}, {}),
    ("durability", "warn", {}, {"appendfsync": "no"}),
    ("replicas", "fail", {"role": "slave"}, {}),
    ("replicas", "warn", {}, {"min-replicas-to-write": "0"}),
    ("clients", "warn", {"connected_clients": "81"}, {}),
]


def levels(found: Facts, here_ms: int = 1_000_000) -> dict[str, str]:
    said = verdicts(found, LIBRARY, here_ms)
    assert all(bool(one.remedy) is (one.level != "ok") for one in said)
    return {one.check: one.level for one in said}


def test_a_good_server_is_good_at_the_edge_of_each_limit() -> None:
    assert set(levels(GOOD, 1_000_000 + CLOCK_MS).values()) == {"ok"}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[0]}-{fault[2] or fault[3]}")
def test_each_wrong_setting_is_named_with_a_remedy(
    fault: tuple[str, str, dict[str, str], dict[str, str]],
) -> None:
    check, level, info, settings = fault
    wrong = msgspec.structs.replace(
        GOOD, info={**(GOOD.info or {}), **info}, settings={**(GOOD.settings or {}), **settings}
    )
    found = levels(wrong)
    assert found.pop(check) == level
    assert set(found.values()) == {"ok"}


def test_a_clock_that_is_off_and_a_library_that_is_missing_are_named() -> None:
    assert levels(GOOD, 1_000_000 + CLOCK_MS + 1)["clock"] == "warn"
    assert levels(msgspec.structs.replace(GOOD, libraries=frozenset()))["functions"] == "warn"
    blind = msgspec.structs.replace(GOOD, info=None, settings=None, libraries=None)
    assert levels(blind) == {"server": "warn", "settings": "warn", "functions": "ok", "clock": "ok"}


async def test_a_worker_refuses_a_server_that_throws_jobs_away_unless_told_to(
    tmp_path: Path,
) -> None:
    async def work(payload: Any, context: Any) -> Any:
        return payload

    async with Queue(data_dir=tmp_path) as queue:
        connection = Connection(queue.url)
        await connection.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        with pytest.raises(ConfigurationError) as caught:
            await Worker({"parts": work}, queue.url).run()
        assert "COTIZA_ALLOW_EVICTION" in (caught.value.remedy or "")
        options = WorkerOptions(handle_signals=False, allow_eviction=True)
        worker = Worker({"parts": work}, queue.url, options=options)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(worker.run())
            await worker.ready.wait()
            worker.stop()
            await running
        report = await queue.doctor()
        assert [one.check for one in report.server if one.level == "fail"] == ["eviction"]
        assert not report.clean
        await connection.close()


async def test_an_idle_queue_after_retention_keeps_exactly_the_documented_set(
    tmp_path: Path,
) -> None:
    async def work(payload: Any, context: Any) -> Any:
        context.progress(50, "half")
        if payload % 5 == 0:
            raise ValueError("bad")
        return payload

    gone = {"removeOnComplete": True, "removeOnFail": True, "attempts": 1}
    async with Queue(data_dir=tmp_path) as queue:
        connection = Connection(queue.url)
        names: list[set[bytes]] = []
        worker = Worker({"parts": work}, queue.url, options=WorkerOptions(handle_signals=False))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(worker.run())
            for round_ in range(2):
                jobs = [
                    await queue.enqueue(
                        "parts", n, tenant=f"t{n % 4}",
                        options={**gone, "tags": ["x"], "uniqueKey": f"{n}", "delay": n % 3},
                    )
                    for n in range(60)
                ]  # fmt: skip
                while (await queue.metrics("parts"))[0].waiting or await _open(queue):
                    await asyncio.sleep(0.01)
                letters, _ = await queue.dead_letters(job_type="parts", limit=100)
                for letter in letters:
                    await queue.purge_dead_letter(letter.job_id)
                assert (len(jobs), len(letters), round_ in (0, 1)) == (60, 12, True)
                found = await connection.command("KEYS", "{cq:parts}:*")
                names.append({key.partition(b"}:")[2] for key in found})
            worker.stop()
            await running
        await connection.close()
        assert (await queue.doctor()).counts == {}
    kinds = [{kind.head for name in each if (kind := kind_of(name))} for each in names]
    assert kinds[0] == kinds[1]
    assert kinds[0] <= IDLE
    assert all(kind_of(name) for each in names for name in each)


async def _open(queue: Queue) -> int:
    found = (await queue.metrics("parts"))[0]
    return found.active + found.delayed
