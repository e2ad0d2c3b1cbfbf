"""What a take may hand out: which choices of the server are right.

Strict between lanes; within a lane the tenants take turns, and each tenant's jobs go in the order
of their arrival. The order of a tenant that had a limit is not looked at: when a take gives up
amid its refused jobs, those behind them are already in the lane.
"""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

from . import version_model
from .invariants import Violation
from .oracle import Job, Model


class At(NamedTuple):
    """A take: how many were wanted, when, and the newest version that the worker knows."""

    want: int
    now: int
    knows: int


def taken(model: Model, ids: list[str], at: At, admitted: set[str] | None) -> None:
    """Check a take before it is entered in the model. Raises Violation.

    ``admitted``: jobs that stand in a lane after the call; None if it met too many tombstones, and
    the next turn goes on.
    """
    want, now, knows = at
    room = min(want, model.room("", now))
    if len(ids) > room:
        raise Violation("I17", f"{ids} started where {room} may")
    started = [_startable(model, id_, now) for id_ in ids]
    strictly = model.lanes.check(model, started, want, now, admitted)
    version_model.refuse(started, knows)
    _affordable(model, started, now)
    _within_tenants(model, started, now)
    if model.rests("", now):
        return
    there = [j for j in model.waiting() if j.id not in model.fresh]
    rest = [j for j in there if j not in started and not expired(j, now)]
    rest = [j for j in rest if version_model.able(j, knows)]
    for job in [] if admitted is None else rest:
        tenant = job.intake.tenant
        mine = [j for j in started if j.intake.tenant == tenant]
        left = model.room(tenant, now) - len(mine)
        uncapped = model.caps[tenant].concurrency is None
        # Under a cap, room in one lane may bring jobs into a better one, past which the take is.
        brought = sum(1 for j in rest if j.intake.tenant == tenant and j.id in (admitted or ()))
        if left <= (0 if uncapped else brought) or model.rests(tenant, now):
            continue
        if len(ids) < room:
            raise Violation("I10", f"{job.id} waits though it may start; {ids} did, of {room}")
        # A place under a cap that a job has in its lane is not taken from it by a better lane.
        if strictly and uncapped and started and job.lane < started[-1].lane:
            raise Violation("I11", f"{started[-1].id} started before {job.id} of a better lane")


def expired(job: Job, now: int) -> bool:
    return job.deadline is not None and now > job.deadline


def _startable(model: Model, id_: str, now: int) -> Job:
    job = model.jobs.get(id_)
    status = job.status if job is not None else "gone"
    if job is None or status != "waiting":
        code = {"delayed": "I7", "cancelled": "I14", "active": "I1"}.get(status, "I2")
        raise Violation(code, f"{id_} started, and is {status}")
    if expired(job, now):
        raise Violation("I7", f"{id_} started after its deadline")
    return job


def _affordable(model: Model, started: list[Job], now: int) -> None:
    caps = {name: copy(cap) for name, cap in model.caps.items()}
    for job in started:
        for name in ("", job.intake.tenant):
            cap = caps.setdefault(name, copy(model.caps[name]))
            if not cap.affords(job.intake.cost, now):
                raise Violation("I17", f"{job.id} costs more than {name!r} has left")
            cap.spend(now, job.intake.cost)


def _within_tenants(model: Model, started: list[Job], now: int) -> None:
    for tenant in {j.intake.tenant for j in started}:
        mine = [j for j in started if j.intake.tenant == tenant]
        room = model.room(tenant, now)
        if len(mine) > room:
            raise Violation("I17", f"{[j.id for j in mine]} of {tenant} started where {room} may")
        if tenant in model.limited:
            continue
        for lane in {j.lane for j in mine}:
            line = [j for j in model.waiting() if (j.intake.tenant, j.lane) == (tenant, lane)]
            steady = [j for j in line if not j.revived and not expired(j, now)]
            wanted = sorted(steady, key=lambda j: j.place)
            got = [j for j in mine if j.lane == lane and not j.revived]
            if got != wanted[: len(got)]:
                raise Violation(
                    "I12", f"{[j.id for j in got]} of lane {lane}, in line {[j.id for j in wanted]}"
                )
