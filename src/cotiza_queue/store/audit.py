"""Reading all that the queues of a server hold, page by page, and having each page judged by
``lua/ops/examine.lua``. What a page holds in memory is bounded; of a whole run only this is kept:
the names of sorted sets, lists of bodies, lanes, lines and tenants, the ids of jobs that wait in
their tenant's line (about 100 bytes each), and the pages in which something was found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from ..errors import QueueDamaged
from . import ids, keys
from .catalogue import RECORDS, kind_of
from .connection import Connection

SCANNED = 500
"""Keys that one step over the server brings."""
PAGE = 50
"""Jobs of one look: about 2 ms of the server's time."""
RUNS = 3
"""Hashes of records of one look, for up to a hundred jobs: about 2 ms."""
ENTRIES = 200
COUNTED = 3_000
"""Entries in the lanes of a queue, and jobs that have not ended, up to which its counters are
compared; statuses up to ten times as many members of its classes. Less than 100 ms.
"""
UNREAD = 10_000
"""Entries of a lane through which a job is looked for that has gone there unread: about 10 ms."""
TENANTS = 500
BUNDLES = 5
"""Members of one look that name up to a hundred jobs each, tenants, and lists of bodies."""
REMARK = b"/"
"""The one field of ``tenants`` that is no tenant."""
_LINES = 10
_PATTERN = "{cq:*"
Item = TypeVar("Item", str, bytes)


class Row(NamedTuple):
    """What is wrong: a code, the key or job that it is about, and how."""

    code: str
    subject: str
    detail: str


class Page(NamedTuple):
    """One look: ``part`` of ops/examine.lua, and what it takes."""

    job_type: str
    part: str
    arguments: tuple[str | bytes | int, ...]


class Names:
    """Of one queue, what the walk over the keys has come by."""

    def __init__(self) -> None:
        self.sets: list[bytes] = []
        self.bodies: list[bytes] = []
        self.lanes: set[bytes] = set()
        self.lines: list[bytes] = []
        self.tenants: set[bytes] = set()
        self.strangers: list[str] = []
        self.in_line: set[str] = set()


class Audit:
    """One run over one server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.queues: defaultdict[str, Names] = defaultdict(Names)
        self.looked = 0

    async def judge(self, page: Page, *, fix: bool) -> list[Row]:
        """The findings of a page; with ``fix``, what was put right."""
        try:
            return (await self._examine(page, fix))[1]
        except QueueDamaged:
            # A key that it needs has another type: that is found apart, and mended first.
            return []

    async def pages(self) -> AsyncIterator[tuple[Page, list[Row]]]:
        """Every page there is, judged. Parts that repair come before those that count."""
        for job_type in await self.announced():
            self.queues[job_type] = Names()
            await self._connection.place(job_type)
        async for job_type, names in self._keys():
            for page in _sorted(job_type, names, self.queues[job_type]):
                yield page, await self._first_look(page)
        for job_type, names_ in list(self.queues.items()):
            async for page in self._named(job_type, names_):
                yield page, await self._first_look(page)
            async for row in self._walks(job_type, names_):
                yield row
            for page in self.counters(job_type):
                yield page, await self._first_look(page)

    def counters(self, job_type: str) -> list[Page]:
        """The pages that compare a queue's counters."""
        names = self.queues[job_type]
        numbers = b",".join(sorted(names.lanes)) or b","
        pages = _paged(sorted(names.tenants), TENANTS) or [()]
        return [Page(job_type, "counters", (COUNTED, numbers, *tenants)) for tenants in pages]

    async def announced(self) -> set[str]:
        """The job types on the list of those that exist."""
        members: Iterable[bytes] = await self._connection.command("SMEMBERS", keys.TYPES)
        return {member.decode() for member in members}

    async def announce(self, job_type: str) -> None:
        await self._connection.announce(job_type)

    async def _first_look(self, page: Page) -> list[Row]:
        """Findings; what is only a question for later is kept for later."""
        rows = await self.judge(page, fix=False)
        names = self.queues[page.job_type]
        names.in_line.update(row.subject for row in rows if row.code == "?line")
        return [row for row in rows if row.code != "?line"]

    async def _examine(self, page: Page, fix: bool) -> tuple[str, list[Row]]:
        self.looked += 1
        more, flat = await self._connection.call(
            "examine", page.job_type, int(fix), page.part, *page.arguments
        )
        words = [ids.shown(word, page.job_type) for word in flat]
        rows = [Row(*words[at : at + 3]) for at in range(0, len(words), 3)]
        return more.decode(), rows

    async def _keys(self) -> AsyncIterator[tuple[str, list[bytes]]]:
        """(job type, names without its prefix) of all keys, a page at a time."""
        cursor = 0
        while True:
            reply = await self._connection.command(
                "SCAN", cursor, "MATCH", _PATTERN, "COUNT", SCANNED
            )
            found: defaultdict[str, list[bytes]] = defaultdict(list)
            for key in reply[1]:
                head, _, name = key.partition(b"}")
                found[keys.type_of(_text(head) + "}")].append(name[1:])
            for each in found.items():
                yield each
            cursor = int(reply[0])
            if cursor == 0:
                return

    async def _named(self, job_type: str, names: Names) -> AsyncIterator[Page]:
        """What the queue's sorted sets name, its tenants' records, and its index of dead letters;
        then, when the jobs and their index are right, the bodies that lie together.
        """
        for name in names.sets:
            async for members in self._members("ZSCAN", job_type, name):
                yield Page(job_type, "members", (name, *members))
        async for fields in self._members("HSCAN", job_type, b"tenants"):
            names.tenants.update(name for name in fields if name != REMARK)
        for tenants in _paged(sorted(names.tenants), BUNDLES):
            yield Page(job_type, "newest", tuple(tenants))
        async for jobs in self._members("HSCAN", job_type, b"dead:index"):
            yield Page(job_type, "named", tuple(jobs))
        for places in _paged(names.bodies, BUNDLES):
            yield Page(job_type, "bodies", tuple(places))

    async def _members(
        self, command: str, job_type: str, name: bytes
    ) -> AsyncIterator[list[bytes]]:
        """What a sorted set or a hash holds, by pages."""
        key, cursor = keys.prefix(job_type).encode() + name, 0
        size = BUNDLES if name.partition(b":")[0] in (b"index", b"class", b"ended") else SCANNED
        wanted = "zset" if command == "ZSCAN" else "hash"
        if _text(await self._connection.command("TYPE", key)) != wanted:
            return
        while True:
            reply = await self._connection.command(command, key, cursor, "COUNT", SCANNED)
            found = [item[0] if isinstance(item, list | tuple) else item for item in reply[1]]
            for start in range(0, len(found), size):
                yield found[start : start + size]
            cursor = int(reply[0])
            if cursor == 0:
                return

    async def _walks(self, job_type: str, names: Names) -> AsyncIterator[tuple[Page, list[Row]]]:
        """Streams from their first entry to their last; then the jobs that were in no line."""
        starts: list[tuple[str, tuple[bytes, ...]]] = [("letters", ())]
        for number in sorted(names.lanes):
            starts += [("entries", (number,)), ("pending", (number,))]
        for part, head in starts:
            after = "-"
            while after:
                page = Page(job_type, part, (*head, after, ENTRIES))
                try:
                    after, rows = await self._examine(page, fix=False)
                except QueueDamaged:
                    break
                yield page, rows
        await self._read_lines(job_type, names)
        for page_of in _paged(sorted(names.in_line), _LINES):
            stored = [ids.stored(each, job_type) for each in page_of]
            page = Page(job_type, "lines", (UNREAD, *stored))
            yield page, await self.judge(page, fix=False)

    async def _read_lines(self, job_type: str, names: Names) -> None:
        """Who is in a line is not looked for any more."""
        for name in names.lines:
            start = 0
            while names.in_line:
                key, last = keys.prefix(job_type).encode() + name, start + 2 * SCANNED - 1
                found = await self._connection.command("LRANGE", key, start, last)
                names.in_line.difference_update(ids.public(each, job_type) for each in found)
                start += len(found)
                if len(found) < 2 * SCANNED:
                    break


def _sorted(job_type: str, names: Sequence[bytes], known: Names) -> list[Page]:
    """The pages that a batch of names makes; what is read later is noted."""
    parts: defaultdict[str, list[bytes]] = defaultdict(list)
    for name in names:
        kind = kind_of(name)
        head, _, rest = name.partition(b":")
        if kind is None:
            known.strangers.append(_text(name))
            continue
        parts["types"] += [name, kind.type.encode()]
        if kind.type == "zset":
            known.sets.append(name)
            if kind.head == "index:":
                known.tenants.add(rest)
        elif head in _NOTED:
            _NOTED[head](known, name, rest)
        elif kind is RECORDS:
            parts["jobs" if name[:1] == b"#" else "runs"].append(name)
        elif head in _PARTS:
            parts[_PARTS[head]].append(rest if head == b"schedule" else name)
        elif kind.owner == "job":
            parts["parts"] += [name, rest]
    return [
        Page(job_type, part, tuple(page))
        for part, subjects in parts.items()
        for page in _paged(subjects, _SIZES.get(part, PAGE))
    ]


_SIZES = {"runs": RUNS, "parts": 4 * PAGE, "types": 2 * SCANNED}
_PARTS = {
    b"inbox": "inbox", b"unique": "uniques", b"once": "ends", b"metrics": "ends",
    b"worker": "ends", b"schedule": "listed",
}  # fmt: skip


def _note_lane(known: Names, _: bytes, rest: bytes) -> None:
    known.lanes.add(rest)


def _note_line(known: Names, name: bytes, rest: bytes) -> None:
    number, _, tenant = rest.partition(b":")
    known.lanes.add(number)
    known.lines.append(name)
    known.tenants.add(tenant)


def _note_bodies(known: Names, _: bytes, rest: bytes) -> None:
    known.bodies.append(rest)


_NOTED = {
    b"bodies": _note_bodies,
    b"lane": _note_lane,
    b"backlog": _note_line,
}


def _paged(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
