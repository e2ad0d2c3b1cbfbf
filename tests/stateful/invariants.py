"""What must hold after every step: each job is in exactly the containers that its status implies.

One function a container, all in ``CONTAINERS``; a new container of the engine gets a new function,
and its keys a line in ``KEYS``. Each function yields (code, what is wrong).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from .bench import BLOCK, HELD
from .bodies_check import bodies
from .checkpoint_check import checkpoints
from .history_check import histories
from .index_check import indexes
from .litter_rules import litter
from .open_bugs import OPEN_BUGS
from .oracle import FINAL, Job, Model
from .retention import sizes
from .snapshot import Lane, Snapshot, stamp
from .version_model import apart
from .violation import Violation as Violation

Fault = tuple[str, str]
MAX_STALLS = 3
STATUSES = ("blocked", "waiting", "delayed", "active", *FINAL)

KEYS = re.compile(
    r"meta|counts|lanes|ready|delayed|events(:marks)?|dead|dead:index|index(:.+)?|class:\w+|tag:.+"
    r"|workers|schedules"
    r"|schedules:all|schedule:.+|(ended|newest):(completed|failed|cancelled)(:.+)?|lane:\d+"
    r"|bodies:\d+|metrics:\d+|worker:.+|tenant:.+|backlog:\d+:.+|tenants|put_off|pauses|passes|newer|litter"
    r"|(job|body|result|failures|progress|unique|history|checkpoints):.+"
)
EXPIRING = re.compile(r"metrics:\d+|worker:.+")
IDLE = re.compile(
    r"meta|counts|lanes|events(:marks)?|dead|lane:\d+|metrics:\d+|worker:.+|workers|tenants|litter"
)
"""What an idle queue keeps when every job, letter and schedule is gone."""
PER_JOB = ("body", "result", "failures", "progress", "history", "checkpoints")


def check(model: Model, found: Snapshot) -> None:
    """Compare what there is with what must be. Raises Violation."""
    for container in CONTAINERS:
        for code, text in container(model, found):
            raise Violation(code, text)


def check_idle(found: Snapshot) -> None:
    """Everything has ended, retention has passed: only the documented idle set is left."""
    excused = {n for n, f in found.hashes.items() if n.startswith("tenant:") and set(f) == {"tat"}}
    if "tat_stays" not in OPEN_BUGS:
        excused = set()
    left = sorted(name for name in found.names - excused if not IDLE.fullmatch(name))
    if left:
        raise Violation("I20", f"left behind in an idle queue: {left}")
    for number, lane in found.lanes.items():
        if lane.pending:
            raise Violation("I20", f"lane {number} keeps pending entries: {lane.pending}")


def jobs(model: Model, found: Snapshot) -> Iterator[Fault]:
    there = {name[4:] for name in found.hashes if name.startswith("job:")}
    if there != set(model.jobs):
        yield "I1", _difference("jobs", there, set(model.jobs))
    for job in model.jobs.values():
        fields = found.hashes[f"job:{job.id}"]
        for name, code, wanted in _fields(job):
            if fields.get(name, "") != wanted:
                yield code, f"{job.id}: {name} is {fields.get(name)!r} instead of {wanted!r}"


def _fields(job: Job) -> Iterator[tuple[str, str, str]]:
    asked = job.intake
    yield "status", "I1", job.status
    yield "tenant", "I16", asked.tenant
    yield "created", "I1", str(job.created)
    yield "seq", "I1", str(job.seq)
    yield "attempts", "I6", str(asked.attempts)
    yield "options", "I15", job.options
    yield "deadline", "I7", "" if job.deadline is None else str(job.deadline)
    yield "snoozed", "I6", str(job.snoozed or "")
    yield "next", "A5", job.next
    yield "after", "A5", job.behind
    yield "delay", "A5", str(job.delay) if job.behind else ""
    yield "finished", "I2", "" if job.finished is None else str(job.finished)
    if job.token is not None:
        yield "token", "I3", str(job.token)
    if job.status in ("waiting", "active"):
        yield "lane", "I11", str(job.lane)
    if job.status == "active":
        yield "worker", "I3", job.worker


def attempts(model: Model, found: Snapshot) -> Iterator[Fault]:
    for job in model.jobs.values():
        fields = found.hashes[f"job:{job.id}"]
        attempt, stalls = int(fields.get("attempt", 0)), int(fields.get("stalls", 0))
        if (attempt, stalls) != (job.attempt, job.stalls):
            yield (
                "I6",
                (
                    f"{job.id}: attempt {attempt}, stalls {stalls} instead of "
                    f"{job.attempt}, {job.stalls}"
                ),
            )
        if attempt > job.intake.attempts or job.starts - job.spared != attempt:
            yield (
                "I6",
                f"{job.id}: {job.starts} starts, {attempt} attempts of {job.intake.attempts}",
            )
        if stalls > MAX_STALLS or (stalls == MAX_STALLS and job.status not in FINAL):
            yield "I6", f"{job.id} goes on after {stalls} stalls"


def contents(model: Model, found: Snapshot) -> Iterator[Fault]:
    """Results, progress and failures, each with its job and only with it."""
    for name in found.names:
        kind, _, id_ = name.partition(":")
        if kind in PER_JOB and id_ not in model.jobs:
            yield "I20", f"{name} is there without its job"
    for job in model.jobs.values():
        if found.strings.get(f"result:{job.id}") != job.result:
            yield (
                "I2",
                f"{job.id}: result {found.strings.get(f'result:{job.id}')!r}, {job.result!r}",
            )
        if found.strings.get(f"progress:{job.id}") != job.progress:
            yield "I23", f"{job.id}: the progress is not what the owner said last"
        failures = len(found.lists.get(f"failures:{job.id}", []))
        if failures != job.failures:
            yield "I2", f"{job.id}: {failures} failures on record instead of {job.failures}"


def delayed(model: Model, found: Snapshot) -> Iterator[Fault]:
    wanted = {j.id: float(j.due or 0) for j in model.jobs.values() if j.status == "delayed"}
    there = found.zsets.get("delayed", {})
    if there != wanted:
        yield "I7" if set(wanted) - set(there) else "I1", _difference("delayed", there, wanted)


def ended(model: Model, found: Snapshot) -> Iterator[Fault]:
    for status in FINAL:
        wanted = {j.id: float(j.expires) for j in model.jobs.values() if j.status == status}
        there = found.zsets.get(f"ended:{status}", {})
        if there != wanted:
            yield "I1", _difference(f"ended:{status}", there, wanted)
        for tenant in {j.intake.tenant for j in model.jobs.values()}:
            newest = {j.id: float(j.finished or 0) for j in model.newest(status, tenant)}
            there = found.zsets.get(f"newest:{status}:{tenant}", {})
            if there != newest:
                yield "I1", _difference(f"newest:{status}:{tenant}", there, newest)
    for name, bundles in found.bundles.items():
        most = BLOCK if name.startswith(("index", "class")) else HELD * BLOCK
        named = sum(map(len, bundles))
        if named > len(found.zsets[name]) or any(len(ids) > most for ids in bundles):
            yield "I1", f"{name} names a job twice, or too many together: {bundles}"
    tenants = {name.split(":", 2)[2] for name in found.zsets if name.startswith("newest:")}
    if gone := tenants - {j.intake.tenant for j in model.jobs.values()}:
        yield "I20", f"newest:… of tenants without jobs: {gone}"


def lanes(model: Model, found: Snapshot) -> Iterator[Fault]:
    """An entry stands for a waiting or an active job, or is the tombstone of a cancelled one."""
    there = set()
    for number, lane in found.lanes.items():
        undelivered = dict(lane.undelivered())
        there |= {(number, entry) for entry in undelivered}
        standing = {e: j.id for j, n, e in _standing(model, found, "waiting") if n == number}
        if lost := {e: i for e, i in standing.items() if undelivered.get(e) != i}:
            yield "I1", f"lane {number} does not hold {lost}"
        dead = {e for e in undelivered if e not in standing and e not in lane.unread}
        if strange := {e for e in dead if (number, e) not in model.tombstones}:
            yield "I1", f"lane {number}: {[(e, undelivered[e]) for e in strange]} stand for nothing"
        yield from _pending(model, found, number, lane)
    model.tombstones &= there
    for job, number, entry in _standing(model, found, "waiting"):
        if entry and number not in found.lanes:
            yield "I1", f"{job.id} stands in lane {number}, which does not exist"


def _standing(model: Model, found: Snapshot, status: str) -> list[tuple[Job, str, str]]:
    """(job, lane, entry) of the jobs of a status that stand in a lane."""
    jobs_ = [j for j in model.jobs.values() if j.status == status]
    rows = [(j, str(j.lane), found.hashes[f"job:{j.id}"].get("entry", "")) for j in jobs_]
    return [row for row in rows if row[2]]


def _passed(model: Model, found: Snapshot) -> Iterator[tuple[str, str]]:
    """(lane, tenant) of entries that came unread and stand for nothing: they count until then."""
    standing = {(n, e) for _, n, e in _standing(model, found, "waiting")}
    for number, lane in found.lanes.items():
        for entry, _ in lane.undelivered():
            if entry in lane.unread and (number, entry) not in standing:
                yield number, lane.unread[entry]


def _pending(model: Model, found: Snapshot, number: str, lane: Lane) -> Iterator[Fault]:
    held = {e: j.worker for j, n, e in _standing(model, found, "active") if n == number}
    if lane.pending != held:
        yield "I1", _difference(f"pending in lane {number}", lane.pending, held)
    delivered = {e for e in lane.entries if stamp(e) <= stamp(lane.delivered)}
    if delivered != set(held):
        yield "I20", _difference(f"delivered entries of lane {number}", delivered, set(held))


def backlogs(model: Model, found: Snapshot) -> Iterator[Fault]:
    """A waiting job that stands in no lane is in its tenant's line, once where it counts."""
    for job in model.waiting():
        fields = found.hashes[f"job:{job.id}"]
        line = found.lists.get(f"backlog:{job.lane}:{job.intake.tenant}", [])
        apart = job.id in found.zsets.get("newer", {})
        if not fields.get("entry") and job.id.encode() not in line and not apart:
            yield "I1", f"{job.id} waits in lane {job.lane} and is nowhere"


def tenants(model: Model, found: Snapshot) -> Iterator[Fault]:
    """What a tenant's hash counts is what there is."""
    wanted: dict[str, Counter[str]] = {}
    for job in model.jobs.values():
        counts = wanted.setdefault(job.intake.tenant, Counter())
        counted = bool(found.hashes[f"job:{job.id}"].get("counted"))
        counts["active"] += counted
        counts["there"] += job.status in ("waiting", "delayed", "blocked")
        capped = "concurrency" in found.hashes.get(f"tenant:{job.intake.tenant}", {})
        if (job.status != "active" and counted) or (job.status == "active" and capped > counted):
            yield "I19", f"{job.id} is {job.status}, counted {counted}, capped {capped}"
    for job, number, _ in _standing(model, found, "waiting"):
        if job.lane % 2:
            wanted[job.intake.tenant][f"in:{number}"] += 1
    for number, tenant in _passed(model, found):
        wanted.setdefault(tenant, Counter())[f"in:{number}"] += 1
    for name, line in found.lists.items():
        if name.startswith("backlog:"):
            _, number, tenant = name.split(":", 2)
            wanted.setdefault(tenant, Counter())[f"back:{number}"] = len(line)
    hashes = {n[7:]: f for n, f in found.hashes.items() if n.startswith("tenant:")}
    for tenant in {*wanted, *hashes}:
        fields = hashes.get(tenant, {})
        counters = re.compile(r"there|active|in:\d+|back:\d+")
        there = {k: int(v) for k, v in fields.items() if counters.fullmatch(k)}
        if there != +wanted.get(tenant, Counter()):
            yield "I19", _difference(f"tenant {tenant}", there, +wanted.get(tenant, Counter()))


def ready(model: Model, found: Snapshot) -> Iterator[Fault]:
    there = found.zsets.get("ready", {})
    missing = {number for _, number, _ in _standing(model, found, "waiting")} - set(there)
    if missing:
        yield "I10", f"lanes {missing} hold jobs and nobody looks there"
    if any(float(name) != score for name, score in there.items()):
        yield "I11", f"lanes out of order: {there}"


def uniques(model: Model, found: Snapshot) -> Iterator[Fault]:
    there = {n[7:]: v.decode() for n, v in found.strings.items() if n.startswith("unique:")}
    expiring = {n[7:] for n in found.ttls if n.startswith("unique:")}
    yield from model.keys.wrong(there, expiring)


def letters(model: Model, found: Snapshot) -> Iterator[Fault]:
    index = found.hashes.get("dead:index", {})
    if set(index) != set(model.letters):
        yield "I1", _difference("dead letters", set(index), set(model.letters))
    there = {entry: fields["job"].decode() for entry, fields in found.letters.items()}
    if there != {entry: id_ for id_, entry in index.items()}:
        yield "I20", f"dead letters {there}, their index {index}"
    for id_, letter in model.letters.items():
        letter.entry = index[id_]
        if found.letters[letter.entry]["body"] != letter.intake.body:
            yield "I21", f"the payload of dead letter {id_} has changed"


def counters(model: Model, found: Snapshot) -> Iterator[Fault]:
    counts = {name: int(n) for name, n in found.hashes.get("counts", {}).items()}
    recount = model.counts()
    for status in STATUSES:
        if counts.get(status, 0) != recount[status]:
            yield "I19", f"{counts.get(status, 0)} jobs are counted {status}, {recount[status]} are"
    for name, n in model.totals.items():
        if counts.get(name, 0) != n:
            yield "I19", f"{name} is {counts.get(name, 0)} instead of {n}"
    waiting = Counter(number for _, number, _ in _standing(model, found, "waiting"))
    waiting.update(number for number, _ in _passed(model, found))
    for number, count in found.hashes.get("lanes", {}).items():
        if int(count) != waiting[number]:
            yield "I19", f"lane {number} counts {count} standing jobs, {waiting[number]} are"


def schedules(model: Model, found: Snapshot) -> Iterator[Fault]:
    wanted = {i: float(s.due) for i, s in model.schedules.items() if s.due is not None}
    if found.zsets.get("schedules", {}) != wanted:
        yield "I13", _difference("schedules", found.zsets.get("schedules", {}), wanted)
    if set(found.zsets.get("schedules:all", {})) != set(model.schedules):
        yield "I20", f"schedules:all is {found.zsets.get('schedules:all')}"
    for name, fields in found.hashes.items():
        if name.startswith("schedule:"):
            known = model.schedules.get(name[9:])
            if known is None or int(fields.get("fired", 0)) != known.fired:
                yield "I13", f"{name} fired {fields.get('fired', 0)} times, {known}"


def names(model: Model, found: Snapshot) -> Iterator[Fault]:
    if found.long_ids:
        yield "I20", f"ids lie in their long form: {found.long_ids}"
    unknown = [n for n in found.names if not KEYS.fullmatch(n)] + found.foreign
    if unknown:
        yield "I20", f"undocumented keys: {unknown}"
    for name in found.names:
        keyed = name.startswith("unique:")
        if not keyed and (EXPIRING.fullmatch(name) is not None) != (name in found.ttls):
            yield "I20", f"{name}: expires in {found.ttls.get(name)} ms"
    paused = bool(found.hashes.get("meta", {}).get("paused"))
    if paused != model.caps[""].paused:
        yield "I1", f"paused is {paused}, and should not be"
    halted = {n[7:] for n, f in found.hashes.items() if n[:7] == "tenant:" and "until" in f}
    if halted != set(found.hashes.get("pauses", {})):
        yield "I1", _difference("pauses", set(found.hashes.get("pauses", {})), halted)


class History:
    """Follows the events: they must tell the status of every job, and each end once."""

    def __init__(self) -> None:
        self.after = "0-0"
        self._last: dict[str, str] = {}

    def check(self, model: Model, found: Snapshot) -> None:
        for entry, fields in found.events:
            self.after = entry
            name, id_ = fields["name"].decode(), fields["job"].decode()
            if name not in STATUSES:
                continue
            if name in FINAL and self._last.get(id_) in FINAL:
                raise Violation("I2", f"{id_} was announced {name} after {self._last[id_]}")
            self._last[id_] = name
        for job in model.jobs.values():
            if self._last.get(job.id) != job.status:
                raise Violation(
                    "F8", f"{job.id} is {job.status}, announced {self._last.get(job.id)}"
                )


def _difference(what: str, there: object, wanted: object) -> str:
    if isinstance(there, set) and isinstance(wanted, set):
        return f"{what}: too many {sorted(there - wanted)}, missing {sorted(wanted - there)}"
    if isinstance(there, Mapping) and isinstance(wanted, Mapping):
        keys = [k for k in {**there, **wanted} if there.get(k) != wanted.get(k)]
        return f"{what}: " + "; ".join(f"{k}: {there.get(k)}, not {wanted.get(k)}" for k in keys)
    return f"{what}: {there} instead of {wanted}"


CONTAINERS: tuple[Callable[[Model, Snapshot], Iterator[Fault]], ...] = (
    names, jobs, attempts, contents, bodies, delayed, ended, lanes, backlogs, tenants, ready,
    indexes, apart, uniques, letters, counters, schedules, histories, checkpoints, sizes,
    litter,
)  # fmt: skip
