"""Types from end to end, at run time: payload structs in, result structs out."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from cotiza_queue import JobType, NewJob, Queue, Worker, WorkerOptions, jobtypes
from cotiza_queue.errors import ConfigurationError, CotizaError, JobFailed, PermanentError
from cotiza_queue.testing import drain
from cotiza_queue.testing import queue as local_queue


class Greeting(msgspec.Struct):
    """A payload."""

    name: str


class Card(msgspec.Struct):
    """A result."""

    text: str
    lines: int = 1


GREET = JobType("greet", Greeting, result=Card)


async def greet(payload: Greeting, context: Any) -> Card:
    return Card(f"hello {payload.name}")


async def wrong(payload: Greeting, context: Any) -> Any:
    return {"message": "hello"}


@pytest.mark.row("H1")
async def test_a_handle_brings_the_result_as_the_struct_of_its_type() -> None:
    async with local_queue({GREET: greet}) as local:
        job = await local.enqueue(GREET, Greeting("ana"))
        await drain(local)
        assert await local.result(job) == Card("hello ana")
        assert await local.result(job.job_id, job_type=GREET) == Card("hello ana")
        assert await local.result(job.job_id) == {"text": "hello ana", "lines": 1}


async def test_a_registered_type_is_known_by_its_name_too() -> None:
    async with local_queue({GREET: greet}, job_types=[GREET]) as local:
        job = await local.enqueue("greet", {"name": "ana"})
        await drain(local)
        assert await local.result(job) == Card("hello ana")


async def test_without_a_result_type_plain_values_come() -> None:
    async def plain(payload: Any, context: Any) -> Any:
        return {"a": 1}

    async with local_queue({"plain": plain}) as local:
        job = await local.enqueue("plain", 1)
        await drain(local)
        assert await local.result(job) == {"a": 1}


async def test_a_result_that_does_not_fit_its_type_says_so_and_can_still_be_read() -> None:
    async with local_queue({GREET: wrong}) as local:
        job = await local.enqueue(GREET, Greeting("ana"))
        await drain(local)
        with pytest.raises(CotizaError, match="does not fit greet") as error:
            await local.result(job)
        assert error.value.code == "result_does_not_fit"
        assert await local.result(job.job_id) == {"message": "hello"}


async def test_a_handle_of_a_failed_job_raises_its_failure() -> None:
    async def fail(payload: Any, context: Any) -> Card:
        raise PermanentError("no", code="no_card")

    async with local_queue({GREET: fail}) as local:
        job = await local.enqueue(GREET, Greeting("ana"))
        await drain(local)
        with pytest.raises(JobFailed) as error:
            await local.result(job)
    assert error.value.code == "no_card"


@pytest.mark.row("H1")
async def test_worker_add_runs_a_type_as_the_mapping_does(
    redis_url: str, queue: Queue, kind: str
) -> None:
    job_type = JobType(kind, Greeting, result=Card)
    worker = Worker(redis_url=redis_url, options=WorkerOptions(handle_signals=False))
    worker.add(job_type, greet)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        await worker.ready.wait()
        job = await queue.enqueue(job_type, Greeting("ana"))
        assert await queue.result(job) == Card("hello ana")
        with pytest.raises(ConfigurationError, match="a worker that runs"):
            worker.add(job_type, greet)
        worker.stop()


async def test_a_worker_without_processors_does_not_start(redis_url: str) -> None:
    with pytest.raises(ConfigurationError, match="without processors"):
        await Worker(redis_url=redis_url).run()


def test_a_job_type_makes_jobs_for_bulk_enqueueing() -> None:
    made = GREET.job({"name": "ana"}, tenant="acme", idempotency_key="k")
    assert made == NewJob(type="greet", payload={"name": "ana"}, tenant="acme", idempotency_key="k")


@pytest.mark.row("H1")
def test_each_of_our_job_types_names_its_result() -> None:
    assert {job_type.result for job_type in jobtypes.ALL} == {
        jobtypes.FileAnalysisResult,
        jobtypes.QuoteResult,
        jobtypes.EmailResult,
        jobtypes.ReportResult,
    }
