"""Competing designs of the engine, measured beside each other on a real server.

    python -m benchmarks.designs [--server redis|valkey|both] [--rounds 5]

functions   the engine's library called by FCALL, and the same text called by EVALSHA
turns       tenants in turns by windows of their own, or by one bounded lane and a ring of tenants
heartbeat   leases renewed job by job in one call, or one heartbeat of the worker
wake        an idle worker woken by a message and then asking, or blocked in XREADGROUP

Server CPU is INFO's, the least of the rounds, which take turns; times are medians. The second and
the third compare minimal scripts of both designs, not the engine: what differs is the design alone.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from cotiza_queue.chance import SystemChance
from cotiza_queue.engine.intake import intake_of
from cotiza_queue.model.ids import CHANCE_BYTES, new_job_id
from cotiza_queue.model.job import JobType, NewJob
from cotiza_queue.store.commands import Commands, Settlement
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import StoredId, stored
from cotiza_queue.store.library import sources
from cotiza_queue.store.wire import pack

from .proof.common import SERVERS, Server, serving

KIND = JobType[Any]("designs")
JOBS, BATCH, CHUNK = 6_000, 50, 100
Part = Callable[[Connection], Awaitable[None]]


async def cpu_us(connection: Connection) -> float:
    """CPU that the server has used, in microseconds."""
    info = await connection.command("INFO", "cpu")
    return float(info["used_cpu_user"] + info["used_cpu_sys"]) * 1e6


async def cost_us(connection: Connection, part: Awaitable[Any], count: int) -> float:
    """Server CPU of a piece of work, per item."""
    before = await cpu_us(connection)
    await part
    return (await cpu_us(connection) - before) / count


def least(table: dict[str, list[float]]) -> dict[str, float]:
    return {name: min(values) for name, values in table.items()}


# -- functions or scripts


class Scripts(Connection):
    """The engine's own Lua, one script a verb, called by its hash."""

    async def load(self) -> None:
        body = "\n".join([*sources("lib").values(), *sources("ops").values()])
        self._shas = {}
        for verb in ("enqueue", "turn"):
            text = f"#!lua flags=allow-oom\n{body}\nreturn {verb}(KEYS, ARGV)"
            self._shas[verb] = await self.command("SCRIPT", "LOAD", text)

    async def call(self, verb: str, job_type: str, *args: str | bytes | int) -> Any:
        key = f"{{cq:{job_type}}}:meta"
        return await self.command("EVALSHA", self._shas[verb], 1, key, *args)


async def functions(server: Server, rounds: int) -> None:
    table: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, kind in (("FCALL", Connection), ("EVALSHA", Scripts)):
            connection = kind(server.url)
            await connection.command("FLUSHALL")
            await connection.load()
            cost = await cost_us(connection, life(Commands(connection)), JOBS)
            table.setdefault(name, []).append(cost)
            await connection.close()
    for name, cost in least(table).items():
        print(f"  functions   {name:<34}{cost:>8.1f} µs server CPU a job (enqueue, take, complete)")


async def life(commands: Commands) -> None:
    """Jobs from their coming to their end."""
    chance = SystemChance()
    for start in range(0, JOBS, CHUNK):
        ids = [
            new_job_id(
                start + n, int.from_bytes(chance.random_bytes(CHANCE_BYTES), "big"), KIND.name, "t"
            )
            for n in range(CHUNK)
        ]
        jobs = [
            intake_of(
                NewJob(type=KIND.name, payload={"x": "y" * 280}, tenant="t"),
                KIND,
                stored(id_, KIND.name),
            )
            for id_ in ids
        ]
        await commands.enqueue(KIND.name, jobs)
    outcomes: list[Settlement] = []
    left = JOBS
    while left or outcomes:
        turn = await commands.turn(KIND.name, "w", BATCH if left else 0, outcomes)
        left -= len(turn.deliveries)
        outcomes = [Settlement("complete", d.stored, d.token, b"null", 1) for d in turn.deliveries]


# -- turns of tenants

_TURNS = Path(__file__).with_name("turns.lua")


async def turns(server: Server, rounds: int) -> None:
    for tenants in (1, 100, 5_000):
        table: dict[str, list[float]] = {}
        places: dict[str, int] = {}
        for _ in range(rounds):
            for design in ("windows", "ring"):
                connection = Connection(server.url)
                await connection.command("FLUSHALL")
                await connection.command("FUNCTION", "LOAD", "REPLACE", _TURNS.read_text())
                await connection.command("XGROUP", "CREATE", "{t}:lane", "w", "0", "MKSTREAM")
                cost = await cost_us(connection, rotation(connection, design, tenants), JOBS)
                table.setdefault(design, []).append(cost)
                places[design] = await newcomer(connection, design)
                await connection.close()
        for design, cost in least(table).items():
            print(
                f"  turns       {design:<10}{tenants:>6,} tenants {cost:>16.1f} µs server CPU a job"
            )
            print(f"{'':14}a newcomer behind 5,000 starts as number {places[design]}")


async def rotation(connection: Connection, design: str, tenants: int) -> None:
    for start in range(0, JOBS, CHUNK):
        flat: list[str | int] = []
        for n in range(start, start + CHUNK):
            flat += [n, f"t{n % tenants}"]
        await connection.command("FCALL", f"{design}_enqueue", 1, "{t}:", *flat)
    left = JOBS
    while left:
        left -= len(await connection.command("FCALL", f"{design}_take", 1, "{t}:", BATCH))


async def newcomer(connection: Connection, design: str) -> int:
    """The place in the order of starts of one job behind 5,000 of another tenant."""
    for start in range(0, 5_000, CHUNK):
        flat = [part for n in range(start, start + CHUNK) for part in (n, "flood")]
        await connection.command("FCALL", f"{design}_enqueue", 1, "{t}:", *flat)
    await connection.command("FCALL", f"{design}_enqueue", 1, "{t}:", "new", "newcomer")
    place = 0
    while True:
        for job in await connection.command("FCALL", f"{design}_take", 1, "{t}:", 1):
            place += 1
            if job == b"new":
                return place


# -- leases


async def heartbeat(server: Server, rounds: int) -> None:
    for held in (10, 100, 1_000):
        table: dict[str, list[float]] = {}
        for _ in range(rounds):
            connection = Connection(server.url)
            await connection.command("FLUSHALL")
            await connection.load()
            commands = Commands(connection)
            chance = SystemChance()
            job = NewJob(type=KIND.name, payload=1, tenant="t")
            for n in range(held):
                id_ = new_job_id(
                    n, int.from_bytes(chance.random_bytes(CHANCE_BYTES), "big"), KIND.name, "t"
                )
                await commands.enqueue(KIND.name, [intake_of(job, KIND, stored(id_, KIND.name))])
            taken = (await commands.turn(KIND.name, "w", held, [])).deliveries
            pairs = [(delivery.stored, delivery.token) for delivery in taken]
            for name, running in (("job by job", pairs), ("the worker alone", [])):
                cost = await cost_us(connection, renewals(commands, running), 200)
                table.setdefault(name, []).append(cost)
            await connection.close()
        for name, cost in least(table).items():
            print(
                f"  heartbeat   {name:<18}{held:>6,} running {cost:>10.1f} µs server CPU a renewal"
            )


async def renewals(commands: Commands, running: list[tuple[StoredId, int]]) -> None:
    for _ in range(200):
        for start in range(0, max(1, len(running)), 500):
            page = running[start : start + 500]
            await commands.renew(KIND.name, "w", b"{}", 60_000, page)


# -- waking up


async def wake(server: Server, rounds: int) -> None:
    delays: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, design in (("message", by_message), ("XREADGROUP BLOCK", by_block)):
            worker, caller = Connection(server.url), Connection(server.url)
            await worker.command("FLUSHALL")
            await worker.command("FUNCTION", "LOAD", "REPLACE", _TURNS.read_text())
            await worker.command("XGROUP", "CREATE", "{t}:lane", "w", "0", "MKSTREAM")
            delays.setdefault(name, []).extend([await design(worker, caller) for _ in range(200)])
            await worker.close()
            await caller.close()
    for name, seconds in delays.items():
        middle = statistics.median(seconds) * 1e3
        print(f"  wake        {name:<34}{middle:>8.2f} ms from the call to the job in hand")


async def by_message(worker: Connection, caller: Connection) -> float:
    heard = asyncio.Event()
    listening = await worker.own(pushed=lambda told: heard.set() if told[0] == b"message" else None)
    await listening.ask(pack(("SUBSCRIBE", "{t}:wake")) + pack(("PING",)))
    await asyncio.sleep(0.001)
    began = perf_counter()
    sent = asyncio.ensure_future(caller.command("FCALL", "wake_put", 1, "{t}:", "job"))
    await heard.wait()
    await worker.command("FCALL", "wake_take", 1, "{t}:")
    delay = perf_counter() - began
    await sent
    listening.close()
    return delay


async def by_block(worker: Connection, caller: Connection) -> float:
    read = ("XREADGROUP", "GROUP", "w", "w", "COUNT", 1, "BLOCK", 5000, "STREAMS", "{t}:lane", ">")
    waiting = asyncio.ensure_future(worker.command(*read))
    await asyncio.sleep(0.001)
    began = perf_counter()
    sent = asyncio.ensure_future(caller.command("FCALL", "wake_put", 1, "{t}:", "job"))
    reply = await waiting
    ((_, entries),) = reply.items() if isinstance(reply, dict) else reply
    await worker.command("FCALL", "wake_start", 1, "{t}:", entries[0][0], "job")
    delay = perf_counter() - began
    await sent
    return delay


async def measure(server: Server, rounds: int) -> None:
    for part in (functions, turns, heartbeat, wake):
        await part(server, rounds)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.designs")
    parser.add_argument("--server", choices=(*SERVERS, "both"), default="both")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    for kind in SERVERS if asked.server == "both" else (asked.server,):
        with serving(kind) as server:
            print(server.version)
            asyncio.run(measure(server, asked.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
