"""What can be done to a queue behind the engine's back, each with the name by which the doctor
must find it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from cotiza_queue import Queue
from cotiza_queue.store.connection import Connection
from cotiza_queue.store.ids import StoredId, stored
from engine.records import kept_of, key_of, put_tenant, read, recount, retext, rewrite, run_of

KIND = "parts"
P = f"{{cq:{KIND}}}:"


class Site(NamedTuple):
    """A queue with a job in each place; ``held`` is active on a worker that is gone."""

    queue: Queue
    connection: Connection
    done: str
    four: str
    """The key of the payloads of four more that are done."""
    failed: str
    later: str
    standing: str
    in_line: str
    held: str
    lane: str
    open: frozenset[str]

    async def do(self, *words: str | int | bytes) -> Any:
        return await self.connection.command(*words)


def at(job_id: str) -> StoredId:
    """By this the job is named there."""
    return stored(job_id, KIND)


async def entry_of(site: Site, job_id: str) -> bytes:
    return (await read(site.connection, KIND, job_id))[0].entry.encode()


async def letter_entry(site: Site) -> bytes:
    entry: bytes = await site.do("HGET", P + "dead:index", at(site.failed))
    return entry


async def lose_entry(site: Site) -> None:
    await site.do("XDEL", site.lane, await entry_of(site, site.standing))


async def lose_held_entry(site: Site) -> None:
    await site.do("XDEL", site.lane, await entry_of(site, site.held))


async def release_held_entry(site: Site) -> None:
    await site.do("XACK", site.lane, "workers", await entry_of(site, site.held))


async def deliver_unheard(site: Site) -> None:
    await site.do("XREADGROUP", "GROUP", "workers", "x", "COUNT", 1, "STREAMS", site.lane, ">")
    await site.do("XACK", site.lane, "workers", await entry_of(site, site.standing))


async def deliver_ghost(site: Site) -> None:
    lane = P + "lane:7"
    await site.do("XGROUP", "CREATE", lane, "workers", "0", "MKSTREAM")
    await site.do("HSET", P + "lanes", 7, 0)
    await site.do("XADD", lane, "*", "/", "#nobody")
    await site.do("XREADGROUP", "GROUP", "workers", "x", "COUNT", 1, "STREAMS", lane, ">")


async def deliver_and_delete(site: Site) -> None:
    await deliver_ghost(site)
    (entry, _), *_ = await site.do("XRANGE", P + "lane:7", "-", "+")
    await site.do("XDEL", P + "lane:7", entry)


async def lose_the_letter(site: Site) -> None:
    await site.do("XDEL", P + "dead", await letter_entry(site))


async def jumble_record(site: Site) -> None:
    await rewrite(site.connection, KIND, site.done, status=99)


async def retype(site: Site) -> None:
    """One whose record lies by itself; of a run: test_runs.py."""
    await site.do("LPUSH", P + "#mine-1", "x")


async def fill_window(site: Site) -> None:
    number = site.lane.rpartition(":")[2]
    await recount(site.connection, KIND, "c", **{f"in:{number}": 9})


async def lose_result(site: Site) -> None:
    await rewrite(site.connection, KIND, site.done, result=True)


async def name_again(site: Site) -> None:
    ((member, moment),) = await site.do("ZRANGE", P + "ended:failed", 0, -1, "WITHSCORES")
    await site.do("ZADD", P + "ended:failed", moment, b"1000 1 " + member)


async def put_off_retention(site: Site) -> None:
    (member, *_) = await site.do("ZRANGE", P + "ended:completed", 0, 0)
    await site.do("ZADD", P + "ended:completed", 9e15, member)


async def list_again(site: Site) -> None:
    ((member, score),) = await site.do("ZRANGE", P + "class:completed", 0, 0, "WITHSCORES")
    await site.do("ZADD", P + "class:open", score, member)


async def shuffle_block(site: Site) -> None:
    (member,) = await site.do("ZRANGEBYSCORE", P + "index", 16, 16)
    await site.do("ZREM", P + "index", member)
    await site.do("ZADD", P + "index", 16, b"- " + member)


async def list_twice(site: Site) -> None:
    place = (await kept_of(site.connection, KIND, "a")).places[0]
    at = place % 16
    await site.do("ZADD", P + "index:a", place - at, f"{place - at:x} {1 << at:x}")


async def miscount_tenant(site: Site) -> None:
    await recount(site.connection, KIND, "c", there=99)


Harm = Callable[[Site], Awaitable[object]]


async def forget_limits(site: Site) -> None:
    await site.queue.limit(KIND, {"weight": 2}, tenant="c")
    await site.do("HDEL", P + "meta", "limited")


HARMS: dict[str, tuple[str, Harm]] = {
    "a lane overwritten": ("wrong_type", lambda s: s.do("SET", s.lane, "x")),
    "the delayed overwritten": ("wrong_type", lambda s: s.do("SET", P + "delayed", "x")),
    "a job of another type": ("wrong_type", retype),
    "no job in the inbox": ("inbox", lambda s: s.do("RPUSH", P + "inbox", "x")),
    "numbers given out forgotten": ("counter", lambda s: s.do("DEL", P + "meta")),
    "a job overwritten": ("broken_job", lambda s: s.do("HSET", *run_of(KIND, s.done), "x")),
    "a job cut short": ("broken_job", lambda s: s.do("HSET", *run_of(KIND, s.done), "\x02\xa1t")),
    "a job without a status": ("broken_job", jumble_record),
    "a result lost": ("result", lose_result),
    "a payload lost": ("broken_job", lambda s: s.do("DEL", key_of(KIND, s.done, "body"))),
    "a payload lost that lay among others": (
        "broken_job", lambda s: s.do("LSET", s.four, 0, ""),
    ),
    "payloads lost": ("broken_job", lambda s: s.do("DEL", s.four)),
    "payloads overwritten": ("wrong_type", lambda s: s.do("SET", s.four, "x")),
    "an entry lost": ("lost_job", lose_entry),
    "a held entry lost": ("lost_job", lose_held_entry),
    "a held entry released": ("lost_job", release_held_entry),
    "an entry handed to nobody": ("lost_job", deliver_unheard),
    "a lane lost": ("lost_job", lambda s: s.do("DEL", s.lane)),
    "a line lost": (
        "lost_job", lambda s: s.do("DEL", f"{P}backlog:{s.lane.rpartition(':')[2]}:c"),
    ),
    "a delayed job forgotten": ("delayed", lambda s: s.do("ZREM", P + "delayed", at(s.later))),
    "an ended job delayed": ("delayed", lambda s: s.do("ZADD", P + "delayed", 1, at(s.done))),
    "listed as another": ("index", list_again),
    "a listing lost": ("index", lambda s: s.do("DEL", P + "class:completed")),
    "a tenant's listing lost": ("index", lambda s: retext(s.connection, KIND, "b", "")),
    "a tenant's jobs listed twice": ("index", list_twice),
    "a record that lists nobody": (
        "dangling", lambda s: retext(s.connection, KIND, "a", " fff0"),
    ),
    "a record of nonsense": (
        "dangling", lambda s: retext(s.connection, KIND, "a", " no body/at all"),
    ),
    "a record with a line for no lane": (
        "dangling", lambda s: put_tenant(s.connection, KIND, "nobody", b"\0\0\0\0/x"),
    ),
    "a record that can't be read": (
        "index", lambda s: put_tenant(s.connection, KIND, "b", b"\x93\xff"),
    ),
    "listed where nobody is": (
        "dangling", lambda s: s.do("ZADD", P + "class:completed", 256, "100 1"),
    ),
    "listed unreadably": ("dangling", lambda s: s.do("ZADD", P + "index:a", 16, "x")),
    "a block in disorder": ("index", shuffle_block),
    "that a tenant is limited forgotten": ("counter", forget_limits),
    "a tenant that has more jobs than there are": ("counter", miscount_tenant),
    "the whole index lost": ("index", lambda s: s.do("DEL", P + "index")),
    "a tag lost": ("tag", lambda s: s.do("DEL", P + "tag:a/steel")),
    "retention forgotten": (
        "retention", lambda s: s.do("ZREMRANGEBYRANK", P + "ended:completed", 0, 0),
    ),
    "retention put off": ("retention", put_off_retention),
    "retention named again": ("retention", name_again),
    "kept by number, forgotten": (
        "retention", lambda s: s.do("ZREM", P + "newest:failed:a", at(s.failed)),
    ),
    "a result too many": ("result", lambda s: s.do("SET", key_of(KIND, s.failed, "result"), "1")),
    "a name of nothing": ("dangling", lambda s: s.do("ZADD", P + "ended:failed", 1, "1000 1")),
    "no name at all": ("dangling", lambda s: s.do("ZADD", P + "ended:failed", 1, "no bits")),
    "a block of nothing": ("dangling", lambda s: s.do("ZADD", P + "index", 16, "no body")),
    "a tag of nothing": ("dangling", lambda s: s.do("ZADD", P + "tag:a/x", 1, "#nobody")),
    "a delay of nothing": ("dangling", lambda s: s.do("ZADD", P + "delayed", 1, "#nobody")),
    "a schedule of nothing": ("dangling", lambda s: s.do("ZADD", P + "schedules", 9e15, "no")),
    "a body without a job": ("orphan", lambda s: s.do("SET", P + "body:#nobody", "x")),
    "a body of no job among others": ("orphan", lambda s: s.do("RPUSH", s.four, "x")),
    "bodies of no job": ("orphan", lambda s: s.do("RPUSH", P + "bodies:4096", "x", "y")),
    "a list of nothing": ("orphan", lambda s: s.do("RPUSH", P + "bodies:4096", "")),
    "failures without a job": ("orphan", lambda s: s.do("RPUSH", P + "failures:#nobody", "x")),
    "a unique key of nobody": ("unique", lambda s: s.do("SET", P + "unique:x", "#nobody")),
    "a memory without end": ("endless", lambda s: s.do("SET", P + "once:x", "1 2 3 4 5")),
    "an entry of nothing": ("ghost", deliver_ghost),
    "held, and deleted": ("ghost", deliver_and_delete),
    "a letter not named": ("dead_letter", lambda s: s.do("DEL", P + "dead:index")),
    "a letter lost": ("dead_letter", lose_the_letter),
    "a schedule not listed": ("schedule", lambda s: s.do("DEL", P + "schedules:all")),
    "a lane unread": ("unread_lane", lambda s: s.do("DEL", P + "ready")),
    "lanes forgotten": ("unread_lane", lambda s: s.do("DEL", P + "lanes")),
    "counts lost": ("counter", lambda s: s.do("DEL", P + "counts")),
    "counts too high": ("counter", lambda s: s.do("HINCRBY", P + "counts", "active", 3)),
    "a tenant's counts lost": ("counter", lambda s: s.do("HDEL", P + "tenants", "c")),
    "a tenant's window full": ("counter", fill_window),
    "a strange key": ("unknown_key", lambda s: s.do("SET", P + "strange", "x")),
    "a queue on no list": ("unannounced", lambda s: s.do("DEL", "cq:types")),
}  # fmt: skip
