"""Planted bugs of when ended jobs are to go: (name, file, old, new)."""

from __future__ import annotations

ENDED_MUTATIONS = (
    (
        "a batch that forgets the rest", "lib/41_ended_flush",
        "    if rest ~= member and rest ~= '' then late.zadd(q, key, moment, rest) end\n", ""),
    (
        "a batch that keeps who has left", "lib/41_ended_flush",
        "    if rest ~= member then late.zrem(q, key, member) end\n", ""),
    ("a batch of which only one goes", "lib/41_ended_read",
     "do ids[#ids + 1] = id end\n    end\n    if #due",
     "do ids[#ids + 1] = id break end\n    end\n    if #due"),
    ("a batch that is due and stays", "lib/41_ended_read", "      late.zrem(q, key, member)\n", ""),
    ("a batch that grows", "lib/41_ended_flush", "first + ended.held - 1, #",
     "first + ended.held, #"),
    ("here and gone in one call, and named", "lib/41_ended", "if known == id then",
     "if false then"),
    ("only the first page is due", "lib/41_ended_read", "if #due < ended.page then",
     "if true then"),
    ("only the first page is cleaned", "lib/41_ended_read",
     "if #found < 2 * ended.page then", "if true then"),
    ("a replay that is pruned later", "ops/replay",
     "  ended.leave(q, j.status, ended.moment(q, j), id)\n", ""),
    ("a moment of another status", "lib/41_ended", "if status == 'completed' then return",
     "if status then return"),
    ("a doctor that knows no batches", "lib/81_audit_ended",
     "string.find(' ' .. member .. ' ', ' ' .. j.id .. ' ', 1, true)", "member == j.id"),
)  # fmt: skip
