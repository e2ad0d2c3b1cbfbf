"""What a call without options comes to is remembered by job type, and never another type's."""

from __future__ import annotations

from cotiza_queue.engine import intake
from cotiza_queue.engine.intake import intake_of, options_of
from cotiza_queue.model.job import JobType, NewJob
from cotiza_queue.model.policy import Defaults


def attempts(kind: JobType, tenant: str = "acme") -> int:
    job = NewJob(type=kind.name, payload={}, tenant=tenant, options=options_of(None))
    taken = intake_of(job, kind, "an-id")
    assert (taken.id, taken.tenant, taken.version) == ("an-id", tenant, kind.version)
    return taken.attempts


def test_two_types_of_one_name_keep_their_own_defaults() -> None:
    few, many = JobType("alike", defaults=Defaults(attempts=2)), JobType("alike", version=4)
    assert [attempts(kind) for kind in (few, few, many, few, many)] == [2, 2, 3, 2, 3]
    assert [attempts(few, tenant) for tenant in ("a", "b")] == [2, 2]


def test_no_more_types_are_remembered_than_the_limit_says() -> None:
    for n in range(intake.MAX_KNOWN + 1):
        assert attempts(JobType(f"type-{n}")) == 3
        assert len(intake._known) <= intake.MAX_KNOWN
