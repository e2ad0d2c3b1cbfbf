"""From what a caller asks for to what is stored: validation, defaults, lane. Pure; every fault
names its field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from ..errors import FieldError, InvalidInput
from ..model import uniqueness
from ..model.ids import Parts, check_tenant
from ..model.job import JobType, NewJob
from ..model.policy import JobOptions, RunRules, lane_of, rules_for
from ..store import codec
from ..store.asked import Intake
from ..store.ids import StoredId, laid
from ..wording import explain

StructT = TypeVar("StructT", bound=msgspec.Struct)
NONE_ASKED = JobOptions()
MAX_KNOWN = 1024
"""Options of which is remembered what they come to."""
PLAIN_TAGS = 4
"""With more of them, a job costs so much to place that a hundred at once would take too long."""
MAX_KEY = 512
"""Characters of an idempotency key. Over HTTP 255 are allowed, and a batch adds the job's place."""


def intake_of(
    job: NewJob,
    job_type: JobType[Any],
    id_: Parts | StoredId,
    *,
    schedule_id: str | None = None,
    most: int = codec.MAX_PAYLOAD_BYTES,
) -> Intake:
    """A checked job, ready to go in. ``id_``: as it lies in Redis, or the numbers of one that was
    made for this job, so that it can't be known yet. Raises InvalidInput (fields under ``data.``),
    TooLarge over ``most`` payload bytes.
    """
    parts = id_ if isinstance(id_, tuple) else None
    tenant = check_tenant(job.tenant)
    payload = codec.encode_payload(validated(job.payload, job_type), most)
    terms = _terms(job.options, job_type)
    body = codec.Body(
        payload, terms.rules, job.options.priority, schedule_id, payload_version=job_type.version
    )
    once, fingerprint = ("", "") if job.idempotency_key is None else _once(job, payload)
    key = job.options.unique_key
    return replace(
        terms.intake,
        stored=laid(id_, job_type.name) if isinstance(id_, tuple) else id_,
        parts=parts,
        tenant=tenant,
        unique=f"{tenant}/{key}" if key else "",
        body=codec.encode_body(body),
        once=once,
        fingerprint=fingerprint,
        plain=parts is not None and terms.plain and not once,
    )


class _Terms(NamedTuple):
    """What options come to, over a type's defaults. ``intake``: without what is a job's own;
    ``rules``: None for the usual ones. ``plain``: nothing but to wait is asked for.
    """

    intake: Intake
    rules: RunRules | None
    plain: bool


_known: dict[tuple[int, str], tuple[JobOptions, JobType[Any], _Terms]] = {}
"""What options came to that were met before, by which ones they are and by type: most calls ask for
nothing, or all for the same.
"""


def _terms(options: JobOptions, job_type: JobType[Any]) -> _Terms:
    """Raises InvalidInput."""
    place = (id(options), job_type.name)
    known = _known.get(place)
    if known is not None and known[0] is options and known[1] is job_type:
        return known[2]
    terms = _terms_of(checked(options, "options", "the options are not valid"), job_type)
    if len(_known) >= MAX_KNOWN:
        _known.clear()
    _known[place] = (options, job_type, terms)
    return terms


def _terms_of(options: JobOptions, job_type: JobType[Any]) -> _Terms:
    rules = rules_for(options, job_type.defaults)
    intake = Intake(
        type=job_type.name,
        stored=StoredId(b""),
        tenant="",
        priority=options.priority,
        lane=lane_of(options.priority),
        attempts=rules.attempts,
        keep_completed=rules.keep_completed,
        keep_failed=rules.keep_failed,
        unique="",
        hold=uniqueness.held_while(options),
        span_ms=options.unique_for or 0,
        duplicate=uniqueness.when_held(options),
        deadline_ms=options.deadline or 0,
        delay_ms=options.delay,
        body=b"",
        tags=options.tags,
        cost=options.cost,
        version=job_type.version,
    )
    more = options.delay or options.deadline or options.unique_key
    plain = not more and len(options.tags) <= PLAIN_TAGS
    return _Terms(intake, None if rules == codec.USUAL else rules, plain)


def _once(job: NewJob, payload: bytes) -> tuple[str, str]:
    """The hashes of an idempotency key, by tenant, and of the request that it stands for. Raises
    InvalidInput.
    """
    if not isinstance(job.idempotency_key, str) or not 1 <= len(job.idempotency_key) <= MAX_KEY:
        fault = FieldError("idempotencyKey", f"a text of 1 to {MAX_KEY} characters")
        raise InvalidInput("the idempotency key is not usable", fields=[fault])
    key = hashlib.sha256(f"{job.tenant}\n{job.idempotency_key}".encode()).hexdigest()[:32]
    request = payload + msgspec.json.encode(job.options)
    return key, hashlib.sha256(request).hexdigest()[:32]


def validated(payload: Any, job_type: JobType[Any]) -> Any:
    """The payload as its job type knows it: what is stored is what the processor can parse."""
    if job_type.payload is Any:
        return payload
    try:
        parsed = msgspec.convert(msgspec.to_builtins(payload), job_type.payload)
    except (msgspec.ValidationError, TypeError) as error:
        raise invalid(
            error, "data", f"the payload does not fit {job_type.name}", job_type.payload
        ) from None
    if job_type.check is not None:
        job_type.check(parsed)
    return parsed


def options_of(options: JobOptions | Mapping[str, Any] | None) -> JobOptions:
    """Options given as a struct, as a mapping with the wire's names, or not at all. Raises
    InvalidInput.
    """
    if options is None:
        return NONE_ASKED
    if isinstance(options, JobOptions):
        return options
    try:
        return msgspec.convert(dict(options), JobOptions)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise invalid(error, "options", "the options are not valid", JobOptions) from None


def checked(struct: StructT, root: str, summary: str) -> StructT:
    """The struct, if its fields are what they may be: one that was made by hand was never checked.
    Raises InvalidInput, fields below ``root``.
    """
    try:
        msgspec.convert(msgspec.to_builtins(struct, str_keys=True), type(struct))
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise invalid(error, root, summary, type(struct)) from None
    return struct


def invalid(error: Exception, root: str, summary: str, kind: Any = Any) -> InvalidInput:
    """A msgspec error, from converting to ``kind``, as an InvalidInput that names the field by its
    path below ``root``.
    """
    fault = explain(error, kind)
    path = ".".join(part for part in (root, fault.path) if part)
    return InvalidInput(
        f"{summary}: {path} {fault.message}", fields=[FieldError(path, fault.message)]
    )
