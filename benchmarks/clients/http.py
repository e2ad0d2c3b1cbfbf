"""Requests over many connections, with as little work a request as a client can do.

python -m benchmarks.clients.http post|follow ORDER
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from benchmarks.figures import percentile

OPENED_AT_ONCE = 100
PATIENCE_S = 60.0
PAYLOAD = {
    "type": "quote-calculation",
    "data": {
        "quoteId": "quote-1",
        "items": [
            {"fileId": "file-1", "quantity": 10, "material": "pla", "process": "3d_fff"},
            {"fileId": "file-2", "quantity": 2, "material": "petg", "process": "3d_fff"},
        ],
    },
}


class Order(msgspec.Struct):
    """``count`` jobs over ``connections``."""

    url: str
    token: str
    count: int
    connections: int


class Line:
    """One connection that stays open."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._place = urlsplit(order.url)

    async def open(self) -> None:
        place = self._place
        self.reader, self.writer = await asyncio.open_connection(place.hostname, place.port)

    def send(self, method: str, path: str, body: bytes = b"") -> None:
        """A request, without waiting for its answer."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._place.netloc}\r\n"
            f"Authorization: Bearer {self._order.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)

    async def head(self) -> tuple[int, int]:
        """The status of the answer, and the length of its body (0 if it does not say)."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = 0
        for line in lines[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value)
        return int(lines[0].split()[1]), length

    async def ask(self, method: str, path: str, body: bytes) -> bytes:
        """The body of the answer. Raises RuntimeError unless it is a 2xx."""
        self.send(method, path, body)
        status, length = await self.head()
        answer = await self.reader.readexactly(length)
        if status >= 300:
            raise RuntimeError(f"{status}: {answer[:300].decode(errors='replace')}")
        return answer


async def post(order: Order, body: bytes) -> dict[str, float]:
    """Jobs over all connections, each waiting for its answer."""
    lines = [Line(order) for _ in range(order.connections)]
    spans: list[float] = []
    left: Iterator[int] = iter(range(order.count))

    async def caller(line: Line) -> None:
        await line.open()
        for _ in left:
            began = time.monotonic()
            await line.ask("POST", "/api/v1/jobs", body)
            spans.append(time.monotonic() - began)

    began = time.monotonic()
    await asyncio.gather(*(caller(line) for line in lines))
    return {"rate": order.count / (time.monotonic() - began), **_spread(spans)}


async def follow(order: Order, body: bytes) -> dict[str, float]:
    """Everybody follows the tenant's events; each job that is made is told to all of them."""
    lines = [Line(order) for _ in range(order.connections)]
    for first in range(0, len(lines), OPENED_AT_ONCE):
        await asyncio.gather(*(_listen(line) for line in lines[first : first + OPENED_AT_ONCE]))
    arrived: dict[str, list[float]] = {}
    heard: set[Line] = set()
    readers = [asyncio.ensure_future(_read(line, arrived, heard)) for line in lines]
    maker = Line(order)
    await maker.open()
    while len(heard) < len(lines):  # The head of an answer comes before its reader has joined.
        await maker.ask("POST", "/api/v1/jobs", body)
        await asyncio.sleep(0.5)
    made: dict[str, float] = {}
    began = time.monotonic()
    for _ in range(order.count):
        answer = json.loads(await maker.ask("POST", "/api/v1/jobs", body))
        made[answer["jobId"]] = time.monotonic()
        await asyncio.sleep(0.01)
    async with asyncio.timeout(PATIENCE_S):
        while any(len(arrived.get(job, ())) < order.connections for job in made):
            await asyncio.sleep(0.01)
    seconds = time.monotonic() - began
    for reader in readers:
        reader.cancel()
    spans = [at - made[job] for job in made for at in arrived[job]]
    return {"rate": len(spans) / seconds, **_spread(spans)}


async def _listen(line: Line) -> None:
    await line.open()
    line.send("GET", "/api/v1/events")
    status, _ = await line.head()
    if status != 200:
        raise RuntimeError(f"{status} to GET /events")
    await line.reader.readuntil(b"retry:")


async def _read(line: Line, arrived: dict[str, list[float]], heard: set[Line]) -> None:
    async for row in line.reader:
        if row.startswith(b"data: "):
            heard.add(line)
            told = json.loads(row[6:])
            arrived.setdefault(told["jobId"], []).append(time.monotonic())


def _spread(spans: list[float]) -> dict[str, float]:
    return {"p50": percentile(spans, 50) * 1000, "p99": percentile(spans, 99) * 1000}


def main(verb: str, text: str) -> Any:
    order = msgspec.json.decode(text, type=Order)
    work = post if verb == "post" else follow
    sys.stdout.write(json.dumps(asyncio.run(work(order, json.dumps(PAYLOAD).encode()))))


if __name__ == "__main__":
    main(*sys.argv[1:3])
