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
    one("unread, cancelled, and its line stands", "lib/58_passed",
        "  admission.next(q, t, number)\n", ""),
    one("unread, cancelled, and it counts", "lib/58_passed",
        "  tenant.count(t, number, -1)\n", ""),
    one("unread, cancelled, and its lane counts it", "lib/58_passed",
        "  lane.left(q, number, 1)\n", ""),
    one("unread, and in any lane", "lib/57_backlog_admit", " and j.lane == number end", " end"),
    one("unread, and it does not start", "lib/70_delivery",
        "      if backlog.unread(j, number, read) then j.entry = read[1] end\n", ""),
    one("unread, and nobody is patient", "lib/63_patience",
        " or backlog.unread(j, number, first)", ""),
    one("unread, and a doctor that knows no such jobs", "lib/83_audit_lines",
        "  if found.ids[j.id] then return end\n", ""),
    one("unread, and a doctor that counts it out", "lib/87_audit_counts",
        "  if of and not job.stands", "  if false and not job.stands"),
    one("a trim that takes what runs", "lib/32_lane_end", "'MINID', oldest[1]", "'MAXLEN', 0"),
    one("a trim that leaves the rest", "lib/32_lane_end", ">= #entries then return end",
        ">= 0 then return end"),
)  # fmt: skip
