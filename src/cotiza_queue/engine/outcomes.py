"""What a caller is given of a job that has ended."""

from __future__ import annotations

from typing import Any

import msgspec

from ..errors import CotizaError, JobFailed
from ..model.job import Job, JobType
from ..model.status import Status


def typed_result(job: Job, job_type: JobType[Any, Any] | None) -> Any:
    """The result of a job that has ended, read as the type's struct if one is known. Raises
    JobFailed; CotizaError if it does not fit.
    """
    if job.status is not Status.COMPLETED:
        failure = job.failure
        code = failure.code if job.status is Status.FAILED and failure else "cancelled"
        raise JobFailed(
            f"job {job.id} {job.status}: {failure.message if failure else 'cancelled'}", code=code
        )
    if job_type is None or job_type.result is Any:
        return job.result
    try:
        return msgspec.convert(job.result, job_type.result)
    except msgspec.ValidationError as error:
        raise CotizaError(
            f"the result of job {job.id} does not fit {job_type.name}: {error}",
            code="result_does_not_fit",
            remedy="Ask by the job's id for the plain values; another version may have made it.",
        ) from None
