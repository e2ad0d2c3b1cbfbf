"""A quick look whether a queue's own keys are still what they were: a worker asks when Redis says
WRONGTYPE, and goes on when they are again.
"""

from __future__ import annotations

from . import keys
from .catalogue import FIXED
from .connection import Connection


async def damaged_keys(connection: Connection, job_type: str) -> list[str]:
    """The keys of the queue itself that have another type than they should, with both types."""
    wanted = {kind.head: kind.type for kind in FIXED}
    if await _type(connection, job_type, "lanes") == "hash":
        lanes = await connection.command("HKEYS", keys.prefix(job_type) + "lanes")
        wanted |= {f"lane:{number.decode()}": "stream" for number in lanes}
    found = []
    for name, kind in wanted.items():
        there = await _type(connection, job_type, name)
        if there not in (kind, "none"):
            found.append(f"{keys.prefix(job_type)}{name} is a {there}, not a {kind}")
    return found


async def _type(connection: Connection, job_type: str, name: str) -> str:
    reply: bytes | str = await connection.command("TYPE", keys.prefix(job_type) + name)
    return reply if isinstance(reply, str) else reply.decode()
