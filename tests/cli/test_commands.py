"""``cotiza-queue``, as a person and as a program use it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from cotiza_queue import Queue
from cotiza_queue.cli.admin import cli
from cotiza_queue.cli.shell import Shell, redacted
from cotiza_queue.clock import SystemClock
from cotiza_queue.jobtypes import FILE_ANALYSIS

ROOT = Path(__file__).parents[2]
UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


def test_status_says_what_waits_runs_and_failed(terminal, filled) -> None:
    answer = terminal.json("status")
    analysis = next(each for each in answer["queues"] if each["name"] == "file-analysis")
    assert (analysis["completed"], analysis["failed"], analysis["deadLetters"]) == (1, 2, 2)
    assert answer["redis"]["embedded"] is True
    assert answer["redis"]["url"].startswith("unix://")
    assert answer["workers"] == []
    shown = terminal.text("status")
    assert "nothing runs until you start cotiza-worker" in shown
    assert re.search(r"^email-notification +1 +1 +0 +0 +0 +0", shown, re.MULTILINE)


def test_listings_filter_and_page(terminal, filled) -> None:
    everything = [job["jobId"] for job in terminal.json("jobs")["items"]]
    assert sorted(everything) == sorted(filled)
    assert [job["jobId"] for job in terminal.json("jobs", "--tag", "bad")["items"]] == [filled.dead]
    failed = terminal.json("jobs", "--status", "failed", "--type", "file-analysis")
    assert {job["jobId"] for job in failed["items"]} == {filled.dead, filled.hostile}
    assert len(terminal.json("jobs", "--tenant", "globex")["items"]) == 2
    assert terminal.text("jobs", "--tenant", "nobody") == "No such jobs.\n"

    seen, cursor = [], None
    while True:
        page = terminal.json("jobs", "--limit", "2", *(("--cursor", cursor) if cursor else ()))
        seen += [job["jobId"] for job in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(filled)


def test_show_tells_all_about_a_job(terminal, filled) -> None:
    job = terminal.json("show", filled.dead)
    assert job["status"] == "failed"
    assert job["tenantId"] == "acme"
    assert job["data"]["fileId"] == "bad"
    assert job["error"]["code"] == "truncated_file"
    assert [failure["attempt"] for failure in job["failures"]] == [1]
    shown = terminal.text("show", filled.dead)
    assert "truncated_file: it ends too early" in shown
    assert "Export again." in shown


@pytest.mark.parametrize("command", ["show", "dlq show"])
@pytest.mark.parametrize("style", [(), ("--json",)])
def test_no_payload_and_no_error_steers_the_terminal(terminal, filled, command, style) -> None:
    for job_id in (filled.hostile, filled.delayed, filled.completed)[
        : 1 if "dlq" in command else 3
    ]:
        shown = terminal.run(*command.split(), job_id, *style).stdout
        assert UNSAFE.findall(shown) == []
        assert "owned" in shown


def test_json_carries_hostile_text_unharmed(terminal, filled) -> None:
    assert terminal.json("show", filled.completed)["result"]["text"].startswith(
        "\x1b]0;owned\x07 \x9b31m \u202e"
    )


def test_cancel_and_retry_move_a_job_and_refuse_what_its_status_forbids(terminal, filled) -> None:
    assert terminal.json("cancel", filled.waiting)["status"] == "cancelled"
    refused = terminal.run("cancel", filled.waiting, code=4)
    assert refused.stdout == ""
    assert refused.stderr.startswith("already_cancelled: ")
    assert terminal.json("retry", filled.waiting)["status"] == "waiting"
    terminal.run("retry", filled.waiting, code=4)
    assert "waiting again" in terminal.text("retry", filled.dead)


def test_change_and_promote_move_a_job_that_has_not_started(terminal, filled) -> None:
    later = terminal.json("change", filled.waiting, "--delay", "60000", "--priority", "3")
    assert (later["status"], later["priority"]) == ("delayed", 3)
    assert "is waiting" in terminal.text("promote", filled.waiting)
    refused = terminal.run("change", filled.waiting, "--data", "{", code=2)
    assert refused.stderr.startswith("invalid_input: ")
    assert terminal.run("promote", filled.dead, code=4).stderr.startswith("already_failed: ")


def test_dead_letters_are_listed_replayed_and_purged_one_by_one(terminal, filled) -> None:
    listed = terminal.json("dlq", "list", "--type", "file-analysis", "--tenant", "acme")["items"]
    assert [letter["jobId"] for letter in listed] == [filled.hostile, filled.dead]
    assert listed[1]["data"]["fileId"] == "bad"
    assert terminal.json("dlq", "replay", filled.dead)["replayed"] == [filled.dead]
    terminal.run("dlq", "show", filled.dead, code=3)
    assert terminal.json("dlq", "purge", filled.hostile)["purged"] == [filled.hostile]
    assert terminal.text("dlq", "list") == "No dead letters.\n"
    assert terminal.json("show", filled.dead)["status"] == "waiting"
    terminal.run("show", filled.hostile, code=3)


def test_dead_letters_are_replayed_by_cause_after_a_dry_run(terminal, filled) -> None:
    chosen = ("dlq", "replay", "--all", "--code", "truncated_file")
    assert terminal.json(*chosen, "--dry-run") == {
        "replayed": [filled.dead],
        "failed": [],
        "dryRun": True,
    }
    assert len(terminal.json("dlq", "list")["items"]) == 2
    assert terminal.json(*chosen)["replayed"] == [filled.dead]
    assert [each["jobId"] for each in terminal.json("dlq", "list")["items"]] == [filled.hostile]


def test_purging_everything_asks_first(terminal, filled) -> None:
    refused = terminal.run("dlq", "purge", "--all", answer="n\n", code=1)
    assert "Throw away 2 dead letters, for good?" in refused.stderr
    assert len(terminal.json("dlq", "list")["items"]) == 2
    assert len(terminal.json("dlq", "purge", "--all", "--yes")["purged"]) == 2
    assert terminal.json("dlq", "list")["items"] == []


def test_a_program_is_never_asked_so_it_says_yes_itself(terminal, filled) -> None:
    refused = terminal.run("dlq", "purge", "--all", "--json", code=2, answer="y\n")
    assert refused.stdout == ""
    assert "--all with --json needs --yes" in refused.stderr
    assert len(terminal.json("dlq", "purge", "--all", "--dry-run")["purged"]) == 2
    assert len(terminal.json("dlq", "list")["items"]) == 2
    assert len(terminal.json("dlq", "purge", "--all", "--yes")["purged"]) == 2


def test_a_page_without_items_means_none_only_where_the_listing_ends(tmp_path) -> None:
    shell = Shell({"COTIZA_DATA_DIR": str(tmp_path)}, as_json=False, clock=SystemClock())
    assert shell.nothing("such jobs", None) == "No such jobs."
    assert "there are older ones to look at" in shell.nothing("such jobs", "cursor")


def test_schedules_of_several_tenants_say_whose_they_are(terminal) -> None:
    async def add(*tenants: str) -> None:
        async with Queue(data_dir=terminal.data_dir, job_types=(FILE_ANALYSIS,)) as queue:
            for tenant in tenants:
                file = {"fileId": "f", "fileUrl": "s3://b/f", "fileName": "f", "fileType": "stl"}
                await queue.add_recurring(
                    FILE_ANALYSIS, file, "0 2 * * *", tenant=tenant, key="nightly"
                )

    asyncio.run(add("acme"))
    assert "acme" not in terminal.text("schedules")
    asyncio.run(add("globex"))
    shown = terminal.text("schedules")
    assert re.search(r"nightly +acme +file-analysis", shown)
    assert re.search(r"nightly +globex +file-analysis", shown)


@pytest.mark.parametrize("command", ["dev", "demo", "status"])
@pytest.mark.parametrize("place", ["/dev/null", "/dev/null/below", "/proc/nope", "taken"])
def test_an_unusable_data_directory_is_said_in_one_line(tmp_path, command, place) -> None:
    (tmp_path / "taken").touch()
    folder = str(tmp_path / place)
    result = CliRunner().invoke(cli, [command], obj={"COTIZA_DATA_DIR": folder})
    assert result.exit_code == 2, result.output
    said = [line for line in result.stderr.splitlines() if not line.startswith("rear_case")]
    assert len(said) == 2
    assert said[0].startswith("configuration: the data directory")
    assert folder in said[0]
    assert "COTIZA_DATA_DIR" in said[1]


def test_a_lock_that_cannot_be_written_is_said_in_one_line(tmp_path) -> None:
    (tmp_path / "dev.lock").mkdir()
    result = CliRunner().invoke(cli, ["dev"], obj={"COTIZA_DATA_DIR": str(tmp_path)})
    assert result.exit_code == 2
    assert result.stderr.startswith("configuration: the data directory can't be used")


@pytest.mark.skipif(not (ROOT / ".venv/.cotiza-lock").exists(), reason="not set up by ./run")
def test_run_helps_with_a_command_that_it_does_not_have() -> None:
    done = subprocess.run([ROOT / "run", "nope"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no command 'nope'" in done.stderr
    assert "./run demo" in done.stderr


def test_one_of_several_that_fails_is_reported_and_stops_no_other(terminal, filled) -> None:
    result = terminal.run("dlq", "replay", filled.completed, filled.dead, code=1)
    assert filled.dead in result.stdout
    assert "1 replayed" in result.stdout
    assert "not_retryable" in result.stderr


def test_a_paused_queue_says_so_until_it_is_resumed(terminal, filled) -> None:
    assert "is paused" in terminal.text("pause", "file-analysis")
    paused = {each["name"]: each["paused"] for each in terminal.json("status")["queues"]}
    assert paused["file-analysis"] is True
    assert paused["email-notification"] is False
    assert terminal.json("resume", "file-analysis") == {"type": "file-analysis", "paused": False}
    assert not any(each["paused"] for each in terminal.json("status")["queues"])


@pytest.mark.row("G1")
def test_a_tenants_pause_is_listed_with_its_end_and_its_reason(terminal, filled) -> None:
    pause = ("pause", "file-analysis", "--tenant", "acme", "--for", "1h30m", "--reason", "unpaid")
    assert "file-analysis of acme is paused: its jobs wait for 90 min" in terminal.text(*pause)
    listed = terminal.json("pauses")["items"]
    assert [(each["tenantId"], each["reason"]) for each in listed] == [("acme", "unpaid")]
    assert listed[0]["until"] > listed[0]["since"]
    assert "unpaid" in terminal.text("pauses")
    assert not any(each["paused"] for each in terminal.json("status")["queues"])
    assert terminal.json("resume", "file-analysis", "--tenant", "acme")["tenantId"] == "acme"
    assert terminal.text("pauses").strip() == "Nothing is paused."


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("pause", "file-analysis", "--for", "soon"), 2, "soon"),
        (("show", "nope"), 3, "job_not_found"),
        (("retry", "nope"), 3, "job_not_found"),
        (("dlq", "purge", "nope"), 3, "not_found"),
        (("pause", "nope"), 2, "unknown_job_type"),
        (("jobs", "--status", "stalled"), 2, "stalled"),
        (("jobs", "--cursor", "nonsense"), 2, "cursor"),
        (("dlq", "replay"), 2, "--all"),
        (("staus",), 2, "staus"),
        (("status", "-q", "redis://127.0.0.1:1"), 5, "queue_unavailable"),
        (("status", "-q", "http://127.0.0.1"), 2, "configuration"),
    ],
)
def test_each_kind_of_error_has_its_exit_code(terminal, arguments, code, word) -> None:
    result = terminal.run(*arguments, code=code)
    assert result.stdout == ""
    assert word in result.stderr


def test_an_error_is_one_json_object_for_a_program(terminal) -> None:
    result = terminal.run("show", "nope", "--json", code=3)
    assert result.stdout == ""
    assert json.loads(result.stderr)["error"]["code"] == "job_not_found"


def test_every_command_explains_itself(terminal) -> None:
    overview = terminal.text("--help")
    for name in re.findall(r"^  ([a-z]+)  ", overview, re.MULTILINE):
        assert terminal.text(name, "--help").startswith("Usage:")
    assert "needs" not in overview


def test_a_password_in_a_url_is_never_shown() -> None:
    assert redacted("rediss://user:secret@host:6380/0?x=secret") == "rediss://host:6380/0"
    assert redacted("unix:///tmp/a.sock") == "unix:///tmp/a.sock"


def test_why_says_what_stands_in_the_way(terminal, filled) -> None:
    why = terminal.json("why", filled.waiting)
    assert (why["jobId"], why["cause"]) == (filled.waiting, "no_worker")
    assert "No live worker runs jobs of type" in terminal.text("why", filled.waiting)
    assert terminal.json("why", filled.dead)["cause"] == "ended"
    terminal.run("why", "nothing", code=3)


@pytest.mark.row("F8")
def test_history_tells_every_change_of_a_job(terminal, filled) -> None:
    items = terminal.json("history", filled.dead)["items"]
    assert (items[0]["cause"], items[-1]["to"]) == ("enqueue", "failed")
    assert items[-1]["code"]
    assert "enqueue" in terminal.text("history", filled.dead)
    terminal.run("history", "nothing", code=3)
