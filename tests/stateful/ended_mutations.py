"""Planted bugs of sets whose members name several jobs: when ended jobs are to go, everybody's
jobs. (name, file, old, new)
"""

from __future__ import annotations

ENDED_MUTATIONS = (
    (
        "a bundle that forgets the rest", "lib/38_bundle_write",
        "    if rest ~= member and rest ~= '' then late.zadd(q, key, score, rest) end\n", ""),
    (
        "a bundle that keeps who has left", "lib/38_bundle_write",
        "    if rest ~= member then late.zrem(q, key, member) end\n", ""),
    ("a bundle of which only one block goes", "lib/41_ended_read",
     "ids, seqs) end\nend", "ids, seqs) break end\nend"),
    ("places of the block before", "lib/36_blocks_words", "seqs[#ids] = place + at - 1",
     "seqs[#ids] = place + at - 2"),
    ("a bundle that is due and stays", "lib/41_ended_read",
     "      late.zrem(q, key, member)\n", ""),
    ("a bundle that grows", "lib/38_bundle_write", "first + bundle.held - 1, #",
     "first + bundle.held, #"),
    ("a block that comes twice, and once", "lib/38_bundle", "(come[place] or 0) + bits", "bits"),
    ("here and gone in one call, and named", "lib/42_end", "  j.goes = nil\n", ""),
    ("only the first page is due", "lib/41_ended_read", "if #due < ended.page then",
     "if true then"),
    ("only the first page is cleaned", "lib/41_ended_read",
     "if #found < 2 * ended.page then", "if true then"),
    ("a replay that is pruned later", "ops/replay",
     "  ended.leave(q, j.status, ended.moment(q, j), j.seq)\n", ""),
    ("a moment of another status", "lib/41_ended", "if status == 'completed' then return",
     "if status then return"),
    ("a doctor that knows no bundles", "lib/81_audit_bundles",
     "block == place and bit.band(bits, its) ~= 0", "bits == its"),
    ("a page that begins in the middle", "lib/45_blocks_walk", " and j.seq < before", ""),
    ("a block upside down", "lib/45_blocks_walk", "a.seq > b.seq", "a.seq < b.seq"),
    ("a listing that ends with its first block", "lib/45_blocks_walk",
     "    if not on then return hits, nil end\n", "    if on then return hits, nil end\n"),
    ("one block for two calls", "lib/62_accept",
     "index.last_before(tonumber(found[1] or blocks.newest(q)) or 0)", "tonumber(found[1]) or 0"),
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
    ("jobs that end in a run of those that start", "lib/56_index_move",
     " or now ~= after or", " or"),
)  # fmt: skip
