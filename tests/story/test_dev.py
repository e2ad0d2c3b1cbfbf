"""``./run dev``: a world to try things out in, complete once it says so, and gone when it is."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cotiza_queue import Queue
from cotiza_queue.cli.sink import find_mail

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 90
COMMAND = [sys.executable, "-P", "-m", "cotiza_queue.cli.admin", "dev"]


class Dev:
    """A running ``cotiza-queue dev`` in a data directory of its own."""

    def __init__(self, data_dir: Path, *arguments: str, cwd: Path | None = None) -> None:
        self.data_dir = data_dir
        self.note = data_dir / "dev.json"
        kept = ("PATH", "HOME", "TMPDIR", "LANG")
        environ = {name: os.environ[name] for name in kept if name in os.environ}
        self.process = subprocess.Popen(
            [*COMMAND, "--port", "0", *arguments],
            env=environ | {"COTIZA_DATA_DIR": str(data_dir)},
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def place(self) -> dict[str, Any]:
        """What dev.json says, once it is there."""
        _until(lambda: self.note.exists() or self.process.poll() is not None)
        if self.process.poll() is not None:
            pytest.fail(f"dev ended by itself:\n{self.process.communicate()[0]}")
        place: dict[str, Any] = json.loads(self.note.read_text())
        return place

    def end(self, number: signal.Signals = signal.SIGINT) -> str:
        """Send a signal, wait for the end. Returns all it said."""
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=PATIENCE_SECONDS)
        return said


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of modules that nobody means to run."""
    folder = tmp_path_factory.mktemp("hostile")
    for name in ("redis", "email", "uvicorn", "cotiza_queue", "cotiza_api"):
        (folder / f"{name}.py").write_text("open('run', 'w'); raise SystemExit('hostile')\n")
    return folder


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory, hostile: Path) -> Iterator[Dev]:
    made = Dev(tmp_path_factory.mktemp("dev"), cwd=hostile)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.communicate()


@pytest.fixture(scope="module")
def place(dev: Dev) -> dict[str, Any]:
    return dev.place()


def _call(place: dict[str, Any], who: str) -> httpx2.Client:
    token = place["tokens"][who]
    return httpx2.Client(
        base_url=place["apiUrl"] + "/api/v1",
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=30,
    )


def _until(fact: Callable[[], object]) -> None:
    """Look until it is so."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not fact():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _workers(redis_url: str) -> list[int]:
    async def ask() -> list[int]:
        async with Queue(redis_url) as queue:
            return [int(worker["pid"]) for worker in await queue.workers()]

    return asyncio.run(ask())


def test_dev_json_says_where_everything_is_once_all_is_ready(dev, place) -> None:
    assert set(place) == {"apiUrl", "redisUrl", "dataDir", "mailDir", "tokens"}
    assert set(place["tokens"]) == {"admin", "manager", "customer", "otherTenant"}
    assert stat.S_IMODE(dev.note.stat().st_mode) == 0o600
    assert httpx2.get(place["apiUrl"] + "/readyz", trust_env=False).status_code == 200
    assert place["dataDir"] == str(dev.data_dir)
    assert Path(place["mailDir"]).is_dir()
    assert place["redisUrl"].startswith("unix:///")
    assert len(_workers(place["redisUrl"])) == 1


def test_its_tokens_may_do_what_their_roles_say(place) -> None:
    mail = {
        "type": "email-notification",
        "data": {
            "type": "quote-expired",
            "recipientEmail": "customer@example.com",
            "templateData": {"quoteNumber": "Q-7"},
        },
    }
    with _call(place, "customer") as customer, _call(place, "manager") as manager:
        assert customer.post("/jobs", json=mail).status_code == 403
        made = manager.post("/jobs", json=mail)
        assert made.status_code == 201
        path = f"/jobs/{made.json()['jobId']}"
        done = customer.get(path, params={"wait": 20}).json()
        assert done["status"] == "completed"
    with _call(place, "otherTenant") as stranger, _call(place, "admin") as admin:
        assert stranger.get(path).status_code == 404
        assert admin.get("/dead-letters").status_code == 200
    assert find_mail(Path(place["mailDir"]), done["result"]["messageId"]) is not None


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_the_curl_examples_of_the_readme_work(place, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", readme, flags=re.DOTALL | re.MULTILINE)
    script = next(block for block in blocks if "curl" in block)
    (tmp_path / "src").symlink_to(ROOT / "src")
    (tmp_path / ".cotiza").symlink_to(place["dataDir"])
    script = script.replace("http://127.0.0.1:8000", place["apiUrl"])
    done = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[0]["fileName"] == "rear_case.stl"
    assert answers[-1]["status"] == "healthy"


def test_its_processes_import_nothing_from_the_directory_they_are_started_in(
    place, hostile
) -> None:
    assert not (hostile / "run").exists()
    assert httpx2.get(place["apiUrl"] + "/healthz", trust_env=False).status_code == 200
    assert len(_workers(place["redisUrl"])) == 1


def test_a_second_one_in_the_same_directory_is_refused_and_touches_nothing(dev, place) -> None:
    logs = sorted((dev.data_dir / "logs").iterdir())
    before = [(path.name, path.stat().st_ino) for path in logs], dev.note.read_bytes()
    second = Dev(dev.data_dir)
    said, _ = second.process.communicate(timeout=PATIENCE_SECONDS)
    assert second.process.returncode == 4, said
    assert said.startswith("already_running: ")
    flat = " ".join(said.split())
    assert f"(process {dev.process.pid}, {place['apiUrl']})" in flat
    assert f"kill {dev.process.pid}" in flat
    assert "--data-dir" in flat
    logs = sorted((dev.data_dir / "logs").iterdir())
    assert before == ([(path.name, path.stat().st_ino) for path in logs], dev.note.read_bytes())
    assert httpx2.get(place["apiUrl"] + "/readyz", trust_env=False).status_code == 200


def test_on_ctrl_c_it_drains_says_where_the_data_is_and_leaves_nothing(dev, place) -> None:
    worker = _workers(place["redisUrl"])[0]
    said = dev.end(signal.SIGINT)
    assert dev.process.returncode == 0
    assert f"All stopped. The data is in {dev.data_dir}" in said
    assert f"API    {place['apiUrl']}/api/v1" in said
    assert not dev.note.exists()
    _everything_is_gone(place, worker)


def test_killed_outright_it_leaves_no_process_port_or_socket(tmp_path: Path) -> None:
    dev = Dev(tmp_path, "--json", "--quiet")
    place = dev.place()
    worker = _workers(place["redisUrl"])[0]
    said = dev.end(signal.SIGKILL)
    assert json.loads(said) == place
    _everything_is_gone(place, worker)


def _everything_is_gone(place: dict[str, Any], worker: int) -> None:
    port = int(place["apiUrl"].rpartition(":")[2])
    _until(lambda: not _alive(worker))
    _until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) != 0)
    _until(lambda: not Path(place["redisUrl"].removeprefix("unix://")).exists())
