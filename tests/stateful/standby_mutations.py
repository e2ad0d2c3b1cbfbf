"""Bugs about standby, one at a time: name, file, what stands there, what comes instead."""

from __future__ import annotations

HAND = "lib/59_standby_hand"
STANDBY = (
    ("handed over before those that wait", HAND,
     "prefix .. 'inbox', prefix .. 'ready')", "prefix .. 'inbox')"),
    ("handed over beside one that has no place yet", HAND,
     "prefix .. 'inbox', prefix .. 'ready')", "prefix .. 'ready')"),
    ("handed over under a limit of the queue", HAND, "    if found[i] then return nil end\n", ""),
    ("handed over under a limit of its tenant", HAND, "packed and tenant", "false and tenant"),
    ("a tenant with a limit that nobody looks for", "lib/55_tenant",
     "redis.call('HSET', q.prefix .. 'meta', 'limited', 1)", "local _"),
    ("handed over after a long silence", HAND, " or s.since + standby.fresh <= now then", " then"),
    ("handed over twice", HAND, "if s.id or not s.worker", "if not s.worker"),
    ("handed to who does not know it", HAND, "(options.version or 1) > s.version", "false"),
    ("handed over again once it runs", "lib/71_standby_start", "  standby.keep(q, j)\n", ""),
    ("a worker that stays on standby", "lib/59_standby",
     "  redis.call('HDEL', q.prefix .. 'meta', 'standby')\n", ""),
    ("what was not heard, and is not brought", "lib/59_standby",
     "s.token ~= heard and", "false and"),
    ("what was heard, and comes again", "lib/59_standby", " s.token ~= heard and", ""),
    ("what is over, and comes again", "lib/59_standby",
     "j.status == 'active' and j.token == s.token and", ""),
    ("an empty turn that takes a place", "ops/turn", "- (handed and 1 or 0)", "- 1"),
    ("handed over, and not started", "lib/63_intake_page", "jobs[i].handed_to and", "false and"),
    ("started with another token", "lib/71_standby_start",
     "j.token, j.started = j.token_there, j.came",
     "j.started = j.came"),
    ("a body that is told apart from its tenant", HAND, "id .. tenant_id .. body",
     "id .. body"),
)  # fmt: skip
