"""A line to a real Redis server on which a test says what happens to a command on its way: another
answer than the server's, silence, or the end of the connection before or after the server did it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

READ = 1 << 16


class Fate(Enum):
    """What happens to a command instead of an answer."""

    SILENCE = "never answered"
    CUT_BEFORE = "the connection ends before the server has it"
    CUT_AFTER = "the server does it, and the connection ends before the answer"


@dataclass
class Rule:
    """``word``: bytes that a command must have in its first two words. ``times``: how often;
    ``after``: how many of them pass before. ``answer`` as a number: the server does it, and its own
    answer comes so many seconds late.
    """

    word: bytes
    answer: bytes | Fate | float
    times: int
    after: int = 0
    used: int = 0


@dataclass
class Line:
    """What is in force, and what was seen. Commands are told by their first two words."""

    url: str = ""
    server: str = ""
    """Where it leads to; another URL from then on leads new connections elsewhere."""
    rules: list[Rule] = field(default_factory=list)
    seen: list[bytes] = field(default_factory=list)
    connections: int = 0
    answer_on_entry: bytes = b""
    """Sent to each new connection, which is then ended: what a full server does."""

    def instead(
        self, word: bytes, answer: bytes | Fate | float, times: int = 1_000_000, after: int = 0
    ) -> Rule:
        """From now on, give commands with this word this fate."""
        rule = Rule(word, answer, times, after)
        self.rules.append(rule)
        return rule

    def heal(self) -> None:
        """Let everything pass."""
        self.rules.clear()
        self.answer_on_entry = b""

    def count(self, word: bytes) -> int:
        """How many commands with this word were sent."""
        return sum(word in command for command in self.seen)

    def rule_for(self, command: bytes) -> Rule | None:
        for rule in self.rules:
            if rule.word not in command or rule.used >= rule.times:
                continue
            if rule.after > 0:
                rule.after -= 1
                continue
            rule.used += 1
            return rule
        return None


class _Passage:
    """One connection."""

    def __init__(
        self, line: Line, ours: asyncio.StreamWriter, server: asyncio.StreamWriter
    ) -> None:
        self.line, self.ours, self.server = line, ours, server
        self.mute = False
        self.late_s = 0.0

    async def forth(self, reader: asyncio.StreamReader) -> None:
        """From the client to the server, command by command."""
        while command := await _command(reader):
            raw, words = command
            self.line.seen.append(words)
            rule = self.line.rule_for(words)
            if rule is None:
                self.server.write(raw)
            elif isinstance(rule.answer, bytes):
                self.ours.write(rule.answer)
            elif rule.answer is Fate.CUT_BEFORE:
                return
            elif rule.answer is Fate.CUT_AFTER:
                self.mute = True
                self.server.write(raw)
            elif isinstance(rule.answer, float):
                self.late_s = rule.answer
                self.server.write(raw)
            await self.server.drain()

    async def back(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(READ):
            if self.mute:
                return
            late_s, self.late_s = self.late_s, 0.0
            await asyncio.sleep(late_s)
            self.ours.write(data)
            await self.ours.drain()


async def _command(reader: asyncio.StreamReader) -> tuple[bytes, bytes] | None:
    """(the command as sent, its first two words), or None at the end."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        head = await reader.readuntil(b"\r\n")
        raw, words = [head], []
        for _ in range(int(head[1:])):
            size = await reader.readuntil(b"\r\n")
            word = await reader.readexactly(int(size[1:]) + 2)
            raw += [size, word]
            words.append(word[:-2])
        return b"".join(raw), b" ".join(words[:2])
    return None


@asynccontextmanager
async def line_to(server_url: str) -> AsyncIterator[Line]:
    """A line to the server of that URL, and in ``line.url`` the way onto it."""
    line = Line(server=server_url)
    tasks: set[asyncio.Task[None]] = set()

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(line.server)
        if parts.scheme == "unix":
            return await asyncio.open_unix_connection(parts.path)
        return await asyncio.open_connection(parts.hostname, parts.port or 6379)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line.connections += 1
        if line.answer_on_entry:
            writer.write(line.answer_on_entry)
            await writer.drain()
            writer.close()
            return
        upstream, server = await connect()
        passage = _Passage(line, writer, server)
        ways = {
            asyncio.ensure_future(passage.forth(reader)),
            asyncio.ensure_future(passage.back(upstream)),
        }
        tasks.update(ways)
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, server):
            end.transport.abort()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    line.url = f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        listening.close()
        for task in tasks:
            task.cancel()


async def until(fact: Callable[[], object]) -> None:
    """Wait for a fact; the test's own time limit is the only clock."""
    while not fact():
        await asyncio.sleep(0.01)
