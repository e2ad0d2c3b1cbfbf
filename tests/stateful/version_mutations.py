"""Planted bugs of versions."""

from __future__ import annotations

from stateful.planted import one

VERSIONS = (
    one("a payload that nobody knows", "lib/68_entry", "(j.options.version or 1) > q.version",
        "(j.options.version or 1) > q.version + 1"),
    one("put apart for ever", "lib/70_delivery", "    newer.admit(q)\n", ""),
    one("put apart and forgotten", "lib/33_newer",
        "redis.call('ZADD', q.prefix .. 'newer', j.options.version, j.id)", "local _"),
    one("changed and still apart", "lib/61_moving", "    newer.forget(q, j)\n", ""),
    one("replaced and nowhere", "lib/61_rival",
        "  if apart then return moving.place(q, j, n.lane, 0) end\n", ""),
    one("apart, and nobody can tell", "lib/33_newer",
        "redis.call('HSET', q.prefix .. 'meta', 'newer', least)", "nil"),
)  # fmt: skip
