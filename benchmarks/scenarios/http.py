"""The HTTP API: jobs coming in over fifty connections, events going out to a thousand clients."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import jwt

from ..environments import ROOT
from ..figures import Column, Measured, Scenario
from ..processes import Failed, cpu_s
from ..stage import MICRO, Stage
from .basics import RATE

CONNECTIONS = 50
CLIENTS = 1_000
CLIENT_S = 300.0
LOOK_S = 0.2


def post(stage: Stage, path: str = "/api/v1/jobs") -> Measured:
    """Enqueue over HTTP: a signed token is verified, the payload checked, the job taken in."""
    count = stage.jobs(10_000)
    with _api(stage.server.url) as api:
        before, cpu = stage.server.usage(), cpu_s(api.pid)
        found = _client("post", url=api.url, token=api.token, count=count, connections=CONNECTIONS)
        used = stage.server.usage().since(before)
        found["api_us"] = (cpu_s(api.pid) - cpu) / count * MICRO
    return found | {"server_us": used.cpu_s / count * MICRO}


def fan_out(stage: Stage) -> Measured:
    """Every event to every client of a tenant."""
    clients, count = stage.jobs(CLIENTS, 50), max(10, stage.jobs(50, 10))
    with _api(stage.server.url) as api, _readers(stage.server.client) as readers:
        cpu = cpu_s(api.pid)
        found = _client("follow", url=api.url, token=api.token, count=count, connections=clients)
        found["api_us"] = (cpu_s(api.pid) - cpu) / (clients * count) * MICRO
    return found | {"readers": float(max(readers))}


@contextmanager
def _readers(client: Any) -> Iterator[list[int]]:
    """How many connections read events at once, each time that the server was asked."""
    seen, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            seen.append(sum(row["cmd"] == "xread" for row in client.client_list()))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


class _Api:
    def __init__(self, url: str, pid: int, token: str) -> None:
        self.url, self.pid, self.token = url, pid, token


@contextmanager
def _api(redis_url: str) -> Iterator[_Api]:
    """One uvicorn process with authentication on."""
    secret = secrets.token_hex(32)
    now = int(time.time())
    claims = {"sub": "bench", "tenantId": "bench", "role": "admin", "iat": now, "exp": now + 3600}
    with tempfile.TemporaryDirectory(prefix="cq-bench-") as folder:
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "cotiza_api", "--port", "0"],
                env={"JWT_SECRET": secret, "REDIS_URL": redis_url, "COTIZA_DATA_DIR": folder},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("listening on "):
                raise Failed((Path(folder) / "log").read_text()[-500:])
            token = jwt.encode(claims, secret, algorithm="HS256")
            yield _Api(line.removeprefix("listening on ").strip(), process.pid, token)
        finally:
            process.kill()
            process.wait()


def _client(verb: str, **order: Any) -> Measured:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.clients.http", verb, json.dumps(order)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=CLIENT_S,
    )
    if done.returncode:
        raise Failed(done.stderr.strip()[-500:])
    answer: Measured = json.loads(done.stdout)
    return answer


LATE = (
    Column("p50", "median", "ms", digits=1),
    Column("p99", "99 %", "ms", digits=1),
    Column("api_us", "API CPU", "µs", digits=1),
    Column("client_us", "client CPU", "µs", "", digits=1),
)
SCENARIOS = (
    Scenario(
        "post",
        "POST /jobs over 50 connections",
        (RATE, *LATE, Column("server_us", "server CPU", "µs/job", digits=1)),
        partial(post),
        "One uvicorn process; tokens are verified and payloads checked. From request to answer.",
        "own",
    ),
    Scenario(
        "fan-out",
        "Events to 1,000 clients",
        (
            Column("rate", "events/s", "/s", "more"),
            *LATE,
            Column("readers", "connections to Redis that read events"),
        ),
        fan_out,
        "From the answer to the POST that caused it until each client has the event.",
        "own",
    ),
)
