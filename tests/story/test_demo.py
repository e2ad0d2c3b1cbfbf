"""``./run demo``: a CAD file becomes an analysed, priced, printed and mailed quote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from email import message_from_bytes
from email.policy import default as email_policy
from pathlib import Path

from cotiza_queue.cli.demo import SAMPLE

PATIENCE_SECONDS = 170


def _cotiza(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = ("PATH", "HOME", "TMPDIR", "LANG")
    environ = {name: os.environ[name] for name in kept if name in os.environ}
    return subprocess.run(
        [sys.executable, "-P", "-m", "cotiza_queue.cli.admin", *arguments],
        env=environ | {"COTIZA_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_the_sample_part_becomes_a_quote_in_the_mail(tmp_path: Path) -> None:
    done = _cotiza(tmp_path, "demo", "--json", "--quantity", "4")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)

    geometry = told["analysis"]["geometry"]
    assert abs(geometry["volume"] - 38.2299) < 0.004
    assert (geometry["triangleCount"], geometry["watertight"]) == (18_808, True)
    assert told["analysis"]["dfmAnalysis"]["manufacturable"] is True
    item = told["quote"]["items"][0]
    assert item["quantity"] == 4
    assert float(told["quote"]["summary"]["total"]) > float(item["unitPrice"]) > 0
    assert told["quote"]["summary"]["leadTime"] > 0

    pdf = Path(told["report"]["path"]).read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert Path(told["picture"]).read_bytes().startswith(b"\x89PNG")
    mail = message_from_bytes(Path(told["email"]["path"]).read_bytes(), policy=email_policy)
    attached = [part for part in mail.walk() if part.get_filename()]
    assert [part.get_filename() for part in attached] == [told["report"]["fileName"]]
    assert attached[0].get_payload(decode=True) == pdf

    listed = json.loads(_cotiza(tmp_path, "jobs", "--json").stdout)["items"]
    assert {job["type"]: job["status"] for job in listed} == dict.fromkeys(
        told["jobs"], "completed"
    )


def test_a_truncated_file_is_a_clear_permanent_error_and_a_dead_letter(tmp_path: Path) -> None:
    broken = tmp_path / "broken.stl"
    broken.write_bytes(SAMPLE.read_bytes()[:100_000])
    data_dir = tmp_path / "data"

    done = _cotiza(data_dir, "demo", str(broken))
    assert done.returncode == 1
    assert done.stdout == ""
    assert "the file ends after" in done.stderr
    assert "file-analysis failed for good" in done.stderr
    job_id = done.stderr.partition("dlq show ")[2].split()[0]

    letter = json.loads(_cotiza(data_dir, "dlq", "show", job_id, "--json").stdout)
    assert letter["type"] == "file-analysis"
    assert len(letter["failures"]) == 1
    status = json.loads(_cotiza(data_dir, "status", "--json").stdout)
    assert {queue["name"]: queue["deadLetters"] for queue in status["queues"]} == {
        "email-notification": 0,
        "file-analysis": 1,
        "quote-calculation": 0,
        "report-generation": 0,
    }
    assert status["workers"] == []


def test_a_failure_is_one_json_object_too(tmp_path: Path) -> None:
    empty = tmp_path / "empty.stl"
    empty.write_bytes(b"")
    done = _cotiza(tmp_path / "data", "demo", str(empty), "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert told["error"]["code"]


def test_a_paused_queue_is_named_instead_of_waited_for(tmp_path: Path) -> None:
    assert _cotiza(tmp_path, "pause", "report-generation").returncode == 0
    done = _cotiza(tmp_path, "demo")
    assert done.returncode == 1
    assert "queue_paused: report-generation is paused" in done.stderr
    assert "resume report-generation" in done.stderr
