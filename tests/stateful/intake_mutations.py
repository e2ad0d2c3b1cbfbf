"""Planted bugs of what enqueueing promises: (name, file, old, new)."""

from __future__ import annotations

INTAKE_MUTATIONS = (
    # -- unique keys
    ("unique key for ever", "lib/41_unique", "redis.call('DEL', key)", "redis.call('GET', key)"),
    ("a key that anybody frees", "lib/41_unique",
     "if not holds and redis.call('GET', key) == j.id then", "if not holds then"),
    ("a key taken from its holder", "lib/41_unique", "j.id, 'NX')", "j.id)"),
    ("a key that a start keeps", "lib/67_start", "  unique.moved(q, j, 'active')\n", ""),
    ("a key that outlives its job", "lib/42_end", "  unique.moved(q, j, '')\n", ""),
    ("a return without the key", "lib/60_intake", "if j.options.unique then unique.moved",
     "if j.options.unique and not j.created then unique.moved"),
    (
        "replay without its unique key", "ops/replay",
        "  if taken(q, j.options, id) then return 'unique_key_taken' end\n", "",
    ),
    # -- bounded queues
    ("one too many before its start", "lib/59_depth", "owner.present.n >= most",
        "owner.present.n > most"),
    ("a tenant that fills up in one call", "lib/59_depth",
     "if t.present then t.present.n = t.present.n + 1 end", ""),
    ("a bound that forgets the delayed", "lib/59_depth", "'waiting', 'delayed', 'blocked'",
     "'waiting', 'blocked'"),
    ("a cap that forgets what runs", "ops/limit", "then admission.cap(q, t) end", "then end"),
    ("a start under a cap that nobody counts", "lib/67_start",
        "if limits.concurrency then admission", "if false then admission"),
    ("an end that counts twice", "lib/58_admission", "  job.set(q, j, 'counted', nil)\n", ""),
    ("an occurrence that is refused", "ops/fire",
     "intake.parse(args, 4))", "intake.parse(args, 4), true)"),
    # -- the inbox
    ("an inbox that waits for a reader", "lib/66_inbox",
     "  inbox.place(meta_key)\n  return queue.look", "  return queue.look"),
    ("a turn that leaves the inbox as it is", "ops/turn", "  inbox.empty(q)\n", ""),
    ("an inbox that is never emptied", "lib/90_close",
     "  if q.emptied then redis.call('DEL', q.emptied) end\n", ""),
    ("an inbox that forgets the last", "lib/63_intake_page", "#list / fields",
     "#list / fields - (posted and 1 or 0)"),
    ("a moment that the inbox forgets", "lib/63_intake_page", "if posted then", "if false then"),
    ("an inbox that knows no tenant's bound", "lib/66_inbox", "if found[1] or found[2] then",
     "if found[1] then"),
    # -- throttle, debounce, keep the last
    (
        "a second one behind", "lib/61_rival",
        "  if j.rare.next then\n    j = job.read(q, j.rare.next)\n  elseif", "  if"),
    (
        "nobody behind is let go", "lib/43_finish",
        "  if j.rare.next then follower.release(q, j) end\n", ""),
    ("a follower without the key", "lib/61_follower", "  unique.claim(q, n)\n", ""),
    (
        "a follower cancelled and remembered", "lib/61_follower",
        "  if holder then job.set(q, holder, 'next', nil) end\n", ""),
    (
        "a new payload that is dropped", "lib/61_moving", "  job.carry(q, j, n.body)\n", ""),
    (
        "a delay taken back that stands all the same", "lib/59_delayed",
        "    q.delayed[id] = nil\n", ""),
    ("a retry that its own turn forgets", "lib/65_promote", "  delayed.flush(q)\n", ""),
    ("a debounce that does not wait anew", "lib/61_rival", "if j.status == 'delayed' or ", "if "),
    (
        "a span that ends with the job", "lib/41_unique", "and remember(q, j)",
        "and redis.call('DEL', key_of(q, options))",
    ),
    ("a span that has no end", "lib/41_unique", ", 'PX', j.options.span)", ")"),
    (
        "tags of two calls", "lib/38_index_job",
        "late.zrem(q, index.tag(q, j.tenant, tag), j.id) end\n  for", "late.page = 1000 end\n  for",
    ),
    (
        "a moved job that stands twice", "lib/61_moving",
        "admission.withdrawn(q, j)", "lane.left(q, j.lane, 1)",
    ),
    # -- changes
    ("a change that comes late and wins", "ops/change", "~= sha then", "== nil then"),
    ("a new payload with old checkpoints", "ops/change", "if fresh == '1' then", "if false then"),
    ("a change of what runs", "ops/change", "and j.status ~= 'blocked' then return",
     "and j.status ~= 'blocked' and j.status ~= 'active' then return"),
    (
        "a change of another tenant's job", "ops/change",
        " or (tenant_id ~= '' and j.tenant ~= tenant_id)", "",
    ),
    (
        "another lane, and the old one too", "lib/61_moving",
        "  if j.status == 'waiting' then return moving.place(q, j, number, 0) end\n", "",
    ),
)  # fmt: skip
