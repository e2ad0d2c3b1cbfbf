"""Who loads what, seen from a running interpreter: the static contracts are in .importlinter."""

from __future__ import annotations

import subprocess
import sys

import cotiza_queue

HEAVY = (
    *("trimesh", "numpy", "scipy", "igl", "OCP", "networkx", "lxml", "PIL"),
    *("fpdf", "xlsxwriter", "aiosmtplib", "sqlalchemy", "aiobotocore"),
)


def _loaded_by(statement: str) -> list[str]:
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    modules = {name.partition(".")[0] for name in done.stdout.split()}
    return sorted(modules & set(HEAVY))


def test_the_front_door_offers_at_most_sixteen_names() -> None:
    assert sorted(cotiza_queue.__all__) == [
        "DeadLetter",
        "Job",
        "JobContext",
        "JobOptions",
        "JobType",
        "Limits",
        "NewJob",
        "Queue",
        "RetryPolicy",
        "Schedule",
        "Settings",
        "Status",
        "Worker",
        "WorkerOptions",
        "__version__",
        "errors",
    ]
    assert len(cotiza_queue.__all__) <= 16
    assert all(hasattr(cotiza_queue, name) for name in cotiza_queue.__all__)


def test_the_front_door_loads_nothing_heavy() -> None:
    assert _loaded_by("import cotiza_queue, cotiza_queue.jobtypes, cotiza_queue.wiring") == []


def test_the_api_process_loads_no_processor_library() -> None:
    assert _loaded_by("import cotiza_api.app") == []


def test_looking_at_the_queues_loads_nothing_heavy() -> None:
    assert _loaded_by("import cotiza_queue.cli.queues, cotiza_queue.cli.jobs") == []


def test_a_worker_that_sends_mail_does_not_load_the_geometry_libraries() -> None:
    loaded = _loaded_by("import cotiza_queue.cli.worker, cotiza_queue.processors.email")
    assert set(loaded) <= {"aiosmtplib"}
