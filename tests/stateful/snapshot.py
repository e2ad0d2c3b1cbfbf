"""Everything that a queue holds on the server, read in one call between two steps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from cotiza_queue.model.ids import ALPHABET, type_code
from cotiza_queue.store import codec, ids, keys, record
from cotiza_queue.store.audit import REMARK
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.events import told_in
from engine.records import TenantRecord, tenant_of

from .bench import BLOCK
from .naming import JOB_TYPE

DIGITS = 16
"""A tenant's record says of a job the number of its block, and a digit for its place there."""
NAME = 4
"""Bytes of the field of a worker's name among records."""
READ = b"/"
"""Before a job in a lane's entry: its record names that entry."""
_LONG = re.compile(rf"[{ALPHABET}]{{30}}{type_code(JOB_TYPE)}")
_READ = """
local found = {}
for i, key in ipairs(redis.call('KEYS', '*')) do
  local kind, value = redis.call('TYPE', key).ok, ''
  if kind == 'hash' then value = redis.call('HGETALL', key)
  elseif kind == 'string' then value = redis.call('GET', key)
  elseif kind == 'list' then value = redis.call('LRANGE', key, 0, -1)
  elseif kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'set' then value = redis.call('SMEMBERS', key)
  elseif string.match(key, ':events$') then value = redis.call('XRANGE', key, '(' .. ARGV[1], '+')
  elseif string.match(key, ':dead$') then value = { redis.call('XRANGE', key, '-', '+') }
  else
    value = { redis.call('XRANGE', key, '-', '+'), redis.call('XINFO', 'GROUPS', key),
      redis.call('XPENDING', key, 'workers', '-', '+', 10000) }
  end
  found[i] = { key, kind, redis.call('PTTL', key), value }
end
return found
"""


@dataclass
class Lane:
    """A lane's stream. ``entries``: entry id → job id; ``pending``: entry id → consumer;
    ``unread``: entry id → tenant, of those that came from a line unread.
    """

    entries: dict[str, str]
    pending: dict[str, str]
    delivered: str
    unread: dict[str, str] = field(default_factory=dict)

    def undelivered(self) -> Iterator[tuple[str, str]]:
        """(entry id, job id), in order."""
        last = stamp(self.delivered)
        return ((e, j) for e, j in self.entries.items() if stamp(e) > last)


@dataclass
class Snapshot:
    """Keys without the queue's prefix. Bytes are texts here, except bodies and results."""

    hashes: dict[str, dict[str, str]] = field(default_factory=dict)
    zsets: dict[str, dict[str, float]] = field(default_factory=dict)
    bundles: dict[str, list[list[str]]] = field(default_factory=dict)
    """Of sets whose members name several jobs: these members, in order."""
    strings: dict[str, bytes] = field(default_factory=dict)
    lists: dict[str, list[bytes]] = field(default_factory=dict)
    lanes: dict[str, Lane] = field(default_factory=dict)
    letters: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """The dead-letter stream: entry id → fields."""
    events: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    """What was announced since the last snapshot."""
    ttls: dict[str, int] = field(default_factory=dict)
    """Of those keys that expire, in milliseconds."""
    long_ids: list[str] = field(default_factory=list)
    """Ids of ours that lie in their long form in the name or the value of a key."""
    foreign: list[str] = field(default_factory=list)
    """Keys outside the queue's prefix."""
    names: set[str] = field(default_factory=set)


async def read(connection: Connection, job_type: str, after_event: str) -> Snapshot:
    """The whole server, which must hold no other queue."""
    prefix = keys.prefix(job_type).encode()
    found = Snapshot()
    rows = await connection.command("EVAL", _READ, 0, after_event)
    for key, kind, ttl, value in rows:
        if key == keys.FORM.encode():
            continue
        if not key.startswith(prefix):
            found.foreign.append(repr(key))
            continue
        name = key[len(prefix) :]
        if not name[:1].islower():
            _add_records(found, name, value)
            continue
        text = told(name)
        _add(found, text, kind.decode(), value)
        if ttl >= 0:
            found.ttls[text] = ttl
    for number, lane in found.lanes.items():
        _name_entries(found, number, lane)
    _name_the_ended(found)
    found.long_ids = _LONG.findall(repr(rows))
    return found


def _name_entries(found: Snapshot, number: str, lane: Lane) -> None:
    """As if the records of jobs that stand in a lane unread named their entries there."""
    for entry, id_ in lane.undelivered():
        fields = found.hashes.get(f"job:{id_}", {})
        stands = (fields.get("status"), fields.get("lane")) == ("waiting", number)
        if entry in lane.unread and stands and "entry" not in fields:
            fields["entry"] = entry


def _name_the_ended(found: Snapshot) -> None:
    """Of places in the order of coming, whose they are."""
    ids = {place: id_ for id_, place in found.zsets.get("index", {}).items()}
    for name in (name for name in found.bundles if name.startswith("ended:")):
        moments = found.zsets[name]
        found.zsets[name] = {ids.get(float(n), n): moment for n, moment in moments.items()}
        found.bundles[name] = [[ids.get(float(n), n) for n in ns] for ns in found.bundles[name]]


def _add(found: Snapshot, name: str, kind: str, value: Any) -> None:
    found.names.add(name)
    if name == "tenants":
        for tenant, packed in _pairs(value):
            if tenant != REMARK:
                _add_tenant(found, f"tenant:{tenant.decode()}", tenant_of(packed))
    elif kind == "hash":
        found.hashes[name] = {told(k): v.decode("latin-1") for k, v in _pairs(value)}
    elif name == "index":
        blocks = [([told(id_) for id_ in ids.words(k)], int(v)) for k, v in _pairs(value)]
        rows = [(id_, float(n + at)) for block, n in blocks for at, id_ in enumerate(block)]
        found.bundles[name] = [[id_ for id_ in block if id_ != "-"] for block, _ in blocks]
        found.zsets[name] = {id_: place for id_, place in rows if id_ != "-"}
    elif name.startswith(("index:", "class:")):
        _add_marks(found, name, [_marked(k.decode(), int(v)) for k, v in _pairs(value)])
    elif name.startswith("ended:"):
        rows = [(_places(k.decode()), float(v)) for k, v in _pairs(value)]
        found.bundles[name] = [places for places, _ in rows]
        found.zsets[name] = {place: moment for places, moment in rows for place in places}
    elif kind == "zset":
        found.zsets[name] = {told(k): float(v) for k, v in _pairs(value)}
    elif name.startswith("unique:"):
        found.strings[name] = told(value).encode()
    elif name.startswith("backlog:"):
        found.lists.setdefault(name, []).extend(told(id_).encode() for id_ in value)
    elif kind == "string":
        found.strings[name] = value
    elif kind == "list":
        found.lists[name] = value
    elif name == "events":
        found.events = [
            (entry, {"job": id_.encode(), "name": event.encode()})
            for entry, fields in (_entry(e) for e in value)
            for id_, _, event, _ in told_in(fields["e"], JOB_TYPE)
        ]
    elif name == "dead":
        found.letters = dict(_entry(e) for e in value[0])
        for fields in found.letters.values():
            fields["job"] = told(fields["job"]).encode()
    elif name.startswith("lane:"):
        entries, groups, pending = value
        group = {k.decode(): v for k, v in _pairs(groups[0])}
        found.lanes[name[5:]] = Lane(
            {e.decode(): told(fields[1]) for e, fields in entries},
            {e.decode(): consumer.decode() for e, consumer, *_ in pending},
            group["last-delivered-id"].decode(),
            {e.decode(): fields[0].decode() for e, fields in entries if fields[0] != READ},
        )
    else:
        found.foreign.append(name)


def _add_records(found: Snapshot, run: bytes, value: Any) -> None:
    """Those of one hash."""
    workers = {field: name.decode() for field, name in _pairs(value) if len(field) == NAME}
    if len(value) == 2 * len(workers):
        found.foreign.append(f"records of nobody: {run.hex()}")
    for rest, packed in _pairs(value):
        if rest in workers:
            continue
        id_ = told(run + rest)
        found.names.add(f"job:{id_}")
        found.hashes[f"job:{id_}"] = fields = _fields(packed)
        number = record.unpack(packed).worker
        if number:
            fields["worker"] = workers.get(int(number).to_bytes(NAME, "big"), "?")
        if "result" in fields:
            found.strings[f"result:{id_}"] = fields["result"].encode()


@lru_cache(4096)
def told(text: bytes) -> str:
    """A name or a member, with the ids in it as we know them."""
    return ids.shown(text, JOB_TYPE)


def _add_tenant(found: Snapshot, name: str, kept: TenantRecord) -> None:
    """Its record; what that holds of its index and of its line comes to what else there is."""
    tenant = name.partition(":")[2]
    found.names.add(name)
    found.hashes[name] = {field: f"{n:.17g}" for field, n in kept.numbers.items()}
    places = [n // DIGITS * BLOCK + n % DIGITS for n in kept.places]
    if places:
        _add_marks(found, f"index:{tenant}", [[f"{place}"] for place in places])
    if kept.line:
        line = found.lists.setdefault(f"backlog:{kept.lane}:{tenant}", [])
        line[:0] = [told(id_).encode() for id_ in kept.line]


def _add_marks(found: Snapshot, name: str, members: list[list[str]]) -> None:
    found.bundles.setdefault(name, []).extend(members)
    found.zsets.setdefault(name, {}).update({n: float(n) for ns in members for n in ns})


def _marked(member: str, score: int) -> list[str]:
    """The places that a member's bits stand for; its text must begin with its score."""
    assert int(member.partition(" ")[0], 16) == score
    return _places(member)


def _places(member: str) -> list[str]:
    """Those of all blocks that a member tells of."""
    words = [int(word, 16) for word in member.split(" ")]
    blocks = zip(words[::2], words[1::2], strict=True)
    return [str(first + at) for first, bits in blocks for at in range(BLOCK) if bits >> at & 1]


def _fields(packed: bytes) -> dict[str, str]:
    """A job's record, without what is empty in it."""
    whole, rare = record.decode(packed)
    fields = {**msgspec.structs.asdict(whole), **msgspec.structs.asdict(rare)}
    fields |= {name: told(codec.bytes_of(fields[name])) for name in ("next", "after")}
    fields["options"] = options_text(whole.options)
    result = fields.pop("result")
    zeros = ("size", "delay", "spot")
    there = {n: str(v) for n, v in fields.items() if v or (v == 0 and n in zeros)}
    return there if isinstance(result, bool) else {**there, "result": result}


def options_text(options: Mapping[str, Any] | None) -> str:
    """Options in one order; "" for none."""
    return msgspec.json.encode(options, order="sorted").decode() if options else ""


def stamp(entry: str) -> tuple[int, int]:
    """A stream id in its order."""
    ms, n = entry.split("-")
    return int(ms), int(n)


def _pairs(flat: list[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _entry(raw: list[Any]) -> tuple[str, dict[str, bytes]]:
    return raw[0].decode(), {k.decode(): v for k, v in _pairs(raw[1])}
