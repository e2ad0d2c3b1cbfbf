"""Planted bugs of what is only read: indexes, listings,
reasons; and of what is kept. (name, file, old, new)"""

from __future__ import annotations

_INDEXES = (
    (
        "an end that stays among the open", "lib/43_finish", "  job.move(q, j, status)\n",
        "  j.status, j.was = status, status\n  job.touch(q, j)\n"),
    (
        "retention that forgets an index", "lib/42_end", "  index.leave(q, j)\n",
        "  blocks.leave(q, j)\n",
    ),
    (
        "a tag that outlives its job", "lib/38_index_job",
        "do late.zrem(q, index.tag(q, j.tenant, tag), j.id) end\nend", "do break end\nend",
    ),
    (
        "a page that ends too soon", "lib/46_finding",
        "#ids == page and tonumber(found[2 * page]) or nil", "nil",
    ),
    ("a page that begins with the last one's end", "ops/list", "tonumber(args[2]) or math.huge",
     "(tonumber(args[2]) or math.huge) + 1"),
    (
        "active ones of anybody", "lib/46_finding", " or f.tenant ~= '' and j.tenant ~= f.tenant",
        ""),
)  # fmt: skip
_WHY = (
    ("why as of another's cap", "ops/why", "'tenant_active', t.limits.active",
     "'tenant_active', 0"),
    ("why without better lanes", "lib/72_ahead", "if tonumber(standing[i]) < number then",
     "if false then"),
    ("why of another tenant", "ops/why", " or (args[2] ~= '' and j.tenant ~= args[2])", ""),
    ("why that counts itself", "lib/72_ahead", "if id == j.id then return n, true end",
     "if id == j.id then return n + 1, true end"),
)  # fmt: skip
_KEPT = (
    ("a replay that leaves its bytes", "ops/replay", "  queue.count(q, 'kept_bytes', -j.size)\n",
        ""),
    ("one job too few goes", "lib/43_keeping", "if over <= 0 or removed",
     "if over <= 150 or removed"),
    ("the last ones go first", "lib/43_keeping", "return a[2] < b[2] or", "return a[2] > b[2] or"),
    (
        "results that weigh nothing", "lib/43_finish", "  j.size = j.size + #result\n", ""),
)  # fmt: skip
_LITTER = (
    ("a payload that its dead letter misses", "lib/51_letter_litter",
        "if not letter or dead.options(letter).blob ~= name then", "if true then"),
    ("a payload that outlives its dead letter", "ops/prune",
     "    litter.letter(q, letter[2][2], letter[2])\n", ""),
    ("a refused result that stays for ever", "lib/76_fence",
     "    litter.refused(q, j, kind, value)\n    return 'lost'\n", "    return 'lost'\n"),
    ("a repeated result that is thrown away", "lib/41_litter",
        "if name and not (j and j.rare.blob == name) then", "if name then"),
    ("a duplicate that leaves its payload", "lib/62_accept",
     "if found then return litter.unused(q, n, found) end", "if found then return found end"),
    ("a payload taken over and thrown away", "lib/61_moving", "  n.used = true\n", ""),
)  # fmt: skip
LISTING_MUTATIONS = (*_INDEXES, *_WHY, *_KEPT, *_LITTER)
