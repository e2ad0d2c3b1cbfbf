"""Pauses, rests and costs, played: what keeps a tenant or a queue from starting."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.errors import RetryableError
from cotiza_queue.model.outcome import Fail, Failure, Retry, Terms, decide
from cotiza_queue.model.policy import JobOptions, RetryPolicy, rules_for
from cotiza_queue.store import codec
from cotiza_queue.store.commands import Settlement

from .bench import Handle
from .play import TYPE, Play

WHO = ("", "ta", "tb")
COSTS = (1, 1, 2, 7)


class Holding:
    """Rules of Game."""

    play: Play
    _handle: Any

    @rule(who=st.sampled_from(WHO), ms=st.sampled_from((1, 1500, 9000, None)))
    def pause(self, who: str, ms: int | None) -> None:
        self.play.pause(who, True, ms)

    @rule(who=st.sampled_from(WHO))
    def resume(self, who: str) -> None:
        self.play.pause(who, False)

    @rule(who=st.sampled_from(WHO), worker=st.sampled_from(("w1", "w2")))
    def pause_that_ends(self, who: str, worker: str) -> None:
        """Nobody resumes it."""
        self.play.pause(who, True, 1500)
        self.play.enqueue([self.play.intake(f"p{i}", "ta", JobOptions()) for i in range(2)])
        for wait in (1499, 1):
            self.play.tick(wait)
            self.play.turn(worker, 3)

    @rule(
        which=st.integers(0, 40),
        scope=st.sampled_from(("tenant", "queue")),
        ms=st.sampled_from((1, 1500, 9000)),
        want=st.integers(0, 3),
    )
    def hold(self, which: int, scope: str, ms: int, want: int) -> None:
        """A processor was told to come back later, for all of its kind."""
        handle = self._handle(which)
        if handle is not None:
            self.play.turn(handle.worker, want, held_back(handle, scope, ms))
            self.play.tick(ms)
            self.play.turn(handle.worker, want)

    @rule(
        who=st.sampled_from(WHO),
        burst=st.sampled_from((1, 5)),
        worker=st.sampled_from(("w1", "w2")),
        costs=st.lists(st.sampled_from(COSTS), min_size=2, max_size=5),
    )
    def dear(self, who: str, burst: int, worker: str, costs: list[int]) -> None:
        """Cheap and dear jobs under one rate."""
        self.play.limit(who, {"period": 500.0, "burst": burst})
        for i, cost in enumerate(costs):
            options = JobOptions(cost=cost, priority=1 + i % 2)
            self.play.enqueue([self.play.intake(f"d{i}", "tb" if i % 2 else "ta", options)])
        for _ in range(4):
            self.play.turn(worker, 3)
            self.play.tick(500)


def held_back(handle: Handle, scope: str, ms: int) -> list[Settlement]:
    """What a worker sends of an error that says when to come back."""
    failure = Failure(code="busy", message="x", at=0, attempt=handle.attempt, worker=handle.worker)
    policy = RetryPolicy(type="fixed", delay=1)
    rules = rules_for(JobOptions(attempts=handle.attempts, backoff=policy), TYPE.defaults)
    error = RetryableError("busy", retry_after_ms=ms, pause=scope)  # type: ignore[arg-type]
    decided = decide(error, failure, Terms(rules=rules, chance=0.5))
    assert isinstance(decided, Retry | Fail)
    assert decided.hold is not None
    value = codec.encode_failure(decided.failure)
    hold = Settlement("hold", handle.stored, handle.token, scope.encode(), decided.hold.span_ms)
    if isinstance(decided, Retry):
        return [hold, Settlement("retry", handle.stored, handle.token, value, decided.delay_ms)]
    return [hold, Settlement("fail", handle.stored, handle.token, value)]
