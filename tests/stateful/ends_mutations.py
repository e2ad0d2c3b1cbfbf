"""Planted bugs of how attempts end: (name, file, old, new)."""

from __future__ import annotations

ENDS_MUTATIONS = (
    # -- deadlines
    (
        "a retry past the deadline", "lib/75_settle",
        "if j.deadline ~= '' and q.now + delay > tonumber(j.deadline) then", "if false then",
    ),
    (
        "a retry a moment before the deadline", "lib/75_settle",
        "q.now + delay > tonumber(j.deadline)", "q.now + delay >= tonumber(j.deadline)",
    ),
    # -- poison
    (
        "a stall more than allowed", "ops/reclaim",
        "if stalls >= max_stalls then", "if stalls > max_stalls then",
    ),
    ("stalls that nobody counts", "ops/reclaim", "'stalls', 1)", "'stalls', 0)"),
    # -- snoozes and discards
    (
        "a snooze that costs an attempt", "lib/75_settle",
        "  redis.call('HINCRBY', key, 'attempt', -1)\n", "",
    ),
    (
        "a snooze that nobody counts", "lib/75_settle",
        "  redis.call('HINCRBY', key, 'snoozed', 1)\n", "",
    ),
    (
        "a discarded job with a letter", "lib/75_settle",
        "  dead.note(q, j.id, failure)\n  job.finish(q, j, 'cancelled', failure)\n",
        "  dead.bury(q, j, failure)\n",
    ),
)  # fmt: skip
