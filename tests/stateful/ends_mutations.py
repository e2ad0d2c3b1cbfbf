"""Planted bugs of how attempts end: (name, file, old, new)."""

from __future__ import annotations

ENDS_MUTATIONS = (
    # -- deadlines
    ("an event told under the last one's name", "lib/20_event", " or group.name ~= name", ""),
    (
        "a retry past the deadline", "lib/75_settle",
        "if j.rare.deadline and q.now + delay > j.rare.deadline then", "if false then"),
    (
        "a retry a moment before the deadline", "lib/75_settle", "q.now + delay > j.rare.deadline",
        "q.now + delay >= j.rare.deadline"),
    # -- histories
    (
        "a retry that no history knows", "lib/75_settle",
        "  history.note(q, j, 'delayed', cause, cause == 'retry' and history.code(data))\n", "",
    ),
    (
        "a history told after the fact", "lib/65_promote",
        "      history.note(q, j, 'waiting', 'promote')\n", "",
    ),
    (
        "a history of a job that is gone", "lib/42_end",
        "p .. 'progress:' .. j.id, p .. 'history:' .. j.id", "p .. 'progress:' .. j.id",
    ),
    (
        "entries lost without a word", "lib/38_history",
        "  job.set(q, j, 'untold', (j.rare.untold or 0) + n - history.kept)\n", ""),
    (
        "a chapter without its worker", "lib/38_history",
        "local chapter = j.status == 'active'", "local chapter = false",
    ),
    # -- checkpoints
    ("a checkpoint by anyone", "ops/save", "job.held(q, args[1], args[2])",
        "(function(j) return j and j.status == 'active' and j or nil end)(job.read(q, args[1]))"),
    (
        "checkpoints that outlive a completion", "lib/43_finish",
        "  if status ~= 'failed' then checkpoint.forget(q, j) end\n", ""),
    (
        "a failed job without its checkpoints", "lib/43_finish",
        "if status ~= 'failed' then checkpoint", "if status then checkpoint"),
    ("one name too many", "lib/39_checkpoint", ">= checkpoint.names", "> checkpoint.names"),
    # -- poison
    (
        "a stall more than allowed", "ops/reclaim",
        "local dies = stalls >= max_stalls", "local dies = stalls > max_stalls",
    ),
    ("stalls that nobody counts", "ops/reclaim", "(j.rare.stalls or 0) + 1",
        "(j.rare.stalls or 0)"),
    # -- snoozes and discards
    (
        "a snooze that costs an attempt", "lib/75_settle",
        "cause == 'snooze' and 1 or 0", "0",
    ),
    (
        "a snooze that nobody counts", "lib/75_settle",
        "  job.set(q, j, 'snoozed', (j.rare.snoozed or 0) + 1)\n", ""),
    (
        "a discarded job with a letter", "lib/75_settle",
        "  dead.note(q, j.id, failure)\n  job.finish(q, j, 'cancelled', failure)\n",
        "  dead.bury(q, j, failure)\n",
    ),
)  # fmt: skip
