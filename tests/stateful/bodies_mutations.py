"""Planted bugs of records and of where payloads lie. (name, file, old, new)"""

from __future__ import annotations

BODIES_MUTATIONS = (
    ("a short record of a job in a lane", "lib/12_record",
     "    if entry == '' then return", "    do return"),
    ("a short record of what is unusual", "lib/12_record", "  if plain and token == 0",
     "  if token == 0"),
    ("a short record of a job withdrawn", "lib/12_record",
     " and finished == 0 then", " then"),
    ("the next one's payload", "lib/39_bodies", "held - n + i - 1", "held - n + i"),
    ("one list for two blocks", "lib/39_bodies", "not place or place ~= row or name",
     "not place or name"),
    ("a large one among the small", "lib/39_bodies", "not place or place ~= row or name",
     "place and place ~= row or name"),
    ("the last row is forgotten", "lib/39_bodies", "  put(q, jobs, first, #jobs)\n", ""),
    ("one that leaves takes all payloads", "lib/39_bodies_leave", "if held == #spots then",
     "if held then"),
    ("payloads that stay", "lib/42_end", "  bodies.leave(q, j)\n", ""),
    ("a payload that stays amid others", "lib/39_bodies_leave",
     "redis.pcall('LSET', key, spot, '')", "redis.pcall('LINDEX', key, spot)"),
    ("an empty list that stays", "lib/39_bodies_leave", "if #redis.call('LPOS'",
     "if 0 == #redis.call('LPOS'"),
    ("a new payload beside the old one", "lib/39_bodies",
     "  bodies.leave(q, j)\n  put_apart(q, j)", "  put_apart(q, j)"),
    ("what is too large, among the small", "lib/39_bodies", "j.spot and fits(j.body) and not",
     "j.spot and not"),
    ("a row that goes on in another block", "lib/39_bodies_read",
     " or k.seq - k.seq % block ~= place then", " then"),
    ("a doctor that takes neighbours for strays", "lib/86_audit_bodies",
     "not spots[at - 1]", "not spots[at]"),
)  # fmt: skip
