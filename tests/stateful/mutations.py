"""Planted bugs: a model test that can't find these is no test.

Each is a patch of the Lua sources (of ``decide`` for the one that lives there), loaded as a library
of its own, and must be caught by the same games that the clean engine passes.

    python tests/stateful/mutations.py [--server redis|valkey] [--seed N] [--only NAME] [--limit S]

prints a table: the mutation, steps until caught, seconds, and which invariant caught it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import msgspec

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from cotiza_queue.model import outcome
from stateful.bench import Bench, Patch, build
from stateful.bodies_mutations import BODIES_MUTATIONS
from stateful.doctor_mutations import DOCTOR_MUTATIONS
from stateful.ended_mutations import ENDED_MUTATIONS
from stateful.ends_mutations import ENDS_MUTATIONS
from stateful.holding_mutations import HOLDING
from stateful.ids_mutations import IDS_MUTATIONS
from stateful.intake_mutations import INTAKE_MUTATIONS
from stateful.invariants import Violation
from stateful.lane_mutations import LANES
from stateful.listing_mutations import LISTING_MUTATIONS
from stateful.planted import Mutation, one
from stateful.runner import play
from stateful.server import SERVERS, TimedServer, timed_server
from stateful.standby_mutations import STANDBY
from stateful.tenant_mutations import TENANT_MUTATIONS
from stateful.version_mutations import VERSIONS

LIMIT_S = 60.0


class Verdict(NamedTuple):
    """``code``: the invariant that caught it; empty if nothing did."""

    steps: int
    seconds: float
    code: str


def _never_gives_up(
    error: BaseException, failure: outcome.Failure, terms: outcome.Terms
) -> outcome.Retry | outcome.Fail | outcome.Snooze | outcome.Discard:
    """``decide`` without its cap."""
    endless = msgspec.structs.replace(terms.rules, attempts=99)
    return outcome.decide(error, failure, msgspec.structs.replace(terms, rules=endless))


_one = one

MUTATIONS = (
    # -- the twelve that the project's plan names
    _one("unfenced settle", "lib/76_fence", "if not j or j.token ~= token then", "if not j then"),
    _one(
        "renewal that steals", "ops/renew", "job.held(q, args[at], args[at + 1])",
        "(function(j) return j and j.status == 'active' and j or nil end)(job.read(q, args[at]))"),
    _one("reclaim without cursor", "ops/stale", "redis.call('HGET', meta, field) or '-'", "'-'"),
    _one("promote early", "lib/65_promote", "'-inf', q.now, 'LIMIT'", "'-inf', q.now + 1, 'LIMIT'"),
    _one(
        "promote without removal", "lib/65_promote",
        "redis.call('ZREM', q.prefix .. 'delayed', unpack(due))", "",
    ),
    _one(
        "retry without ack", "lib/76_fence", "  lane.drop(q, j.lane, j.entry)\n",
        "  if kind ~= 'retry' then lane.drop(q, j.lane, j.entry) end\n",
    ),
    Mutation("completion overriding cancel", (
        Patch("ops/cancel", "  if from == 'active' then j.token = queue.tokens(q, 1) end\n", ""),
        Patch("lib/76_fence", "if j.status ~= 'active' then",
              "if j.status ~= 'active' and j.status ~= 'cancelled' then"),
    )),
    _one(
        "non-idempotent enqueue", "lib/62_accept",
        "if found then return litter.unused(q, n, found) end", "",
    ),
    Mutation("no attempt cap", (), _never_gives_up),
    Mutation("schedule fired twice", (
        Patch("ops/fire", "not due or tonumber(due) ~= tonumber(args[2])", "not due"),
        Patch("ops/fire", "if last and tonumber(args[2]) <= tonumber(last) then return 0 end", ""),
    )),
    Mutation("admission above a tenant's cap", (
        Patch("lib/55_tenant", "(limits.active or 0) >= limits.concurrency",
        "(limits.active or 0) > limits.concurrency"),
        Patch("lib/55_tenant", "most - (t.limits.active or 0)",
        "most + 1 - (t.limits.active or 0)"),
    )),
    # -- and others of their kind
    _one("no stall cap", "ops/reclaim", "local dies = stalls >= max_stalls",
        "local dies = stalls > 99"),
    _one("reclaim of the living", "ops/reclaim", "worker, lease_ms, entry)", "worker, 0, entry)"),
    _one("progress by anyone", "ops/progress", "job.held(q, args[1], args[2])",
        "(function(j) return j and j.status == 'active' and j or nil end)(job.read(q, args[1]))"),
    _one("progress after the end", "lib/13_job", "j and j.status == 'active' and j.token",
        "j and j.token"),
    _one("sweep that takes all", "ops/sweep", "if not (j and running[j.id]) then", "if true then"),
    _one(
        "release that costs an attempt", "lib/75_settle",
        "  j.attempt = j.attempt - 1\n  intake.place(", "  intake.place("),
    _one("lanes upside down", "lib/30_lane", "'ZRANGE', q.prefix .. 'ready'",
         "'ZREVRANGE', q.prefix .. 'ready'"),
    _one("pause that nobody minds", "lib/48_ceiling",
         "  if moment then return 0, moment > 0 and moment or nil end\n", ""),
    _one("tombstones that run", "lib/70_delivery",
         "job.stands(j, number, read[1]) and j.status",
         "(j and j.status ~= 'active' and 'waiting')"),
    _one("entries alike in two lanes", "lib/13_job", " and j.lane == number", ""),
    _one("deadline a moment early", "lib/68_entry", "q.now > j.rare.deadline",
        "q.now >= j.rare.deadline"),
    _one("cancel of another tenant's job", "ops/cancel",
         " or (args[2] ~= '' and j.tenant ~= args[2])", ""),
    _one("cancel that stays delayed", "lib/61_moving",
         "    delayed.take_out(q, j.id)\n", ""),
    _one("cancel uncounted", "lib/61_moving", "  queue.count(q, j.status, -1)\n", ""),
    _one("lane forgotten while it holds jobs", "lib/70_delivery",
         "if #entries < asked then lane.e", "if #entries <= asked then lane.e"),
    _one("replay with the old token", "ops/replay",
        "j.token, j.finished, j.started, j.worker = 0, queue.tokens(q, 1), 0, 0,",
        "j.finished, j.started, j.worker = 0, 0, 0,"),
    _one("letter without end", "lib/50_dead",
         "redis.call('HDEL', q.prefix .. 'dead:index', id)", ""),
    _one("one job too many kept", "lib/43_finish", "ZCARD', key) - kept",
        "ZCARD', key) - kept - 1"),
    _one("two letters of one job", "lib/50_dead",
         "  litter.letter(q, j.id, dead.lift(q, j.id))\n", ""),
    _one("one too many in the queue", "lib/48_ceiling", "c.concurrency - active",
         "c.concurrency + 1 - active"),
    _one("a rate half as slow", "lib/45_rate", "+ cost * limit.period",
         "+ cost * limit.period / 2"),
    _one("a paused tenant that starts", "lib/54_absence",
         "limits['until'] and q.now < limits['until'] or limits.rested", "limits.rested"),
    _one("room for its own lane only", "lib/58_admission",
         "  if t.limits.concurrency then return admission.refill(q, t) end\n", ""),
    _one("cancelled jobs that strand a line", "lib/57_backlog_admit",
         "redis.call('ZADD', q.prefix .. 'put_off', 0, t.name)", ""),
    _one("a slot that is never given back", "lib/58_admission",
         "  tenant.run(t, -1)\n", ""),
    _one("given back into the void", "lib/57_backlog",
        "  redis.call('LPUSH', backlog.key(q, t, number), j.id)\n", ""),
    _one("nobody follows who left", "lib/70_delivery",
         "    backlog.follow(q, number, take)\n", ""),
    _one("nobody follows under a cap", "lib/68_entry",
         "admission.next(q, t, number)", "local _ = t"),
    _one("a line that forgets its order", "lib/57_backlog_admit", "local ids = redis.call('LPOP'",
        "local ids = redis.call('RPOP'"),
    *(_one(*each) for each in DOCTOR_MUTATIONS),
    *(_one(*each) for each in (*LISTING_MUTATIONS, *INTAKE_MUTATIONS, *ENDS_MUTATIONS)),
    *(_one(*each) for each in (*ENDED_MUTATIONS, *BODIES_MUTATIONS, *IDS_MUTATIONS, *STANDBY)),
    *(_one(*each) for each in TENANT_MUTATIONS),
    *HOLDING,
    *LANES,
    *VERSIONS,
)  # fmt: skip


def hunt(server: TimedServer, mutation: Mutation, seed: int, limit_s: float = LIMIT_S) -> Verdict:
    """Play against a planted bug until it is caught or the time is over."""
    began = monotonic()
    bench = Bench(server, build(mutation.patches), mutation.decide)
    with bench.in_use():
        try:
            play(bench, seed, _over(began + limit_s))
        except Violation as violation:
            return Verdict(bench.caught_at, monotonic() - began, violation.code)
    return Verdict(bench.steps, monotonic() - began, "")


def _over(end: float) -> Callable[[Bench], bool]:
    return lambda _: monotonic() > end


def main() -> int:
    parser = argparse.ArgumentParser(description="Hunt planted bugs.")
    parser.add_argument("--server", choices=SERVERS, default="valkey")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds a mutation")
    parser.add_argument("--only", default="", help="mutations whose name holds this")
    asked = parser.parse_args()
    survivors = 0
    with timed_server(asked.server) as server:
        print(f"{server.version}, seed {asked.seed}")
        print(f"{'planted bug':36} {'steps':>7} {'seconds':>8}  caught by")
        for mutation in (m for m in MUTATIONS if asked.only in m.name):
            verdict = hunt(server, mutation, asked.seed, asked.limit)
            survivors += not verdict.code
            print(
                f"{mutation.name:36} {verdict.steps:>7,} {verdict.seconds:>8.1f}  "
                f"{verdict.code or 'NOT CAUGHT'}",
                flush=True,
            )
    print("every one was caught" if not survivors else f"{survivors} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
