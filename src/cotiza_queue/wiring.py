"""The composition root: builds queue, store and worker from Settings. The only module that sees all
the others.

It imports a processor only when a worker for its job type is built, so that a worker that sends
mail never loads the geometry libraries, and the API process loads no processor at all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from . import jobtypes
from .clock import Clock, SystemClock
from .engine.queue import Queue
from .engine.worker import Worker, WorkerOptions
from .errors import ConfigurationError
from .model.context import Processor
from .model.job import JobType
from .records import Records
from .settings import Settings
from .storage import SCHEME, BlobStore
from .telemetry import LogTelemetry

if TYPE_CHECKING:
    from .storage.s3 import S3Store

CONCURRENCY: Mapping[str, int] = {
    "file-analysis": 2,
    "quote-calculation": 8,
    "email-notification": 10,
    "report-generation": 2,
}
"""Jobs at once in one worker process where the operator says nothing: CPU-bound types get two,
waiting ones more.
"""


def open_queue(settings: Settings, blobs: BlobStore | None = None) -> Queue:
    """The queue of a deployment, not yet opened; with the store of files, large payloads lie there.
    Raises ConfigurationError in production without REDIS_URL.
    """
    return Queue(
        _redis_url(settings), data_dir=settings.data_dir, job_types=jobtypes.ALL, blobs=blobs
    )


def open_store(settings: Settings) -> BlobStore:
    """S3 if a bucket is set, else the folder ``data_dir/files``."""
    if settings.s3_bucket:
        from .storage.s3 import S3Store

        return S3Store(settings)
    from .storage.local import LocalStore

    return LocalStore(settings.data_dir / "files")


_CHILDREN = 4
"""Child processes of one worker: one for every slot of the types that compute."""


@asynccontextmanager
async def worker(
    settings: Settings,
    types: Iterable[str] = (),
    concurrency: Mapping[str, int] | int | None = None,
    *,
    units: int | None = None,
    weights: Mapping[str, int] | None = None,
) -> AsyncIterator[Worker]:
    """A worker for some of our job types (none named: all), with everything that its processors
    need. ``units`` and ``weights``: see ``WorkerOptions``.

    Raises ConfigurationError for an unknown type.
    """
    known = {job_type.name: job_type for job_type in jobtypes.ALL}
    wanted = tuple(types) or tuple(known)
    for name in wanted:
        if name not in known:
            raise ConfigurationError(
                f"{name!r} is not a job type", remedy=f"Choose from {', '.join(known)}."
            )
    async with AsyncExitStack() as stack:
        blobs = open_store(settings)
        stack.push_async_callback(blobs.close)
        records = await _open_records(settings)
        stack.push_async_callback(records.close)
        processors: dict[JobType[Any] | str, Processor] = {
            known[name]: _processor(name, settings, blobs, records) for name in wanted
        }
        yield Worker(
            processors,
            _redis_url(settings),
            data_dir=settings.data_dir,
            options=WorkerOptions(
                concurrency=_concurrency(concurrency),
                units=units,
                weights=weights or {},
                lease_ms=settings.lease_ms,
                drain_ms=settings.drain_ms,
                allow_eviction=settings.allow_eviction,
                processes=_CHILDREN,
            ),
            blobs=blobs,
            telemetry=LogTelemetry(),
        )


def _processor(name: str, settings: Settings, blobs: BlobStore, records: Records) -> Processor:
    clock = SystemClock()
    match name:
        case jobtypes.FILE_ANALYSIS.name:
            return _analysis(settings, blobs, records, clock)
        case jobtypes.QUOTE_CALCULATION.name:
            from .processors.pricing import CalculateQuote

            return CalculateQuote(records, clock)
        case jobtypes.EMAIL_NOTIFICATION.name:
            from .processors.email import SendEmail

            return SendEmail(settings, blobs, clock)
        case _:
            from .processors.reports import GenerateReport

            return GenerateReport(records, blobs, clock)


def _analysis(settings: Settings, blobs: BlobStore, records: Records, clock: Clock) -> Processor:
    from .storage.fetch import Fetcher

    bucket = cast("S3Store", blobs) if settings.s3_bucket else None
    fetcher = Fetcher(blobs, s3_bucket=settings.s3_bucket, s3=bucket)
    if settings.worker_service_url:
        from .processors.analysis.remote import DelegateAnalysis

        place = f"s3://{settings.s3_bucket}/" if settings.s3_bucket else SCHEME
        return DelegateAnalysis(
            settings.worker_service_url,
            fetcher,
            records,
            clock,
            address=lambda url: url.replace(SCHEME, place, 1),
        )
    from .processors.analysis import AnalyseFile

    return AnalyseFile(fetcher, blobs, records, clock, settings.analysis_memory_bytes)


async def _open_records(settings: Settings) -> Records:
    from .records.sql import SqlRecords

    return await SqlRecords.open(settings.database_url, settings.data_dir)


def _concurrency(asked: Mapping[str, int] | int | None) -> Mapping[str, int] | int:
    if isinstance(asked, int):
        return asked
    return {**CONCURRENCY, **(asked or {})}


def _redis_url(settings: Settings) -> str | None:
    if settings.environment == "production" and not settings.redis_url:
        raise ConfigurationError(
            "COTIZA_ENV is production but REDIS_URL is not set",
            remedy="Set REDIS_URL; the embedded server is for development and tests.",
        )
    return settings.redis_url
