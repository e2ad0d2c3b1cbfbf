"""Backoff, lanes and ids: the arithmetic, with its edges."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotiza_queue.errors import PermanentError, RetryableError
from cotiza_queue.model.ids import (
    ALPHABET,
    CHANCE_BITS,
    custom_job_id,
    is_name,
    new_job_id,
    occurrence_job_id,
    type_code,
    was_issued,
)
from cotiza_queue.model.outcome import Discard, Fail, Retry, Snooze, Terms, decide, failure_of
from cotiza_queue.model.policy import (
    MAX_BACKOFF_MS,
    NORMAL_PRIORITY,
    Defaults,
    JobOptions,
    KeepFor,
    RetryPolicy,
    RunRules,
    lane_of,
    rules_for,
)
from cotiza_queue.store import codec

CHANCE = st.integers(0, (1 << CHANCE_BITS) - 1)


@given(st.integers(1, 1000), st.integers(1, MAX_BACKOFF_MS), st.floats(0, 1, exclude_max=True))
def test_an_exponential_delay_lies_between_nothing_and_its_doubling_and_the_cap(
    attempt: int, base: int, chance: float
) -> None:
    delay = RetryPolicy("exponential", base).delay_ms(attempt, chance)
    assert 0 <= delay <= min(MAX_BACKOFF_MS, base * 2 ** (attempt - 1))


def test_full_jitter_is_uniform() -> None:
    # Kolmogorov-Smirnov against U(0, 8000): for n = 20,000 the 0.1 % critical value is 1.95/√n.
    chance = random.Random(7)
    delays = sorted(
        RetryPolicy("exponential", 1000).delay_ms(4, chance.random()) for _ in range(20_000)
    )
    gap = max(abs((i + 1) / 20_000 - delay / 8000) for i, delay in enumerate(delays))
    assert gap < 1.95 / 20_000**0.5


def test_a_fixed_delay_is_the_delay() -> None:
    assert [RetryPolicy("fixed", 250).delay_ms(n, 0.99) for n in (1, 2, 25)] == [250] * 3


@given(st.integers(1, 1_000_000), st.integers(1, 1_000_000))
def test_lanes_keep_the_order_of_priorities(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert lane_of(low) <= lane_of(high)
    if high < 32 and low < high:
        assert lane_of(low) < lane_of(high)
    if high >= low * 1.25 + 1:
        assert lane_of(low) < lane_of(high)


def test_lanes_are_odd_bounded_in_number_and_zero_is_normal() -> None:
    lanes = {lane_of(priority) for priority in range(1_000_001)}
    assert len(lanes) <= 92
    assert all(lane % 2 == 1 for lane in lanes)
    assert lane_of(0) == lane_of(NORMAL_PRIORITY)


@given(st.integers(0, 2**48 - 1), CHANCE)
def test_ids_sort_by_time_name_their_type_and_may_be_part_of_a_key(now: int, chance: int) -> None:
    job_id = new_job_id(now, chance, "file-analysis", "acme")
    assert is_name(job_id)
    assert job_id.endswith(type_code("file-analysis"))
    if now < 2**48 - 1:
        assert job_id < new_job_id(now + 1, 0, "file-analysis", "acme")


def test_chosen_and_occurrence_ids_are_functions_of_their_parts() -> None:
    assert custom_job_id("a", "t", "x") == custom_job_id("a", "t", "x")
    assert custom_job_id("a", "t", "x") != custom_job_id("a", "u", "x")
    assert is_name(custom_job_id("a" * 46, "t" * 64, "x" * 48))
    assert occurrence_job_id("s", 1, "x", "t") == occurrence_job_id("s", 1, "x", "t")
    assert occurrence_job_id("s", 1, "x", "t") != occurrence_job_id("s", 2, "x", "t")


def test_ids_are_written_as_data_of_this_form_has_them() -> None:
    made = new_job_id(1_800_000_000_000, 0, "x", "acme")
    assert made == "01mcc5rm0000000000000000h0c7xdrcqn"
    assert occurrence_job_id("s", 1, "x", "t") == "0000000001jrtn6xrkt0mnmy83r3ezrcqn"


@given(
    CHANCE,
    st.sampled_from(range(34)),
    st.sampled_from("0aZ-"),
)
def test_an_id_tells_that_we_made_it_and_for_whom(chance: int, at: int, other: str) -> None:
    made = new_job_id(1_800_000_000_000, chance, "x", "acme")
    assert was_issued(made, "acme")
    assert was_issued(made, None)
    assert was_issued(occurrence_job_id("s", 1, "x", "acme"), "acme")
    assert not was_issued(custom_job_id("a", "acme", "x"), "acme")
    if made[at] != other and other in "Z-":
        assert not was_issued(made[:at] + other + made[at + 1 :], None)


def test_each_change_of_a_character_before_the_tenants_mark_is_seen() -> None:
    for made in (
        new_job_id(1_800_000_000_000, 1 << 60, "x", "acme"),
        new_job_id(0, 0, "x", "acme"),
    ):
        for at in (*range(27), *range(30, 34)):
            others = [made[:at] + other + made[at + 1 :] for other in ALPHABET]
            assert [each for each in others if was_issued(each, None)] == [made]
        for at in range(27, 30):
            others = [made[:at] + other + made[at + 1 :] for other in ALPHABET]
            assert [each for each in others if was_issued(each, "acme")] == [made]


@pytest.mark.parametrize("letter", ALPHABET)
def test_one_letter_over_and_over_is_no_id_of_ours(letter: str) -> None:
    assert not was_issued(letter * 34, None)


def test_a_changed_or_foreign_id_is_hardly_ever_taken_for_ours() -> None:
    ids = [new_job_id(n, n % 256 << 60, "x", "acme") for n in range(1000)]
    assert sum(was_issued(job_id, "globex") for job_id in ids) <= 1
    changed = [job_id[:12] + ("0" if job_id[12] != "0" else "1") + job_id[13:] for job_id in ids]
    assert sum(was_issued(job_id, None) for job_id in changed) <= 1
    assert not any(was_issued(job_id, "acme") for job_id in changed)


def test_the_four_job_types_have_codes_of_their_own() -> None:
    from cotiza_queue.jobtypes import ALL

    assert len({type_code(job_type.name) for job_type in ALL}) == len(ALL) == 4


def test_the_callers_options_win_over_the_types_defaults() -> None:
    defaults = Defaults(attempts=5, timeout=30_000, keep_completed=KeepFor(age=60))
    assert rules_for(JobOptions(), defaults).attempts == 5
    mine = rules_for(JobOptions(attempts=2, timeout=100, remove_on_complete=7), defaults)
    assert (mine.attempts, mine.timeout, mine.keep_completed) == (2, 100, KeepFor(age=60, count=7))
    assert rules_for(JobOptions(remove_on_complete=True), defaults).keep_completed == KeepFor(age=0)
    assert rules_for(JobOptions(remove_on_complete=False), defaults).keep_completed.age == 60


def test_what_follows_a_failure() -> None:
    rules = rules_for(JobOptions(attempts=3), Defaults(backoff=RetryPolicy("fixed", 9)))

    def after(error: Exception, attempt: int) -> Retry | Fail | Snooze | Discard:
        failure = failure_of(error, attempt=attempt, worker="w", at=0)
        return decide(error, failure, Terms(rules=rules, chance=0.5))

    assert isinstance(after(PermanentError("no"), 1), Fail)
    assert isinstance(after(ValueError("x"), 3), Fail)
    assert isinstance(after(RetryableError("x", retry_after_ms=5), 3), Fail)
    retry, later = after(ValueError("x"), 2), after(RetryableError("x", retry_after_ms=5000), 1)
    assert isinstance(retry, Retry)
    assert isinstance(later, Retry)
    assert (retry.delay_ms, later.delay_ms) == (9, 5000)


def test_what_is_kept_of_an_error_is_bounded() -> None:
    assert len(failure_of(ValueError("x" * 10**6), attempt=1, worker="w", at=0).message) == 4000


def test_the_rules_that_are_not_stored_are_the_ones_that_jobs_in_redis_rely_on() -> None:
    """Whoever changes what is usual raises ``Body.version``, and reads older ones as they were."""
    body = codec.decode_body(b"\x97\xc4\x011\xc0\x00\xc0\x01\x01\xc0")
    assert body.version == codec.Body(b"").version == 1
    assert body.rules == RunRules(
        attempts=3,
        backoff=RetryPolicy("exponential", 1000, cap=3_600_000, jitter="full"),
        timeout=300_000,
        keep_completed=KeepFor(age=86_400),
        keep_failed=KeepFor(age=604_800),
        tags=(),
        retry_for=0,
        max_snoozes=1000,
    )
