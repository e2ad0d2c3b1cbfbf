"""The engine under test: its Lua with small pages, perhaps with a planted bug, on a test server.

The library is built from the files of the installation, with each limit that a game could never
reach cut down: what happens at the edge of a page happens in a game of fifty steps. A patch that no
longer fits its file is an error, never skipped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from cotiza_queue.model import outcome
from cotiza_queue.store import keys
from cotiza_queue.store.commands import Commands, Delivery
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.hints import delivery_of
from cotiza_queue.store.ids import StoredId
from cotiza_queue.store.library import Library
from cotiza_queue.store.views import Views
from cotiza_queue.store.wire import Wire, pack

from .naming import lying
from .server import EPOCH_MS, TimedServer

T = TypeVar("T")
Decide = Callable[..., "outcome.Retry | outcome.Fail | outcome.Snooze | outcome.Discard"]
PAGE, TOMBSTONES, HISTORY, CHECKPOINTS, INLINE, HELD, BLOCK, INBOX = 2, 3, 4, 2, 3, 2, 4, 5
GAME, WORKERS = "model", ("w1", "w2", "w3")
"""The job type, and those who can hear."""
BODY = 60
"""Bytes up to which payloads lie together."""
TRIMMED, NEWEST = 2, 24
"""Entries that are done with, from which on they go with one trim."""
FIRST, BYTES = 2, 100
"""Of a take: how many are read before their size is known, and what the rest may come to."""


class Handle(NamedTuple):
    """What a worker holds of a delivery; kept after it has lost the job."""

    worker: str
    id: str
    token: int
    attempt: int
    attempts: int
    snoozed: int = 0

    @property
    def stored(self) -> StoredId:
        return lying(self.id)


class Patch(NamedTuple):
    """``old``, found exactly once in the Lua file ``path`` ("ops/turn"), becomes ``new``."""

    path: str
    old: str
    new: str


SMALL_PAGES = (
    Patch("lib/39_checkpoint", "names = 64", f"names = {CHECKPOINTS}"),
    Patch("lib/38_bundle", "held = 8", f"held = {HELD}"),
    Patch("lib/41_ended", "page = 20", f"page = {PAGE}"),
    Patch("lib/39_bodies", "least = 4, most = 1024", f"least = 2, most = {BODY}"),
    Patch("lib/35_index", "block = 16", f"block = {BLOCK}"),
    Patch("lib/43_finish", "inline = 256", f"inline = {INLINE}"),
    Patch("lib/66_inbox", "most = 100", f"most = {INBOX}"),
    Patch("lib/32_lane_end", "trimmed = 8", f"trimmed = {TRIMMED}"),
    Patch("lib/38_history", "kept = 200", f"kept = {HISTORY}"),
    Patch("lib/59_delayed", "page = 64", f"page = {PAGE}"),
    Patch("lib/46_finding", "page = 500", f"page = {PAGE}"),
    Patch("lib/57_backlog", "page = 100", f"page = {PAGE}"),
    Patch("lib/55_newest", "most = 64", f"most = {NEWEST}"),
    Patch("lib/70_delivery", "tombstones = 100", f"tombstones = {TOMBSTONES}"),
    Patch("lib/70_delivery", "first = 8, bytes = 524288", f"first = {FIRST}, bytes = {BYTES}"),
)


def patched(text: str, patch: Patch) -> str:
    """Raises AssertionError unless the patch fits in exactly one place."""
    assert text.count(patch.old) == 1, f"{patch.old!r} is {text.count(patch.old)} x in {patch.path}"
    return text.replace(patch.old, patch.new)


def build(patches: Iterable[Patch] = ()) -> Library:
    """The engine's library with small pages and these patches."""
    root = Path(str(resources.files("cotiza_queue"))) / "lua"
    texts = {
        f"{folder}/{file.stem}": file.read_text(encoding="utf-8")
        for folder in ("lib", "ops")
        for file in sorted((root / folder).glob("*.lua"))
    }
    for patch in (*SMALL_PAGES, *patches):
        texts[patch.path] = patched(texts[patch.path], patch)
    return Library(
        *({k[4:]: v for k, v in texts.items() if k[:3] == folder} for folder in ("lib", "ops"))
    )


class Bench:
    """A server and the library under test. ``steps``: calls played and checked so far."""

    def __init__(
        self, server: TimedServer, library: Library, decide: Decide = outcome.decide
    ) -> None:
        self.clock = server.clock
        self.page = PAGE
        self.decide = decide
        self.steps = 0
        self.games = 0
        self.seed = 0
        """Of the batch that is being played."""
        self.caught_at = 0
        """The step of the first violation."""
        self._told: list[tuple[str, Delivery]] = []
        self._channels: dict[bytes, str] = {}
        self._ear: Wire | None = None
        self._loop = asyncio.new_event_loop()
        self.connection = Connection(server.url, library)
        self.commands = Commands(self.connection)
        self.views = Views(self.connection)

    def told(self) -> list[tuple[str, Delivery]]:
        """The jobs that workers were handed since the last look, by worker."""
        self.run(self._hear())
        told, self._told = self._told, []
        return told

    async def _hear(self) -> None:
        """What was said before is there when this is answered."""
        if self._ear is None:
            self._ear = await self.connection.own(pushed=self._note)
            channels = {keys.handed(GAME, who).encode(): who for who in WORKERS}
            self._channels = channels
            await self._ear.ask(
                b"".join(pack(("SSUBSCRIBE", each)) for each in channels) + pack(("PING",))
            )
        await self._ear.ask(pack(("PING",)))

    def _note(self, pushed: Sequence[Any]) -> None:
        if pushed[0] == b"smessage" and (found := delivery_of(GAME, pushed[2])):
            self._told.append((self._channels[pushed[1]], found[0]))

    @contextmanager
    def in_use(self) -> Iterator[Bench]:
        """The bench is closed after the block."""
        try:
            yield self
        finally:
            if self._ear is not None:
                self._ear.close()
            self._loop.run_until_complete(self.connection.close())
            self._loop.close()

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(call)

    def empty(self) -> None:
        """A new game: an empty server, at the first moment."""
        self.clock.now_ms = EPOCH_MS
        self.run(self.connection.command("FLUSHALL"))
        self.told()
        self.games += 1
