"""Header, body and Python caller of each Lua script agree, and the house's limits hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cotiza_queue.model.status import EDGES, Status
from cotiza_queue.store.library import CLOCK_KEY, library, virtual_library

LUA = Path(__file__).parents[2] / "src/cotiza_queue/lua"
OPS = sorted((LUA / "ops").glob("*.lua"))
LIBS = sorted((LUA / "lib").glob("*.lua"))
STORE = "\n".join(
    (Path(__file__).parents[2] / f"src/cotiza_queue/store/{name}.py").read_text()
    for name in ("commands", "views", "audit", "connection")
)
HEADINGS = ["KEYS", "ARGS", "RETURNS", "EDGE", "EMITS", "ERRORS", "COST"]


@pytest.mark.parametrize("path", OPS, ids=lambda path: path.stem)
def test_a_script_opens_with_its_contract_and_defines_its_verb(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(f"-- {path.stem}: ")
    headings = [h for h in re.findall(r"^-- ([A-Z]{4,}) ", text, re.MULTILINE) if h != "FLAGS"]
    assert headings == HEADINGS
    assert f"local function {path.stem}(keys, args)" in text


@pytest.mark.parametrize("path", OPS, ids=lambda path: path.stem)
def test_every_verb_has_one_python_caller(path: Path) -> None:
    assert len(re.findall(rf'\.call\(\s*"{path.stem}"', STORE)) == 1


@pytest.mark.parametrize("path", OPS, ids=lambda path: path.stem)
def test_the_edges_that_a_script_claims_exist(path: Path) -> None:
    edges = re.search(r"^-- EDGE +(.+)$", path.read_text(), re.MULTILINE)
    assert edges is not None
    for start, end in re.findall(r"([a-z]+|\(none\)) -> ([a-z]+|\(none\))", edges.group(1)):
        if "(none)" not in (start, end):
            assert (Status(start), Status(end)) in EDGES


def test_every_edge_of_the_model_is_taken_by_some_script() -> None:
    claimed = {
        pair
        for path in [*OPS, *LIBS]
        for pair in re.findall(r"([a-z]+) -> ([a-z]+)", path.read_text())
    }
    for start, end in EDGES:
        assert (str(start), str(end)) in claimed, f"{start} -> {end}"


def test_the_scripts_stay_small() -> None:
    for path in OPS:
        assert len(path.read_text().splitlines()) <= 80, path
    for path in LIBS:
        assert len(path.read_text().splitlines()) <= 100, path


def test_scripts_that_must_work_in_a_full_server_say_so() -> None:
    code = library().code
    for verb in (
        "turn",
        "renew",
        "reclaim",
        "cancel",
        "progress",
        "prune",
        "sweep",
        "bury",
        "leave",
    ):
        assert re.search(rf"_{verb}', callback = {verb}, flags = \{{ 'allow-oom' \}}", code), verb
    assert re.search(r"_enqueue', callback = enqueue, flags = \{  \}", code)


def test_no_script_reads_or_writes_json() -> None:
    # cjson would change numbers and empty lists; payloads are opaque bytes here.
    assert "cjson" not in library().code


def test_the_time_is_asked_for_in_one_place() -> None:
    asking = [path.name for path in [*OPS, *LIBS] if "'TIME'" in path.read_text()]
    assert asking == ["05_clock.lua"], "use clock.now()"


def test_the_genuine_library_knows_no_clock_but_the_server_s() -> None:
    assert CLOCK_KEY not in library().code
    assert CLOCK_KEY in virtual_library().code
    assert "'TIME'" not in virtual_library().code
    assert library().name != virtual_library().name
