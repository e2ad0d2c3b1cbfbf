"""Planted bugs of pauses, rests and costs."""

from __future__ import annotations

from stateful.bench import Patch
from stateful.planted import Mutation, one

HOLDING = (
    Mutation("a pause for ever", (
        Patch("lib/48_ceiling", "not (c.paused_until and c.paused_until <= q.now)", "c.paused"),
        Patch("lib/48_ceiling", "moment > 0 and moment or nil", "nil"),
    )),
    one("a pause that ends early", "lib/48_ceiling",
        "c.paused_until <= q.now)", "c.paused_until <= q.now + 1)"),
    one("a rest of the queue that nobody minds", "lib/48_ceiling",
        "if c.rested and c.rested > q.now then return c.rested end", ""),
    one("a hold of one that holds all", "lib/56_hold", "if scope == 'queue' then", "if true then"),
    one("a hold that nobody minds", "lib/54_absence",
        "if moment > (t.limits.rested or 0) then absence", "if false then absence"),
    one("a cost that nobody pays", "lib/67_start", "rate.spent(limits, q.now, cost)",
        "rate.spent(limits, q.now, 1)"),
    one("dear jobs on credit", "lib/45_rate", "burst - math.min(cost, burst)", "burst - 1"),
    one("held back into the void", "lib/68_entry", "  j.entry = lane.push(q, j.id, j.lane)\n",
        "  j.entry = ''\n"),
    one("a resumed tenant that stays paused", "ops/pause",
        "  tenant.set(t, 'until', nil)\n", ""),
)  # fmt: skip
