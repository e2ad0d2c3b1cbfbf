"""The benchmark itself: our own entrant does what the protocol asks, and a page comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.environments import KINDS, prepare
from benchmarks.figures import Spread
from benchmarks.processes import Failed, Journal, about
from benchmarks.report import compare, write
from benchmarks.results import Results
from benchmarks.scenarios.catalogue import BY_NAME, SCENARIOS
from benchmarks.server import serving
from benchmarks.stage import Stage

KINDS_OF_NEED = {"", "own", "bulk", "delayed"}


@pytest.fixture
def stage() -> Iterator[Stage]:
    environment = prepare("cotiza")
    with serving("valkey") as server:
        server.flush()
        yield Stage(server, environment, about(environment), scale=0.01)


def test_a_drain_ends_when_every_job_has_and_tells_what_each_cost(stage: Stage) -> None:
    stage.enqueue(mode="bulk", count=300)
    assert stage.server.counts(stage.about.left) == 300
    found = stage.drain(300)
    assert stage.server.counts(stage.about.left) == 0
    assert found["rate"] > 0
    assert 0 < found["reads"] < found["commands"]


def test_jobs_that_fail_are_no_measure(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.check()
    (tmp_path / "journal.log").write_text("Traceback (most recent call last)\nValueError: no")
    with pytest.raises(Failed, match="ValueError: no"):
        journal.check()


def test_every_rival_has_its_file_and_every_workload_a_name_of_its_own() -> None:
    folder = Path(__file__).parents[2] / "benchmarks" / "rivals"
    files = {path.name.removesuffix(".py") for path in folder.iterdir()}
    assert {kind.module for kind in KINDS.values()} <= files
    assert len(BY_NAME) == len(SCENARIOS)
    assert {scenario.needs for scenario in SCENARIOS} <= KINDS_OF_NEED


def test_a_page_shows_medians_spreads_and_who_is_better(stage: Stage, tmp_path: Path) -> None:
    results = Results("valkey")
    results.enter(stage.environment, stage.about)
    rival = prepare("cotiza")._replace(name="saq", kind=KINDS["saq"])
    results.enter(rival, stage.about)
    for ours, theirs in ((30.0, 10.0), (20.0, 5.0), (40.0, 20.0)):
        results.add("bulk", "cotiza", {"rate": ours})
        results.add("bulk", "saq", {"rate": theirs})
    results.finish(3, 1.0, [BY_NAME["bulk"], BY_NAME["growth-workers"]])
    assert results.spread("bulk", "cotiza", "rate") == Spread(30.0, 20.0, 40.0, 3)
    assert compare(results, BY_NAME["bulk"], "saq") == 3.0
    page = write(results, tmp_path).read_text()
    assert "30 [20–40]" in page
    assert "3.0 ×" in page
    assert (tmp_path / "bulk.svg").read_text().count("<rect") == 2
