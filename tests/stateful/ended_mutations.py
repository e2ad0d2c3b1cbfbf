"""Planted bugs of sets whose members name several jobs: when ended jobs are to go, everybody's
jobs. (name, file, old, new)
"""

from __future__ import annotations

ENDED_MUTATIONS = (
    (
        "a bundle that forgets the rest", "lib/16_bundle",
        "    if rest ~= member and rest ~= '' then late.zadd(q, key, score, rest) end\n", ""),
    (
        "a bundle that keeps who has left", "lib/16_bundle",
        "    if rest ~= member then late.zrem(q, key, member) end\n", ""),
    ("a bundle of which only one goes", "lib/41_ended",
     "do ids[#ids + 1] = id end\n    end\n    if #due",
     "do ids[#ids + 1] = id break end\n    end\n    if #due"),
    ("a bundle that is due and stays", "lib/41_ended", "      late.zrem(q, key, member)\n", ""),
    ("a bundle that grows", "lib/16_bundle", "first + bundle.held - 1, #",
     "first + bundle.held, #"),
    ("here and gone in one call, and named", "lib/16_bundle", "if known == id then",
     "if false then"),
    ("only the first page is due", "lib/41_ended", "if #due < ended.page then",
     "if true then"),
    ("only the first page is cleaned", "lib/41_ended",
     "if #found < 2 * ended.page then", "if true then"),
    ("a replay that is pruned later", "ops/replay",
     "  ended.leave(q, j.status, ended.moment(q, j), id)\n", ""),
    ("a moment of another status", "lib/41_ended", "if status == 'completed' then return",
     "if status then return"),
    ("a doctor that knows no bundles", "lib/81_audit_bundles",
     "string.find(' ' .. member .. ' ', ' ' .. id .. ' ', 1, true)", "member == id"),
    ("a page that begins in the middle", "lib/45_blocks_walk", " and j.seq < before", ""),
    ("a block upside down", "lib/45_blocks_walk", "a.seq > b.seq", "a.seq < b.seq"),
    ("a listing that ends with its first block", "lib/45_blocks_walk",
     "    if not on then return hits, nil end\n", "    if on then return hits, nil end\n"),
    ("a page that misses half a block", "lib/44_blocks_step",
     "last[2] = marks.at(from.key, last[1])", "last[2] = last[2]"),
    ("one block for two calls", "lib/62_accept", "index.last_before(tonumber(found[1]) or 0)",
     "tonumber(found[1]) or 0"),
    ("a job that everybody's index keeps", "lib/38_index_job", "  blocks.leave(q, j)\n", ""),
    ("a gap that closes", "lib/36_blocks", ".gone[j.id] = '-'", ".gone[j.id] = ''"),
    ("marks that keep who has left", "lib/37_marks",
     "      if rest ~= bits then old[#old + 1] = member end\n", ""),
    ("marks that forget the rest of a block", "lib/37_marks",
     "if rest ~= bits and rest ~= 0 then", "if false then"),
    ("marks that only go together", "lib/37_marks", "members) < #members then",
     "members) < 0 then"),
    ("gone in the call that ends it, and listed", "lib/56_index_move",
     "not j.gone and j.status", "j.status"),
    ("a tenant whose ended jobs are there", "lib/56_index_move", "if n ~= 0 then", "if n > 0 then"),
)  # fmt: skip
