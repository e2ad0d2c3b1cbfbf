"""Findings: each with a measure, a limit, a unit, a source and a place; the score that follows."""

from __future__ import annotations

from typing import get_args

import numpy as np
import part_shapes as shapes
import pytest
from part_measuring import Examine

from cotiza_queue.jobtypes.file_analysis import DfmAnalysis, DfmIssue, Process
from cotiza_queue.processors.analysis.rules import Reading, judge, rule_book

PROCESSES: tuple[Process, ...] = get_args(Process)


def findings(examine: Examine, shape: np.ndarray, process: str) -> dict[str, DfmIssue]:
    found = examine(shapes.binary_stl(shape), "part.stl", process_type=process).dfm_analysis
    assert found is not None
    assert found.process == process
    return {issue.type: issue for issue in found.issues}


def test_every_rule_has_a_source_a_text_and_a_limit() -> None:
    book = rule_book()
    for rule in book.rule:
        assert rule.source
        assert rule.text
        assert rule.warning is not None or rule.critical is not None
        if rule.warning is not None and rule.critical is not None:
            assert (rule.critical < rule.warning) is (rule.bad == "below")
    walls = {process for rule in book.rule if rule.measure == "wall" for process in rule.processes}
    flat = {process for exempt in book.not_applicable for process in exempt.processes}
    assert walls | flat == set(PROCESSES)
    assert not walls & flat


@pytest.mark.parametrize("process", ["fff", "sla", "sls", "mjf", "cnc"])
def test_a_wall_is_judged_by_the_limits_of_its_process(process: Process) -> None:
    rule = next(r for r in rule_book().rule if r.measure == "wall" and process in r.processes)
    assert rule.warning is not None
    assert rule.critical is not None
    steps = {
        rule.critical - 0.01: "critical",
        rule.critical: "warning",
        rule.warning - 0.01: "warning",
        rule.warning: None,
    }
    for thickness, severity in steps.items():
        reading = Reading(thickness, (1.0, 2.0, 3.0), lambda limit: f"below {limit:g}")
        found = judge(process, {"wall": reading}, (10, 10, 10))
        assert [issue.severity for issue in found.issues] == ([severity] if severity else [])
        for issue in found.issues:
            assert issue.measured == pytest.approx(thickness)
            assert issue.limit == (rule.critical if severity == "critical" else rule.warning)
            assert (issue.unit, issue.source) == ("mm", rule.source)
            assert issue.location is not None
            assert "(below " in issue.description


def test_a_finding_names_measure_limit_unit_source_and_place(examine: Examine) -> None:
    issue = findings(examine, shapes.open_box(40, 30, 20, 0.6), "fff")["thin_wall"]
    assert issue.severity == "critical"
    assert issue.measured == pytest.approx(0.6, rel=1e-3)
    assert (issue.limit, issue.unit) == (0.8, "mm")
    assert "hycubeworks" in issue.source
    assert issue.location is not None
    assert 0 <= issue.location.x <= 40
    assert issue.description.startswith("Walls are as thin as 0.6 mm; FFF needs 0.8 mm (")


def test_a_plain_block_is_fine_for_every_process_that_takes_solids(examine: Examine) -> None:
    content = shapes.binary_stl(shapes.box(40, 30, 20))
    for process in ("fff", "sla", "sls", "mjf", "cnc"):
        found = examine(content, "part.stl", process_type=process).dfm_analysis
        assert found is not None
        assert (found.score, found.manufacturable) == (100, True)
        assert all(issue.severity == "info" for issue in found.issues)


@pytest.mark.parametrize("process", ["laser", "sheet"])
def test_flat_processes_say_that_a_solid_is_not_for_them(examine: Examine, process: str) -> None:
    issues = findings(examine, shapes.box(40, 30, 2), process)
    assert set(issues) == {"process_not_applicable"}
    assert issues["process_not_applicable"].severity == "critical"


def test_an_enclosed_void_traps_resin_powder_and_cutters(examine: Examine) -> None:
    shape = shapes.hollow_box(40, 30, 20, 3)
    severities = {
        process: found["enclosed_void"].severity
        for process in ("fff", "sla", "sls", "mjf", "cnc")
        if "enclosed_void" in (found := findings(examine, shape, process))
    }
    assert severities == {"sla": "critical", "sls": "warning", "mjf": "warning", "cnc": "critical"}
    assert "unreachable_surface" in findings(examine, shape, "cnc")


def test_a_mesh_says_that_its_holes_were_not_looked_for(examine: Examine) -> None:
    note = findings(examine, shapes.box(40, 30, 20), "cnc")["holes_not_recognised"]
    assert (note.severity, note.measured, note.limit) == ("info", None, None)


def test_an_open_mesh_is_a_finding(examine: Examine) -> None:
    lidless = np.delete(shapes.box(20, 20, 20), [2, 3], axis=0)
    issue = findings(examine, lidless, "fff")["not_watertight"]
    assert (issue.measured, issue.limit, issue.severity) == (4.0, 0.0, "warning")


def test_a_part_may_be_turned_to_fit_but_not_folded(examine: Examine) -> None:
    assert "exceeds_build_volume" not in findings(examine, shapes.box(205, 20, 250), "fff")
    found = examine(shapes.binary_stl(shapes.box(30, 20, 251)), "part.stl")
    assert found.dfm_analysis is not None
    issue = found.dfm_analysis.issues[0]
    assert (issue.type, issue.severity) == ("exceeds_build_volume", "critical")
    assert (issue.measured, issue.limit) == (251.0, 250.0)
    assert found.geometry is not None
    assert "EXCEEDS_BUILD_VOLUME" in found.geometry.warnings


def test_the_score_is_a_hundred_less_what_the_findings_cost() -> None:
    def score(**readings: float) -> DfmAnalysis:
        named = {name: Reading(value) for name, value in readings.items()}
        return judge("fff", named, (10, 10, 10))

    assert (score().score, score().manufacturable) == (100, True)
    one = score(wall=1.0)
    assert (one.score, one.manufacturable) == (90, True)
    three = score(wall=0.5, gap=1.0, overhang=80.0)
    assert (three.score, three.manufacturable) == (40, False)
    assert [issue.severity for issue in three.issues] == ["critical", "warning", "warning"]
    worst = judge("cnc", {"wall": Reading(0.1), "void": Reading(5.0)}, (999, 999, 999))
    assert (worst.score, worst.manufacturable) == (0, False)


@pytest.mark.parametrize(
    ("shape", "complexity"),
    [
        (shapes.box(20, 20, 20), "low"),
        (shapes.ball(15, rings=24), "low"),
        (shapes.together(*(shapes.box(3, 3, 3, (5 * i, 0, 0)) for i in range(4))), "medium"),
        (shapes.together(*(shapes.box(3, 3, 3, (5 * i, 0, 0)) for i in range(20))), "high"),
    ],
    ids=["box", "ball", "four boxes", "twenty boxes"],
)
def test_complexity_counts_smooth_patches(
    examine: Examine, shape: np.ndarray, complexity: str
) -> None:
    features = examine(shapes.binary_stl(shape), "part.stl", perform_dfm=False).features
    assert features is not None
    assert features.complexity == complexity


def test_features_name_undercuts_thin_walls_and_small_features(examine: Examine) -> None:
    plain = examine(shapes.binary_stl(shapes.box(20, 20, 20)), "part.stl").features
    assert plain is not None
    assert not any((plain.has_undercuts, plain.has_thin_walls, plain.has_small_features))
    thin = examine(shapes.binary_stl(shapes.open_box(40, 30, 20, 0.8)), "part.stl").features
    assert thin is not None
    assert thin.has_thin_walls
    assert not thin.has_undercuts
    hollow = examine(shapes.binary_stl(shapes.hollow_box(40, 30, 20, 3)), "part.stl").features
    assert hollow is not None
    assert hollow.has_undercuts
    slot = [(0, 0), (40, 0), (40, 20), (20.9, 20), (20.9, 6), (20, 6), (20, 20), (0, 20)]
    narrow = examine(shapes.binary_stl(shapes.extrude(slot, 30)), "part.stl").features
    assert narrow is not None
    assert narrow.has_small_features
