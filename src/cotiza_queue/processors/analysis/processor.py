"""The processor of file-analysis: fetches the file, has it measured in a child process, keeps what
was found.

Light on purpose: nothing here, nor in what this imports, loads a geometry library into the worker.
Refuses nothing itself; what is wrong with a file comes out of the child as InvalidData.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import msgspec

from ...clock import Clock
from ...jobtypes.file_analysis import Artifacts, FileAnalysis, FileAnalysisResult, FileMetadata
from ...model.context import JobContext
from ...records.protocol import AnalysisRecord, Records
from ...storage.protocol import BlobStore, blob_key, url_of_key
from .child import measure_file
from .limits import MAX_FILE_BYTES
from .request import MeasureRequest

_KEY_NAME_LENGTH = 128
"""The longest last segment of a blob key (storage.protocol)."""


class FileSource(Protocol):
    """Brings the file that a URL names to this machine."""

    async def fetch(self, url: str, tenant: str, into: Path, max_bytes: int) -> None:
        """Write the file to ``into``.

        Raises InvalidData (not the tenant's, not found, too large) or RetryableError (not
        reachable).
        """
        ...


class AnalyseFile:
    """``async def (payload, context) -> FileAnalysisResult``. Safe to repeat: it overwrites its own
    traces.
    """

    def __init__(
        self,
        files: FileSource,
        blobs: BlobStore,
        records: Records,
        clock: Clock,
        memory_bytes: int,
    ) -> None:
        """``memory_bytes``: the address space of the child process."""
        self._files = files
        self._blobs = blobs
        self._records = records
        self._clock = clock
        self._memory_bytes = memory_bytes

    async def __call__(self, payload: FileAnalysis, context: JobContext) -> FileAnalysisResult:
        """Measure one file. The temporary copy is gone when this returns, raises or is cancelled.

        Raises InvalidData with a word of ``faults.Fault`` as its code for a file that can't be
        measured; MemoryLimitExceeded and ProcessDied as ``run_in_process`` does; and what the
        stores raise.
        """
        started = self._clock.monotonic()
        context.progress(0, "fetch", f"Fetching {payload.file_name}")
        with TemporaryDirectory(prefix="cotiza-analysis-", ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "part"
            await self._files.fetch(payload.file_url, context.tenant, path, MAX_FILE_BYTES)
            request = MeasureRequest(
                path=str(path),
                file_name=payload.file_name,
                file_type=payload.file_type,
                options=payload.analysis_options,
            )
            measured = await context.run_in_process(
                measure_file, request, memory_bytes=self._memory_bytes
            )
        context.progress(88, "store", "Storing the thumbnail")
        key = blob_key(context.tenant, "thumbnails", _thumbnail_name(payload.file_id))
        await self._blobs.put(
            key, measured.thumbnail, name="thumbnail.png", content_type="image/png"
        )
        result = FileAnalysisResult(
            file_id=payload.file_id,
            geometry=measured.geometry,
            dfm_analysis=measured.dfm_analysis,
            features=measured.features,
            artifacts=Artifacts(thumbnail_url=url_of_key(key)),
            metadata=FileMetadata(
                file_format=measured.file_format,
                file_size=measured.file_size,
                processing_time=round((self._clock.monotonic() - started) * 1000),
                sha256=measured.sha256,
            ),
        )
        context.progress(95, "save", "Saving the result")
        await self._records.save_analysis(
            AnalysisRecord(
                tenant=context.tenant,
                file_id=payload.file_id,
                file_name=payload.file_name,
                sha256=measured.sha256,
                process=payload.analysis_options.process_type,
                result=msgspec.json.encode(result),
                job_id=context.job_id,
                token=context.token,
                saved_ms=self._clock.now_ms(),
            )
        )
        context.progress(100, "done", "The analysis is complete")
        return result


def _thumbnail_name(file_id: str) -> str:
    """The file's id where it fits into a blob key, else its digest."""
    name = f"{file_id}.png"
    return (
        name
        if len(name) <= _KEY_NAME_LENGTH
        else f"{hashlib.sha256(file_id.encode()).hexdigest()}.png"
    )
