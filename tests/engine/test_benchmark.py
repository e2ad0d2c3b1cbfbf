"""The benchmark itself: our own entrant does what the protocol asks, and a page comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks import goals, targets
from benchmarks.capacity import CURVES, ROWS, Figures, billion, fill
from benchmarks.environments import KINDS, prepare
from benchmarks.figures import Spread
from benchmarks.processes import Failed, Journal, about
from benchmarks.report import compare, write
from benchmarks.results import LONGEST, Results
from benchmarks.scenarios.catalogue import BY_NAME, SCENARIOS
from benchmarks.server import serving
from benchmarks.stage import Stage

DRAINED = 10_000
KINDS_OF_NEED = {"", "own", "bulk", "delayed"}


@pytest.fixture
def stage() -> Iterator[Stage]:
    environment = prepare("cotiza")
    with serving("valkey") as server:
        server.flush()
        yield Stage(server, environment, about(environment), scale=0.01)


def test_a_drain_ends_when_every_job_has_and_tells_what_each_cost(stage: Stage) -> None:
    # So many that it is still at work when the first body has been seen.
    stage.enqueue(mode="bulk", count=DRAINED)
    assert stage.server.counts(stage.about.left) == DRAINED
    found = stage.drain(DRAINED)
    assert stage.server.counts(stage.about.left) == 0
    assert found["rate"] > 0
    assert 0 < found["reads"] < found["commands"]


def test_a_client_that_does_nothing_else_drives_our_calls_and_sees_a_newcomer_as_third(
    stage: Stage,
) -> None:
    found = BY_NAME["ceiling"].measure(stage)
    assert found["rate"] > 0
    assert stage.server.counts(stage.about.left) == 0
    stage.server.begin()
    assert BY_NAME["newcomer"].measure(stage) == {"place_1": 3, "place_100": 3}
    stage.server.begin()
    found = BY_NAME["calls"].measure(stage)
    assert set(found) == {column.name for column in BY_NAME["calls"].columns}


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


def test_every_goal_names_figures_and_rivals_that_its_run_has() -> None:
    assert set(targets.TARGETS) <= set(BY_NAME)
    assert {rival for rivals in targets.TARGETS.values() for rival in rivals} <= set(KINDS)
    results = Results("valkey")
    for name in ("cotiza", *targets.WAITING):
        results.entrants[name] = (prepare("cotiza")._replace(name=name), about(prepare("cotiza")))
    for name, rivals in targets.TARGETS.items():
        for rival in ("cotiza", *rivals):
            columns = (*BY_NAME[name].columns, LONGEST)
            results.add(name, rival, {column.name: 1.0 for column in columns})
    results.finish(1, 1.0, [BY_NAME[name] for name in targets.TARGETS])
    rows = goals.show(results)[1:]
    assert len(rows) == len(goals.GOALS)
    assert all(row[-1] in ("met", "MISSED") for row in rows)


def test_a_goal_is_missed_by_the_best_rival_and_the_worst_workload(stage: Stage) -> None:
    results = Results("valkey")
    for name in ("cotiza", "saq", "huey"):
        results.enter(stage.environment._replace(name=name), stage.about)
    for name, p50 in (("cotiza", 0.6), ("saq", 2.0), ("huey", 0.8)):
        results.add("idle", name, {"p50": p50})
    for longest in (4.0, 9.0, 4.5):
        results.add("bulk", "cotiza", {"longest_ms": longest})
    results.finish(3, 1.0, [BY_NAME["idle"], BY_NAME["bulk"]])
    rows = {row[0]: row[1:] for row in goals.show(results)}
    assert rows["idle latency, median: part of the best one's"] == [
        "≤ 0.7 ×",
        "0.75 × (huey)",
        "MISSED",
    ]
    call = rows["longest script call of all workloads, by the clock"]
    assert call == ["≤ 5 ms", "4.5 ms (bulk; 9.0 in the worst round of all)", "met"]
    assert rows["drain: times saq"][1] == "–"


def test_the_longest_call_is_that_of_a_script_and_forgotten_before_the_next_workload() -> None:
    with serving("valkey") as server:
        server.begin()
        loop = "for i = 1, 3000000 do end"
        server.client.eval(loop, 0)
        server.flush()
        assert server.longest_ms() > 1.0
        server.begin()
        assert server.longest_ms() == 1.0


def test_the_capacity_page_is_filled_from_the_figures_of_a_run() -> None:
    cells: dict[str, dict[str, float]] = {}
    for row in ROWS:
        cells.setdefault(row.scenario, {})[row.column] = 10.0
    facts = dict.fromkeys(Results("valkey").facts(), "so")
    content = {
        "facts": facts,
        "figures": [{"scenario": s, "rival": "cotiza", "rounds": [c]} for s, c in cells.items()],
    }
    figures = Figures([content])
    assert not any(figures.has(name) for name in CURVES)
    needs = {row.split(" | ")[0].strip("| "): row for row in billion(figures)}
    assert "11,574" in needs["jobs/s on average"]
    assert "30,000" in needs["jobs/s of one server core, in memory only"]
    page = (Path(__file__).parents[2] / "docs" / "capacity.md").read_text()
    once = fill(page, figures)
    assert fill(once, figures) == once
    assert "- so: so; so" in once
