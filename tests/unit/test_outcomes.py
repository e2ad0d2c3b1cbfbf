"""What follows an attempt that raised: the whole decision, over all that can be asked."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotiza_queue.errors import (
    DeadlineExceeded,
    Discard,
    InvalidData,
    MemoryLimitExceeded,
    PermanentError,
    RetryableError,
    Snooze,
)
from cotiza_queue.model import outcome
from cotiza_queue.model.job import JobType
from cotiza_queue.model.outcome import Fail, Failure, Retry, Terms, decide
from cotiza_queue.model.policy import (
    MAX_BACKOFF_MS,
    MAX_DELAY_MS,
    Defaults,
    JobOptions,
    RetryPolicy,
    RunRules,
    rules_for,
)

policies = st.builds(
    RetryPolicy,
    type=st.sampled_from(("fixed", "exponential")),
    delay=st.integers(1, MAX_BACKOFF_MS),
    cap=st.integers(1, MAX_BACKOFF_MS),
    jitter=st.sampled_from(("full", "none")),
)
chances = st.floats(0, 1, exclude_max=True)


def _rules(**options: Any) -> RunRules:
    return rules_for(JobOptions(**options), Defaults())


def _after(error: BaseException, attempt: int = 1, code: str = "c", **terms: Any) -> Any:
    terms = {"rules": _rules(attempts=3), "chance": 0.5} | terms
    return decide(error, Failure(code=code, message="m", at=0, attempt=attempt), Terms(**terms))


@pytest.mark.row("D4")
@given(policies, st.integers(1, 1000), chances)
def test_a_delay_is_never_negative_and_never_over_its_cap(
    policy: RetryPolicy, attempt: int, chance: float
) -> None:
    delay = policy.delay_ms(attempt, chance)
    assert 0 <= delay <= policy.cap


@pytest.mark.row("D4")
@given(policies)
def test_attempt_one_thousand_does_not_overflow(policy: RetryPolicy) -> None:
    assert policy.delay_ms(1000, 0.999) <= MAX_BACKOFF_MS
    unjittered = RetryPolicy("exponential", policy.delay, policy.cap, "none")
    assert unjittered.delay_ms(1000, 0.0) == policy.cap


@pytest.mark.row("D4")
def test_a_thousand_jobs_that_fail_together_come_back_spread_evenly() -> None:
    # Kolmogorov-Smirnov against U(0, cap): for n = 1,000 the 0.1 % critical value is 1.95/√n.
    source = random.Random(11)
    rules = _rules(attempts=25, backoff=RetryPolicy(delay=1000, cap=6000))
    made = [_after(OSError("x"), 7, rules=rules, chance=source.random()) for _ in range(1000)]
    delays = sorted(each.delay_ms for each in made)
    gap = max(abs((i + 1) / 1000 - delay / 6000) for i, delay in enumerate(delays))
    assert delays[-1] < 6000
    assert gap < 1.95 / 1000**0.5


@pytest.mark.row("D4")
def test_retry_for_an_hour_stops_after_an_hour() -> None:
    rules = _rules(attempts=25, retry_for=3_600_000)
    assert isinstance(_after(OSError("x"), rules=rules, age_ms=3_599_999), Retry)
    final = _after(OSError("x"), rules=rules, age_ms=3_600_000, code="kept")
    assert isinstance(final, Fail)
    assert final.failure.code == "kept"
    assert final.failure.details == {"retryForMs": 3_600_000, "ageMs": 3_600_000}


@pytest.mark.row("D4")
def test_the_first_word_that_fits_an_error_counts() -> None:
    quick = RetryPolicy("fixed", 5)
    retries: Any = {ConnectionError: quick, OSError: "never", "gone": "discard", Exception: quick}
    assert _after(ConnectionResetError("x"), retries=retries).delay_ms == 5
    assert isinstance(_after(FileNotFoundError("x"), retries=retries), Fail)
    assert isinstance(_after(ValueError("x"), code="gone", retries=retries), outcome.Discard)
    assert isinstance(_after(ValueError("x"), retries=retries), Retry)
    assert isinstance(_after(ValueError("x"), 3, retries=retries), Fail)


@pytest.mark.row("D5")
def test_a_types_word_beats_the_errors_own_but_for_deadlines() -> None:
    quick: Any = {Exception: RetryPolicy("fixed", 5)}
    assert isinstance(_after(MemoryLimitExceeded("x"), retries=quick), Retry)
    assert isinstance(_after(Discard("x"), retries=quick), Retry)
    assert isinstance(_after(DeadlineExceeded("x"), retries=quick), Fail)
    assert _after(RetryableError("x", retry_after_ms=9), retries=quick).delay_ms == 9
    never: Any = {Exception: "never"}
    assert isinstance(_after(RetryableError("x", retry_after_ms=9), retries=never), Fail)


@pytest.mark.row("D5")
def test_errors_that_cannot_be_helped_are_not_retried() -> None:
    assert isinstance(_after(InvalidData("x")), Fail)
    assert isinstance(_after(PermanentError("x")), Fail)
    assert isinstance(_after(Discard("x")), outcome.Discard)


@pytest.mark.row("D5")
@given(st.one_of(st.integers(), st.floats(), st.text(max_size=3), st.none()), chances)
def test_whatever_span_an_error_asks_for_the_delay_is_one(span: Any, chance: float) -> None:
    retry = _after(RetryableError("x", retry_after_ms=span), chance=chance)
    assert isinstance(retry, Retry)
    assert 0 <= retry.delay_ms <= MAX_DELAY_MS
    snooze = _after(Snooze(span), chance=chance)
    assert isinstance(snooze, outcome.Snooze)
    assert 1 <= snooze.delay_ms <= MAX_DELAY_MS


@pytest.mark.row("C12")
@given(st.integers(0, 50), st.integers(0, 50))
def test_a_job_is_put_off_as_often_as_allowed_whatever_its_attempts(done: int, most: int) -> None:
    made = _after(Snooze(5, "r"), 25, rules=_rules(max_snoozes=most), snoozed=done)
    assert isinstance(made, outcome.Snooze if done < most else Fail)


def test_a_job_type_with_retries_is_a_key_like_any_other() -> None:
    one = JobType[Any]("a", retries={OSError: "never"})
    assert {one: 1}[JobType("a", retries={OSError: "never"})] == 1
    assert one != JobType("a")
