"""Requests over many connections, with as little work a request as a client can do.

python -m benchmarks.clients.http post|follow ORDER

Bytes are looked through, not parsed: the server has the same two cores to live on.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Iterator
from typing import cast
from urllib.parse import urlsplit

import msgspec
import uvloop

from benchmarks.figures import percentile

OPENED_AT_ONCE = 100
PATIENCE_S = 60.0
PAUSE_S = 0.01
"""Between two events that everybody gets."""
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
END = b"\r\n\r\n"
LENGTH = b"content-length: "
DATA = b'data: {"jobId":"'
ID_BYTES = 34


class Order(msgspec.Struct):
    """``count`` jobs over ``connections``."""

    url: str
    token: str
    count: int
    connections: int

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """A whole request."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {urlsplit(self.url).netloc}\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def connect(self, protocol: asyncio.Protocol) -> None:
        """Open a connection that stays open."""
        place = urlsplit(self.url)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: protocol, place.hostname or "", place.port or 80)


class Line(asyncio.Protocol):
    """One connection on which a request follows each answer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._heard = b""
        self._answer: asyncio.Future[bytes] | None = None

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        """The body of the answer, if that is a 2xx."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        heard = self._heard = self._heard + data
        end = heard.find(END)
        if end < 0:
            return
        start = heard.index(LENGTH) + len(LENGTH)
        size = int(heard[start : heard.index(b"\r", start)])
        if len(heard) < end + len(END) + size:
            return
        self._heard = b""
        assert self._answer is not None
        if heard[9:10] == b"2":
            self._answer.set_result(heard[end + len(END) :])
        else:
            self._answer.set_exception(RuntimeError(heard.decode(errors="replace")[:500]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server has hung up"))


class Ear(asyncio.Protocol):
    """One connection that listens. ``arrived``: when each job was told, by all ears together."""

    def __init__(self, request: bytes, arrived: dict[bytes, list[float]]) -> None:
        self._request = request
        self._arrived = arrived
        self._rest = b""
        self.joined = asyncio.get_running_loop().create_future()
        self.heard = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if not self.joined.done():
            self._join(data)
        data = self._rest + data
        at = data.find(DATA)
        while 0 <= at <= len(data) - len(DATA) - ID_BYTES:
            at += len(DATA)
            self._arrived.setdefault(data[at : at + ID_BYTES], []).append(now)
            self.heard += 1
            at = data.find(DATA, at)
        self._rest = data[at:] if at >= 0 else data[-len(DATA) :]

    def _join(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 200"):
            self.joined.set_result(None)
        else:
            self.joined.set_exception(RuntimeError(data.decode(errors="replace")[:500]))


async def post(order: Order, body: bytes) -> dict[str, float]:
    """Jobs over all connections, each waiting for its answer."""
    request = order.request("POST", "/api/v1/jobs", body)
    lines = [Line() for _ in range(order.connections)]
    await asyncio.gather(*(order.connect(line) for line in lines))
    spans: list[float] = []
    left: Iterator[int] = iter(range(order.count))

    async def caller(line: Line) -> None:
        for _ in left:
            began = time.monotonic()
            await line.ask(request)
            spans.append(time.monotonic() - began)

    began, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*(caller(line) for line in lines))
    rate = order.count / (time.monotonic() - began)
    used = (time.process_time() - cpu) / order.count
    return {"rate": rate, **_spread(spans), "client_us": used * 1e6}


async def follow(order: Order, body: bytes) -> dict[str, float]:
    """Everybody follows the tenant's events; each job that is made is told to all of them."""
    arrived: dict[bytes, list[float]] = {}
    listen = order.request("GET", "/api/v1/events")
    ears = [Ear(listen, arrived) for _ in range(order.connections)]
    for first in range(0, len(ears), OPENED_AT_ONCE):
        some = ears[first : first + OPENED_AT_ONCE]
        await asyncio.gather(*(order.connect(ear) for ear in some))
        await asyncio.gather(*(ear.joined for ear in some))
    maker, request = Line(), order.request("POST", "/api/v1/jobs", body)
    await order.connect(maker)
    while not all(ear.heard for ear in ears):  # The head of an answer comes before it has joined.
        await maker.ask(request)
        await asyncio.sleep(0.5)
    made: dict[bytes, float] = {}
    began, cpu = time.monotonic(), time.process_time()
    for _ in range(order.count):
        answer = json.loads(await maker.ask(request))
        made[answer["jobId"].encode()] = time.monotonic()
        await asyncio.sleep(PAUSE_S)
    async with asyncio.timeout(PATIENCE_S):
        while any(len(arrived.get(job, ())) < order.connections for job in made):
            await asyncio.sleep(0.01)
    seconds, used = time.monotonic() - began, time.process_time() - cpu
    spans = [max(0.0, at - made[job]) for job in made for at in arrived[job]]
    found = {"rate": len(spans) / seconds, **_spread(spans)}
    return found | {"client_us": used / len(spans) * 1e6}


def _spread(spans: list[float]) -> dict[str, float]:
    return {"p50": percentile(spans, 50) * 1000, "p99": percentile(spans, 99) * 1000}


def main(verb: str, text: str) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    order = msgspec.json.decode(text, type=Order)
    work = post if verb == "post" else follow
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.write(json.dumps(runner.run(work(order, json.dumps(PAYLOAD).encode()))))


if __name__ == "__main__":
    main(*sys.argv[1:3])
