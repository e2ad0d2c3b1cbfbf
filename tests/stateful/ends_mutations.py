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
    # -- histories
    (
        "a retry that no history knows", "lib/75_settle",
        "  history.note(q, j, 'delayed', cause, cause == 'retry' and history.code(data))\n", "",
    ),
    (
        "a history told after the fact", "lib/65_delayed",
        "      history.note(q, j, 'waiting', 'promote')\n", "",
    ),
    (
        "a history of a job that is gone", "lib/42_end",
        "p .. 'progress:' .. j.id, p .. 'history:' .. j.id", "p .. 'progress:' .. j.id",
    ),
    (
        "entries lost without a word", "lib/38_history",
        "  redis.call('HINCRBY', q.prefix .. 'job:' .. j.id, 'untold', n - history.kept)\n", "",
    ),
    (
        "a chapter without its worker", "lib/38_history",
        "local chapter = j.status == 'active'", "local chapter = false",
    ),
    # -- checkpoints
    ("a checkpoint by anyone", "ops/save", "or found[2] ~= args[2] then", "then"),
    (
        "checkpoints that outlive a completion", "lib/42_end",
        "  if status ~= 'failed' then checkpoint.forget(q, j) end\n", "",
    ),
    (
        "a failed job without its checkpoints", "lib/42_end",
        "if status ~= 'failed' then checkpoint", "if status then checkpoint",
    ),
    ("one name too many", "lib/39_checkpoint", ">= checkpoint.names", "> checkpoint.names"),
    # -- poison
    (
        "a stall more than allowed", "ops/reclaim",
        "if stalls >= max_stalls then", "if stalls > max_stalls then",
    ),
    ("stalls that nobody counts", "ops/reclaim", "'stalls', 1)", "'stalls', 0)"),
    # -- snoozes and discards
    (
        "a snooze that costs an attempt", "lib/75_settle",
        "'attempt', -1)\n  redis.call('HINCRBY', q.prefix .. 'job:' .. j.id, 'snoozed'",
        "'snoozed', 0)\n  redis.call('HINCRBY', q.prefix .. 'job:' .. j.id, 'snoozed'",
    ),
    (
        "a snooze that nobody counts", "lib/75_settle",
        "  redis.call('HINCRBY', q.prefix .. 'job:' .. j.id, 'snoozed', 1)\n", "",
    ),
    (
        "a discarded job with a letter", "lib/75_settle",
        "  dead.note(q, j.id, failure)\n  job.finish(q, j, 'cancelled', failure)\n",
        "  dead.bury(q, j, failure)\n",
    ),
)  # fmt: skip
