"""A processor alone: no server, no worker, no queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec

from ..engine.intake import validated
from ..model.context import JobContext
from ..model.job import JobType, PayloadT, Progress, ResultT
from ..store import codec

R = TypeVar("R")


class FakeContext:
    """What a processor sees of its job, as the test wants it. ``reports``: its progress so far."""

    def __init__(
        self,
        *,
        job_id: str = "test-job",
        job_type: str = "test",
        tenant: str = "default",
        attempt: int = 1,
        max_attempts: int = 3,
        token: int = 1,
        created_ms: int = 0,
        snoozed: int = 0,
        deadline_left_ms: int | None = None,
        saved: dict[str, Any] | None = None,
    ) -> None:
        self.job_id = job_id
        self.job_type = job_type
        self.tenant = tenant
        self.attempt = attempt
        self.max_attempts = max_attempts
        self.token = token
        self.created_ms = created_ms
        self.snoozed = snoozed
        self.deadline_left_ms = deadline_left_ms
        self.saved = {} if saved is None else saved
        """What steps and cursors have saved, by name; hand it to the next attempt."""
        self.reports: list[Progress] = []

    @property
    def steps(self) -> list[str]:
        """The words of the steps reported, in order."""
        return [report.step for report in self.reports]

    def progress(self, percentage: float, step: str, message: str = "", **metadata: Any) -> None:
        self.reports.append(
            Progress(percentage=percentage, step=step, message=message, metadata=metadata or None)
        )

    async def step(self, name: str, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        if name not in self.saved:
            await self.save_cursor(name, await function(*args))
        return self.saved[name]

    async def cursor(self, name: str, default: Any = None) -> Any:
        return self.saved.get(name, default)

    async def save_cursor(
        self,
        name: str,
        value: Any,
        every: int = 1,  # noqa: ARG002 - nothing dies here
    ) -> None:
        self.saved[name] = codec.decode_json(codec.encode_result(value))

    async def run_in_process(
        self,
        function: Callable[..., R],
        *args: Any,
        memory_bytes: int | None = None,  # noqa: ARG002 - a thread has no cap
    ) -> R:
        """Runs in a thread of this process: a debugger can follow it, a cap can't be kept."""
        return await asyncio.to_thread(function, self.progress, *args)


async def run_job(
    processor: Callable[[PayloadT, JobContext], Awaitable[ResultT]],
    payload: PayloadT | Mapping[str, Any],
    *,
    job_type: JobType[PayloadT, Any] | None = None,
    context: FakeContext | None = None,
) -> ResultT:
    """What the processor returns for a payload; what it raises is raised.

    With ``job_type`` the payload goes the way of a real one: checked (InvalidInput), through JSON,
    into the type's struct. Without, it is handed over as it is. Raises TypeError for a result that
    has no form in JSON.
    """
    given: Any = payload
    if job_type is not None:
        encoded = codec.encode_payload(validated(payload, job_type))
        given = msgspec.json.decode(encoded, type=job_type.payload)
    seen = context or FakeContext(job_type=job_type.name if job_type else "test")
    result = await processor(given, seen)
    codec.encode_result(result)
    return result
