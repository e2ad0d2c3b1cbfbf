"""What a call without options comes to is remembered by job type, and never another type's."""

from __future__ import annotations

import pytest

from cotiza_queue.engine import intake
from cotiza_queue.engine.intake import intake_of, options_of
from cotiza_queue.model.job import JobType, NewJob
from cotiza_queue.model.policy import Defaults, JobOptions
from cotiza_queue.store.ids import stored


def attempts(kind: JobType, tenant: str = "acme") -> int:
    job = NewJob(type=kind.name, payload={}, tenant=tenant, options=options_of(None))
    taken = intake_of(job, kind, stored("an-id", kind.name))
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


@pytest.mark.parametrize(
    ("options", "key", "weight"),
    [
        (JobOptions(), None, 1),
        (JobOptions(unique_key="k", deadline=1, tags=("a", "b", "c")), None, 1),
        (JobOptions(delay=1), None, 2),
        (JobOptions(), "k", 2),
        (JobOptions(tags=("a", "b", "c", "d")), None, 2),
        (JobOptions(delay=1, tags=tuple(f"t{n}" for n in range(16))), "k", 7),
    ],
)
def test_a_job_weighs_what_it_costs_the_server_to_take_in(
    options: JobOptions, key: str | None, weight: int
) -> None:
    job = NewJob(type="heavy", payload={}, options=options, idempotency_key=key)
    assert intake_of(job, JobType("heavy"), stored("an-id", "heavy")).weight == weight
