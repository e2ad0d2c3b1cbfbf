"""cotiza-queue: an asyncio job queue on Redis Streams.

``Queue`` enqueues jobs and asks about them, ``Worker`` runs them. The four jobs of Cotiza Studio
are in ``cotiza_queue.jobtypes``; the engine knows nothing of them.
"""

from __future__ import annotations

from . import errors
from .engine.queue import Queue
from .engine.worker import Worker, WorkerOptions
from .model.context import JobContext
from .model.job import DeadLetter, Job, JobType, NewJob, Schedule
from .model.policy import JobOptions, Limits, RetryPolicy
from .model.status import Status
from .settings import Settings

__version__ = "0.1.0"

__all__ = [
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
