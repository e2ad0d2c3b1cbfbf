"""A slice of ``./run model``: the engine and its model agree, step by step, on both servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from redis import Redis

from cotiza_queue.model.policy import JobOptions
from stateful.bench import Bench, Patch, build, patched
from stateful.invariants import Violation
from stateful.naming import named
from stateful.play import Play
from stateful.runner import play
from stateful.server import SERVERS, Missing, TimedServer, timed_server

STEPS = 3000


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[TimedServer]:
    """A server of each kind, with a clock that stands still."""
    try:
        with timed_server(request.param) as running:
            yield running
    except Missing as missing:
        pytest.skip(str(missing))


def test_every_invariant_holds_after_every_step(server: TimedServer) -> None:
    with Bench(server, build()).in_use() as bench:
        play(bench, 1, lambda played: played.steps >= STEPS)


def test_the_server_knows_no_time_but_ours(server: TimedServer) -> None:
    with closing(Redis.from_url(server.url)) as redis:
        for move in (0, 1, 86_400_000, -5_000):
            server.clock.now_ms += move
            seconds, micros = redis.time()
            assert seconds * 1000 + micros // 1000 == server.clock.now_ms


def test_a_broken_invariant_tells_its_name_and_what_was_played(server: TimedServer) -> None:
    forgetful = Patch("lib/60_intake", "queue.count(q, 'waiting', 1)", "")
    with Bench(server, build([forgetful])).in_use() as bench:
        with pytest.raises(Violation) as caught:
            play(bench, 1, lambda played: played.steps >= STEPS)
        assert caught.value.code == "I19"
        assert "enqueue" in caught.value.__notes__[0]


def test_a_finished_game_leaves_an_idle_queue(server: TimedServer) -> None:
    with Bench(server, build()).in_use() as bench:
        game = Play(bench)
        game.finish()
        assert bench.steps > 0


def test_a_rate_keeps_the_order_of_its_tenants_jobs(server: TimedServer) -> None:
    with Bench(server, build()).in_use() as bench:
        game, started = Play(bench), []
        game.limit("ta", {"period": 1000.0, "burst": 1})
        game.enqueue([game.intake(name, "ta", JobOptions()) for name in "abcde"])
        for _ in range(5):
            started += [delivery.id for delivery in game.turn("w1", 3)]
            game.tick(1000)
        assert started == list(map(named, "abcde"))


def test_a_patch_that_fits_nowhere_is_an_error() -> None:
    with pytest.raises(AssertionError):
        patched("return 1", Patch("ops/none", "return 2", ""))
