"""What README.md and docs/ say is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import msgspec
import pytest

from cotiza_queue.cli.admin import COMMANDS, cli
from cotiza_queue.cli.shell import Exit
from cotiza_queue.jobtypes import ALL
from cotiza_queue.settings import VARIABLES, Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
DOCUMENTS += sorted([*(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")])


def _rows(text: str, head: str) -> list[list[str]]:
    """The rows of the table whose first heading is ``head``."""
    table = text.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table]


def test_where_md_names_only_what_exists() -> None:
    text = (ROOT / "docs/where.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w./-]+/[\w./*-]*|[\w-]+\.(?:md|toml|lock))`", text)
    missing = [path for path in named if not list(ROOT.glob(path.rstrip("/")))]
    assert len(named) > 30
    assert missing == []


def test_where_md_leads_to_every_package() -> None:
    text = (ROOT / "docs/where.md").read_text(encoding="utf-8")
    packages = {path.parent for path in (ROOT / "src").rglob("__init__.py")}
    folders = {path.relative_to(ROOT).as_posix() for path in packages}
    unnamed = [
        folder
        for folder in sorted(folders)
        if folder not in text and folder.removeprefix("src/cotiza_queue/") not in text
    ]
    assert unnamed == []


def test_the_commands_of_the_readme_exist() -> None:
    script = (ROOT / "run").read_text(encoding="utf-8")
    offered = set(re.findall(r"^    ([a-z]+)\)", script, flags=re.MULTILINE))
    used = set(re.findall(r"\./run ([a-z]+)", README))
    assert {"demo", "test", "dev", "check"} <= used
    assert used <= offered


def test_the_readme_shows_every_command_and_no_other() -> None:
    shown = set(re.findall(r"cotiza-queue ([a-z]+)", README))
    context = click.Context(cli)
    assert shown <= set(cli.list_commands(context))
    assert shown >= set(COMMANDS) - {"demo", "dev"}


def test_the_settings_table_is_complete_and_its_defaults_are_true() -> None:
    rows = {cells[0].strip("`"): cells[1] for cells in _rows(README, "variable")}
    assert list(rows) == list(VARIABLES)
    defaults = {field.name: field.default for field in msgspec.structs.fields(Settings)}
    for variable, field in VARIABLES.items():
        default = defaults[field]
        shown = re.match(r"`(.+?)`", rows[variable])
        if default is None or shown is None:
            assert default is None, variable
        else:
            assert shown[1] == str(default), variable


def test_the_exit_codes_are_as_documented() -> None:
    assert [int(cells[0]) for cells in _rows(README, "exit code")] == sorted(Exit)


def test_the_defaults_of_the_job_types_are_as_documented() -> None:
    rows = {cells[0].strip("`"): cells[2] for cells in _rows(README, "type")}
    for job_type in ALL:
        rules = job_type.defaults
        seconds = f"{rules.backoff.delay // 1000} s · {rules.timeout // 1000} s"
        assert rows[job_type.name] == f"{rules.attempts} · {seconds}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_the_version_is_the_same_everywhere() -> None:
    import cotiza_queue

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert cotiza_queue.__version__ == project["version"]


def test_decisions_are_numbered_one_by_one_and_say_their_number() -> None:
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [page.name[:3] for page in pages]
    assert numbers == [f"{n:03}" for n in range(1, len(pages) + 1)]
    for page in pages:
        assert page.read_text(encoding="utf-8").startswith(f"# {page.name[:3]} "), page.name
