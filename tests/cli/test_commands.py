"""``cotiza-queue``, as a person and as a program use it."""

from __future__ import annotations

import json
import re

import pytest

from cotiza_queue.cli.shell import redacted

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


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
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
