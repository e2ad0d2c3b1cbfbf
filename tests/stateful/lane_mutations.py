"""Planted bugs of the order between lanes."""

from __future__ import annotations

from stateful.planted import one

LANES = (
    one("shares that nobody keeps in mind", "lib/62_shares",
        "redis.call('HSET', q.prefix .. 'passes', number, pass - least)", "local _"),
    one("weights upside down", "lib/62_shares", "passes[best] + 1 / (weights[best] or 1)",
        "passes[best] + (weights[best] or 1)"),
    one("shares that idle", "lib/62_shares", "full, left = rest, left - started",
        "full, left = rest, 0"),
    one("late a moment early", "lib/63_patience", "q.now - at > q.limit.max_wait",
        "q.now - at >= q.limit.max_wait"),
    one("late ones take all", "lib/63_patience", "+ (q.limit.spare or 1)) / 2)", "))"),
    one("late ones that wait on", "lib/64_choice", "if q.limit.max_wait then late =",
        "if false then late ="),
    one("forgotten though filled again", "lib/30_lane", "  l.emptied = false\n", ""),
    one("too large, and forgotten", "lib/57_backlog_admit",
        "  redis.call('LPUSH', backlog.key(q, t, number), unpack(rest))\n", ""),
    one("too large, and not counted", "lib/57_backlog_admit",
        "  tenant.count(t, -number, #rest)\n", ""),
    one("a follower that was cancelled, and its line", "lib/57_backlog_follow",
        "      backlog.admit(q, t, number)\n", ""),
    one("a follower that was cancelled, and counted", "lib/57_backlog_follow",
        "      tenant.count(t, number, -1)\n", ""),
    one("a follower that comes twice", "lib/57_backlog_follow", "if backlog.has(j, number) then",
        "if j then"),
    one("a trim that takes what runs", "lib/32_lane_end", "'MINID', oldest[1]", "'MAXLEN', 0"),
    one("a trim that leaves the rest", "lib/32_lane_end", ">= #entries then return end",
        ">= 0 then return end"),
)  # fmt: skip
