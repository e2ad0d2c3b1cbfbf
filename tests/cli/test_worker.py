"""``cotiza-worker``: what it is told to run, and how several processes are looked after."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cotiza_queue import Queue
from cotiza_queue.cli.worker import MAX_CONCURRENCY, _arguments, plan
from cotiza_queue.errors import InvalidInput, UnknownJobType
from cotiza_queue.wiring import CONCURRENCY

PATIENCE_SECONDS = 60
WORKER = [sys.executable, "-P", "-m", "cotiza_queue.cli.worker", "quote-calculation"]


def test_without_a_word_it_runs_all_types_with_their_usual_concurrency() -> None:
    assert plan((), ()).slots == CONCURRENCY


def test_a_pair_for_a_type_beats_a_plain_number() -> None:
    chosen = plan(("file-analysis", "email-notification"), ("email-notification=7", "3"))
    assert chosen.slots == {"file-analysis": 3, "email-notification": 7}
    assert str(chosen) == "file-analysis ×3, email-notification ×7"


@pytest.mark.parametrize("text", ["1", str(MAX_CONCURRENCY), "file-analysis=1000"])
def test_concurrency_is_accepted_up_to_its_limits(text: str) -> None:
    assert plan(("file-analysis",), (text,))


@pytest.mark.parametrize(
    "text", ["0", str(MAX_CONCURRENCY + 1), "-1", "many", "file-analysis=", ""]
)
def test_what_is_no_concurrency_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        plan((), (text,))


@pytest.mark.row("C16")
def test_units_and_weights_come_with_the_command_and_reach_every_process() -> None:
    chosen = plan(("file-analysis", "email-notification"), (), 8, ("file-analysis=4",))
    assert (chosen.units, chosen.weights) == (8, {"file-analysis": 4})
    words = " ".join(_arguments(chosen))
    assert words.endswith("--units 8 --weight file-analysis=4")
    for text in ("4", "file-analysis=", "report-generation=2"):
        with pytest.raises(InvalidInput):
            plan(("file-analysis",), (), 8, (text,))


def test_unknown_types_and_types_that_are_not_run_are_refused() -> None:
    with pytest.raises(UnknownJobType):
        plan(("tea",), ())
    with pytest.raises(UnknownJobType):
        plan((), ("tea=1",))
    with pytest.raises(InvalidInput, match="doesn't run"):
        plan(("file-analysis",), ("email-notification=1",))


class Site:
    """A data directory whose server stays up, and worker commands started on it."""

    def __init__(self, data_dir: Path, runner: asyncio.Runner, queue: Queue) -> None:
        self._runner = runner
        self._queue = queue
        self._environ = {"PATH": os.environ["PATH"], "COTIZA_DATA_DIR": str(data_dir)}
        self.cwd: Path | None = None
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*WORKER, *arguments],
            env=self._environ,
            cwd=self.cwd,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def pids(self) -> set[int]:
        """The worker processes that the queue knows of."""
        return {int(each["pid"]) for each in self._runner.run(self._queue.workers())}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with asyncio.Runner() as runner:
        queue = Queue(data_dir=tmp_path)
        runner.run(queue.open())
        made = Site(tmp_path, runner, queue)
        try:
            yield made
        finally:
            for process in made.started:
                process.kill()
                process.wait()
            runner.run(queue.close())


def _until(fact: Callable[[], bool]) -> None:
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


def test_one_process_says_what_it_runs_where_and_leaves_when_asked(site: Site) -> None:
    worker = site.start("-c", "3")
    _until(lambda: site.pids() == {worker.pid})
    worker.send_signal(signal.SIGTERM)
    _, said = worker.communicate(timeout=PATIENCE_SECONDS)
    assert worker.returncode == 0
    first = said.splitlines()[0]
    assert first.startswith("cotiza-worker: quote-calculation ×3 · Redis: embedded server in /")
    assert site.pids() == set()


def test_a_process_that_dies_is_replaced_and_all_leave_together(site: Site) -> None:
    keeper = site.start("--processes", "2")
    _until(lambda: len(site.pids()) == 2)
    first, second = site.pids()
    os.kill(first, signal.SIGKILL)
    _until(lambda: second in site.pids() and len(site.pids() - {first, second}) == 1)
    everyone = site.pids() - {first}
    keeper.send_signal(signal.SIGINT)
    _, said = keeper.communicate(timeout=PATIENCE_SECONDS)
    assert keeper.returncode == 0
    assert "ended with signal 9; again in 1 s" in said
    assert not any(_alive(pid) for pid in everyone)


def test_workers_do_not_outlive_the_one_that_looks_after_them(site: Site) -> None:
    keeper = site.start("--processes", "2")
    _until(lambda: len(site.pids()) == 2)
    workers = site.pids()
    keeper.kill()
    _until(lambda: not any(_alive(pid) for pid in workers))


def test_workers_import_nothing_from_the_directory_they_are_started_in(
    site: Site, tmp_path: Path
) -> None:
    site.cwd = tmp_path / "hostile"
    site.cwd.mkdir()
    for name in ("redis", "email", "click", "cotiza_queue"):
        (site.cwd / f"{name}.py").write_text("open('run', 'w'); raise SystemExit('hostile')\n")
    keeper = site.start("--processes", "1")
    two = site.start("--processes", "2")
    _until(lambda: len(site.pids()) == 3)
    for process in (keeper, two):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_SECONDS)
    assert not (site.cwd / "run").exists()


def test_a_wrong_setting_is_said_once_and_not_tried_again(site: Site) -> None:
    site._environ["COTIZA_LEASE_MS"] = "soon"
    worker = site.start("--processes", "2")
    _, said = worker.communicate(timeout=PATIENCE_SECONDS)
    assert worker.returncode == 2
    assert "COTIZA_LEASE_MS" in said
