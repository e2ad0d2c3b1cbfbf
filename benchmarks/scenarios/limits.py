"""Where our limits are: what the server allows, what its disk costs, who waits behind whom."""

from __future__ import annotations

import time

from .. import ceiling, wire
from ..figures import Column, Measured, Scenario
from ..processes import Failed
from ..rivals.cotiza import NAME
from ..stage import MICRO, Stage
from .basics import DRAIN, RATE, fill

PAGE = 100
FLOOD = 100_000
REWRITE_S = 20.0
BUSY = Column("busy", "server busy", "%", "")


def limit(stage: Stage) -> Measured:
    """Fill, then take and settle it all, both as fast as the server answers."""
    count = stage.jobs(stage.about.drain_jobs)
    wire.load(stage.server)
    filled = ceiling.enqueue(stage.server, count, PAGE)
    drained = ceiling.drain(stage.server, count, PAGE)
    return {
        "rate": drained.rate,
        "server_us": drained.server_us,
        "busy": 100 * drained.rate * drained.server_us / MICRO,
        "fill": filled.rate,
        "fill_us": filled.server_us,
    }


def durable(stage: Stage) -> Measured:
    """Fill and drain while the server writes each command to an append-only file."""
    client, count = stage.server.client, stage.jobs(stage.about.drain_jobs)
    client.config_set("appendonly", "yes")
    try:
        limit_s = time.monotonic() + REWRITE_S
        while client.info("persistence")["aof_rewrite_in_progress"]:
            if time.monotonic() > limit_s:
                raise Failed("the append-only file was not begun")
            time.sleep(0.01)
        filled = fill(stage, count)
        drained = stage.drain(count)
    finally:
        client.config_set("appendonly", "no")
    return drained | {"fill": filled["rate"], "fill_us": filled["server_us"]}


def newcomer(stage: Stage) -> Measured:
    """One job behind very many of another tenant: as which it is taken."""
    fill(stage, stage.jobs(FLOOD))
    line = wire.Wire(stage.server)
    found: Measured = {}
    for n, page in enumerate((1, PAGE)):
        (mine,) = next(ceiling.pages(1, 1, [f"new{n}"]))
        wire.call(line.commands.enqueue(NAME, [mine]))
        taken = 0
        while f"place_{page}" not in found:
            turn = wire.call(line.commands.turn(NAME, ceiling.WORKER, page, []))
            ids = [delivery.id for delivery in turn.deliveries]
            if mine.id in ids:
                found[f"place_{page}"] = taken + ids.index(mine.id) + 1
            taken += len(ids)
    line.close()
    return found


FILL = (
    Column("fill", "enqueued", "/s", "more"),
    Column("fill_us", "server CPU of that", "µs/job", digits=1),
)
SCENARIOS = (
    Scenario(
        "ceiling",
        "What the server allows",
        (
            RATE,
            Column("server_us", "server CPU", "µs/job", digits=1),
            BUSY,
            *FILL,
        ),
        limit,
        "The calls of our own drain, 100 jobs each, by a client that does nothing else.",
        "own",
    ),
    Scenario(
        "durable",
        "With an append-only file",
        (*DRAIN, *FILL),
        durable,
        "Enqueued 500 a call and drained as above; the file is flushed to disk each second.",
        "own",
    ),
    Scenario(
        "newcomer",
        "A newcomer behind 100,000 jobs of another tenant",
        (
            Column("place_1", "is taken as number, one a call", digits=0),
            Column("place_100", "as number, 100 a call", digits=0),
        ),
        newcomer,
        "Two jobs of each tenant stand in line, so the best is number 3.",
        "own",
    ),
)
