"""Chance for job ids: of neighbours the most is the same, and no two ids are."""

from __future__ import annotations

import os

from cotiza_queue.chance import SystemChance
from cotiza_queue.engine.runs import JOBS, SHARED_BITS, SPAN_BITS, Runs
from cotiza_queue.model.ids import CHANCE_BITS, CHANCE_BYTES, new_job_id
from cotiza_queue.store.ids import stored
from cotiza_queue.testing.virtual import FakeChance

KIND = "file-analysis"
NOW_MS = 1_800_000_000_000 >> SPAN_BITS << SPAN_BITS
"""When a span begins."""
NAME_BYTES = 10
OWN_BITS = 15


def ids(runs: Runs, count: int, now_ms: int = NOW_MS, tenant: str = "acme") -> list[str]:
    return [new_job_id(now_ms, runs.chance(now_ms), KIND, tenant) for _ in range(count)]


def shared(chance: int) -> int:
    """What is the run's."""
    return chance >> CHANCE_BITS - SHARED_BITS


def hashes(job_ids: list[str]) -> list[bytes]:
    """The names of the hashes in which their records lie."""
    return [stored(job_id, KIND)[:NAME_BYTES] for job_id in job_ids]


def test_ids_made_one_after_the_other_name_one_hash_until_it_is_full() -> None:
    made = ids(Runs(SystemChance()), 2 * JOBS + 1)
    named = hashes(made)
    assert [named.count(name) for name in dict.fromkeys(named)] == [JOBS, JOBS, 1]
    assert len(set(made)) == len(made)


def test_a_run_lasts_for_its_span_of_time_and_for_all_tenants() -> None:
    runs = Runs(SystemChance())
    last = NOW_MS + (1 << SPAN_BITS) - 1
    within = [*ids(runs, 1), *ids(runs, 1, last, "globex")]
    after = ids(runs, 1, last + 1)
    assert len(set(hashes(within))) == 1
    assert set(hashes(after)).isdisjoint(hashes(within))


def test_even_with_the_same_chance_no_two_of_a_run_are_alike() -> None:
    class Stuck(FakeChance):
        def random_bytes(self, count: int) -> bytes:
            return bytes(count)

    made = ids(Runs(Stuck()), JOBS)
    assert len(set(made)) == JOBS
    assert made == sorted(made)


def test_chance_is_as_long_as_an_id_needs_and_its_own_part_is_drawn_for_each() -> None:
    runs = Runs(FakeChance())
    drawn = [runs.chance(NOW_MS) for _ in range(JOBS)]
    assert {each.bit_length() for each in drawn} <= {CHANCE_BITS, CHANCE_BITS - 1}
    assert len({shared(each) for each in drawn}) == 1
    assert [each >> OWN_BITS & 31 for each in drawn] == list(range(JOBS))
    assert len({each & (1 << OWN_BITS) - 1 for each in drawn}) == JOBS


def test_a_fork_goes_on_with_a_run_of_its_own() -> None:
    runs = Runs(SystemChance())
    before = runs.chance(NOW_MS)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, runs.chance(NOW_MS).to_bytes(CHANCE_BYTES, "big"))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = int.from_bytes(os.read(reading, CHANCE_BYTES), "big")
    ours = runs.chance(NOW_MS)
    os.close(reading)
    os.close(writing)
    assert shared(ours) == shared(before) != shared(theirs)
