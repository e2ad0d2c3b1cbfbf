"""1,000 concurrent enqueues with one unique key, over many connections and several processes, make
one job, and tell one caller that it made it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack

from cotiza_queue import Queue

from .common import ROOT, Report, Server, main

PROCESSES, QUEUES, CALLS = 5, 20, 10
"""Each process opens so many queues (each with connections of its own), and calls so often on each
of them, all at once. (Calls on one queue share their way to the server.)
"""
KIND = "unique"
HOUR_MS = 3_600_000


async def prove(server: Server, report: Report, asked: argparse.Namespace) -> None:
    rounds = 1 if asked.quick else 20
    answers, ids, created = 0, [], []
    for n in range(rounds):
        said = await _round(server, f"key-{n}")
        answers += len(said)
        ids.append(len({job for job, _ in said}))
        created.append(sum(new == "True" for _, new in said))
    async with Queue(server.url) as queue:
        waiting = (await queue.metrics(KIND))[0].waiting
    report.figure("rounds, each with a key of its own", rounds)
    calls = PROCESSES * QUEUES * CALLS * rounds
    report.count("answers", answers, f"{calls:,}", answers == calls)
    report.count("different ids a round, at most", max(ids), "1", max(ids) == 1)
    report.count(
        "answers 'created' a round", f"{min(created)}…{max(created)}", "1", set(created) == {1}
    )
    report.count("jobs in Redis", waiting, str(rounds), waiting == rounds)


async def _round(server: Server, key: str) -> list[tuple[str, str]]:
    """(job id, created) of each call. Callers say when they are connected; then all are let go."""
    command = (sys.executable, "-m", "benchmarks.proof.unique", "--call", server.url, key)
    pipe = asyncio.subprocess.PIPE
    callers = [
        await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=ROOT)
        for _ in range(PROCESSES)
    ]
    for caller in callers:
        assert caller.stdout is not None
        await caller.stdout.readline()
    outputs = await asyncio.gather(*(caller.communicate(b"go\n") for caller in callers))
    rows = [line.split() for output, _ in outputs for line in output.decode().splitlines()]
    return [(job, created) for job, created in rows]


async def _call(url: str, key: str) -> None:
    async with AsyncExitStack() as stack:
        queues = [await stack.enter_async_context(Queue(url)) for _ in range(QUEUES)]
        for n, queue in enumerate(queues):
            await queue.enqueue(KIND, n, options={"delay": HOUR_MS})  # connects
        print("ready", flush=True)
        sys.stdin.readline()
        calls = [
            queue.enqueue(KIND, n, options={"uniqueKey": key})
            for n in range(CALLS)
            for queue in queues
        ]
        for answer in await asyncio.gather(*calls):
            print(answer.job_id, answer.created)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--call"]:
        asyncio.run(_call(sys.argv[2], sys.argv[3]))
    else:
        sys.exit(main("unique", prove, sys.argv[1:]))
