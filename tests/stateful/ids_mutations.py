"""Planted bugs of how job ids lie. (name, file, old, new)"""

from __future__ import annotations

IDS_MUTATIONS = (
    ("an id that ends at a blank", "lib/36_blocks_words",
     "local ours = string.byte(member, at) >= blocks.first", "local ours = false"),
    ("an id that is a byte too short", "lib/36_blocks_words", "at + blocks.bytes or",
     "at + blocks.bytes - 1 or"),
    ("a record under another name", "lib/62_accept", "q.prefix .. j.id, j.came",
     "q.prefix .. 'x' .. j.id, j.came"),
    ("a record that stays", "lib/42_end", "redis.call('DEL', p .. j.id, p .. 'body:'",
     "redis.call('DEL', p .. 'body:'"),
)  # fmt: skip
