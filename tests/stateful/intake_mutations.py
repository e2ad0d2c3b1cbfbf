"""Planted bugs of what enqueueing promises: (name, file, old, new)."""

from __future__ import annotations

INTAKE_MUTATIONS = (
    # -- unique keys
    ("unique key for ever", "lib/41_unique", "redis.call('DEL', key)", "redis.call('GET', key)"),
    ("a key that anybody frees", "lib/41_unique", "redis.call('GET', key) == j.id", "true"),
    ("a key taken from its holder", "lib/41_unique", "j.id, 'NX')", "j.id)"),
    ("a key that a start keeps", "lib/68_entry", "  unique.moved(q, j, 'active')\n", ""),
    ("a key that outlives its job", "lib/42_end", "  unique.moved(q, j, '')\n", ""),
    ("a return without the key", "lib/60_intake", "  unique.moved(q, j, j.status)\n",
     "  if not j.created then unique.moved(q, j, j.status) end\n"),
    (
        "replay without its unique key", "ops/replay",
        "  if taken(q, j.options, id) then return 'unique_key_taken' end\n", "",
    ),
    # -- bounded queues
    ("one too many before its start", "lib/59_depth", "owner.there >= most", "owner.there > most"),
    ("a tenant that fills up in one call", "lib/59_depth",
     "if t.there then t.there = t.there + 1 end", ""),
    ("a bound that forgets the delayed", "lib/59_depth", "'waiting', 'delayed', 'blocked'",
     "'waiting', 'blocked'"),
    ("a bound that counts the running", "lib/59_depth", "local n = -t.active", "local n = 0"),
    ("an occurrence that is refused", "ops/fire",
     "intake.parse(args, 4))", "intake.parse(args, 4), true)"),
)  # fmt: skip
