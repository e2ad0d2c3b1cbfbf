"""The processor with everything real: a child process, a blob store on disk, records in SQLite."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import part_shapes as shapes
import pytest

from cotiza_queue.clock import SystemClock
from cotiza_queue.engine.sandbox import Sandbox
from cotiza_queue.errors import InvalidData, MemoryLimitExceeded
from cotiza_queue.jobtypes.file_analysis import AnalysisOptions, FileAnalysis, FileAnalysisResult
from cotiza_queue.processors.analysis import AnalyseFile
from cotiza_queue.records.protocol import AnalysisRecord
from cotiza_queue.storage.local import LocalStore

R = TypeVar("R")
GIB = 1024**3


class Folder:
    """A FileSource over a folder; keeps where it put what it fetched."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.put: list[Path] = []

    async def fetch(self, url: str, tenant: str, into: Path, max_bytes: int) -> None:
        self.put.append(into)
        shutil.copyfile(self.root / url.rsplit("/", 1)[1], into)


class Shelf:
    """The one verb of Records that the processor uses."""

    def __init__(self) -> None:
        self.saved: list[AnalysisRecord] = []

    async def save_analysis(self, record: AnalysisRecord) -> bool:
        self.saved.append(record)
        return True


class Context:
    """A JobContext over the worker's own sandbox."""

    job_id = "job-1"
    job_type = "file-analysis"
    tenant = "tenant-a"
    attempt = 1
    max_attempts = 3
    token = 7
    created_ms = 0

    def __init__(self, sandbox: Sandbox) -> None:
        self.steps: list[tuple[float, str]] = []
        self._sandbox = sandbox

    def progress(self, percentage: float, step: str, message: str = "", **_: Any) -> None:
        self.steps.append((percentage, step))

    async def run_in_process(
        self, function: Callable[..., R], *args: Any, memory_bytes: int | None = None
    ) -> R:
        result: R = await self._sandbox.run(
            function, args, report=self.progress, memory_bytes=memory_bytes
        )
        return result


@pytest.fixture
async def context() -> AsyncIterator[Context]:
    sandbox = Sandbox(1)
    yield Context(sandbox)
    await sandbox.close()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of this test alone."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def payload(name: str, **options: Any) -> FileAnalysis:
    return FileAnalysis(
        file_id="file-1",
        file_url=f"file-store://tenant-a/files/{name}",
        file_name=name,
        file_type=name.rsplit(".", 1)[1].lower(),  # type: ignore[arg-type]
        analysis_options=AnalysisOptions(**options),
    )


def processor(
    root: Path, blobs: LocalStore, shelf: Shelf, memory_bytes: int = 4 * GIB
) -> tuple[AnalyseFile, Folder]:
    folder = Folder(root)
    records: Any = shelf
    return AnalyseFile(folder, blobs, records, SystemClock(), memory_bytes), folder


async def test_a_file_becomes_a_result_a_thumbnail_and_a_record(
    cad: Path, tmp_path: Path, temporary: Path, context: Context
) -> None:
    blobs, shelf = LocalStore(tmp_path / "blobs"), Shelf()
    analyse, folder = processor(cad, blobs, shelf)
    result = await analyse(payload("tm_featuretype.STEP", process_type="cnc"), context)
    assert result.file_id == "file-1"
    assert result.geometry is not None
    assert result.geometry.volume == pytest.approx(190.531995, rel=1e-6)
    assert result.metadata.file_format == "step"
    assert result.metadata.file_size == (cad / "tm_featuretype.STEP").stat().st_size
    assert result.artifacts.thumbnail_url == "file-store://tenant-a/thumbnails/file-1.png"
    info = await blobs.info("tenant-a/thumbnails/file-1.png")
    assert info.content_type == "image/png"
    assert info.size > 10_000
    [record] = shelf.saved
    assert msgspec.json.decode(record.result, type=FileAnalysisResult) == result
    assert (record.tenant, record.file_id, record.token) == ("tenant-a", "file-1", 7)
    assert (record.process, record.sha256) == ("cnc", result.metadata.sha256)
    percentages = [percentage for percentage, _ in context.steps]
    assert percentages == sorted(percentages)
    assert percentages[-1] == 100
    steps = [step for _, step in context.steps]
    assert steps[:3] == ["fetch", "recognise", "read"]
    assert steps[-4:] == ["picture", "store", "save", "done"]
    assert folder.put
    assert not list(temporary.iterdir())


async def test_two_runs_differ_in_nothing_but_their_time(
    cad: Path, tmp_path: Path, temporary: Path, context: Context
) -> None:
    analyse, _ = processor(cad, LocalStore(tmp_path / "blobs"), Shelf())
    runs = [await analyse(payload("mf_torus.3mf"), context) for _ in range(2)]
    timeless = [
        msgspec.structs.replace(
            run, metadata=msgspec.structs.replace(run.metadata, processing_time=0)
        )
        for run in runs
    ]
    assert msgspec.json.encode(timeless[0]) == msgspec.json.encode(timeless[1])


async def test_a_bad_file_is_a_permanent_error_and_the_next_one_is_served(
    cad: Path, tmp_path: Path, temporary: Path, context: Context
) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "part.stl").write_bytes((cad / "ns_rear_case.stl").read_bytes()[:100_000])
    blobs, shelf = LocalStore(tmp_path / "blobs"), Shelf()
    analyse, _ = processor(bad, blobs, shelf)
    with pytest.raises(InvalidData) as caught:
        await analyse(payload("part.stl"), context)
    assert caught.value.code == "TRUNCATED"
    assert "18,808 facets" in caught.value.message
    assert caught.value.remedy
    assert not shelf.saved
    assert not list(temporary.iterdir())
    analyse, _ = processor(cad, blobs, shelf)
    assert (await analyse(payload("mf_box.3mf"), context)).geometry is not None


async def test_a_cancelled_analysis_leaves_no_file(
    cad: Path, tmp_path: Path, temporary: Path, context: Context
) -> None:
    analyse, folder = processor(cad, LocalStore(tmp_path / "blobs"), Shelf())
    running = asyncio.ensure_future(analyse(payload("tm_featuretype.STEP"), context))
    while "read" not in [step for _, step in context.steps]:
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert folder.put
    assert not list(temporary.iterdir())


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS keeps no RLIMIT_AS")
async def test_a_zip_bomb_stays_within_the_memory_of_an_ordinary_file(
    tmp_path: Path, temporary: Path, context: Context
) -> None:
    bomb = shapes.model_xml(["<mesh/>"], []).replace(
        "<resources>", " " * 300_000_000 + "<resources>"
    )
    (tmp_path / "bomb.3mf").write_bytes(shapes.three_mf(bomb))
    del bomb
    assert (tmp_path / "bomb.3mf").stat().st_size < 400_000
    analyse, _ = processor(tmp_path, LocalStore(tmp_path / "blobs"), Shelf(), memory_bytes=GIB)
    with pytest.raises(InvalidData) as caught:
        await analyse(payload("bomb.3mf"), context)
    assert caught.value.code == "LIMIT_EXCEEDED"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS keeps no RLIMIT_AS")
async def test_a_part_that_needs_more_memory_than_allowed_says_so(
    tmp_path: Path, temporary: Path, context: Context
) -> None:
    (tmp_path / "ball.stl").write_bytes(shapes.binary_stl(shapes.ball(20, rings=250)))
    analyse, _ = processor(tmp_path, LocalStore(tmp_path / "b"), Shelf(), memory_bytes=GIB // 2)
    with pytest.raises(MemoryLimitExceeded):
        await analyse(payload("ball.stl"), context)


async def test_a_long_file_id_still_has_a_thumbnail(
    cad: Path, tmp_path: Path, temporary: Path, context: Context
) -> None:
    blobs = LocalStore(tmp_path / "blobs")
    analyse, _ = processor(cad, blobs, Shelf())
    for file_id in ("x" * 128, "x" * 124):
        wanted = msgspec.structs.replace(payload("tm_cube.OBJ"), file_id=file_id)
        url = (await analyse(wanted, context)).artifacts.thumbnail_url
        assert url is not None
        assert (await blobs.info(url.removeprefix("file-store://"))).content_type == "image/png"


def test_the_worker_loads_no_geometry_library() -> None:
    heavy = ("numpy", "scipy", "igl", "OCP", "trimesh", "PIL", "lxml")
    code = (
        "import sys\nfrom cotiza_queue.processors.analysis import AnalyseFile, child\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert output.stdout.strip() == "[]"


def test_a_mesh_is_measured_without_the_cad_kernel(cad: Path) -> None:
    code = (
        "import sys\n"
        "from cotiza_queue.jobtypes.file_analysis import AnalysisOptions\n"
        "from cotiza_queue.processors.analysis.child import measure_file\n"
        "from cotiza_queue.processors.analysis.request import MeasureRequest\n"
        f"request = MeasureRequest(path={str(cad / 'mf_box.3mf')!r}, file_name='box.3mf',"
        " file_type='3mf', options=AnalysisOptions())\n"
        "measure_file(lambda *_: None, request)\n"
        "print('OCP' in sys.modules, 'trimesh' in sys.modules)"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert output.stdout.strip() == "False False"
