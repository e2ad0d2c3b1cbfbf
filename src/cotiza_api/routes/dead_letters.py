"""Dead letters: jobs that failed for good, to look into, to run again or to throw away."""

from __future__ import annotations

from starlette.responses import Response

from .. import respond
from ..answers import DeadLetterPage, DeadLetterView, PurgedDeadLetter, RetriedJob
from ..auth import Role
from ..intake import known_type
from ..operation import API, AnyOperation, Call, Operation
from ..schemas import DeadLettersQuery, Nothing

PATH = f"{API}/dead-letters"
ONE = f"{PATH}/{{jobId}}"


async def list_dead_letters(call: Call[Nothing, DeadLettersQuery]) -> Response:
    """The tenant's dead letters, newest first; a platform token sees all tenants' unless it names
    one.
    """
    query = call.query
    tenant = call.reach(query.tenant_id)
    if query.type is not None:
        known_type(query.type)
    letters, cursor = await call.queue.dead_letters(
        job_type=query.type, tenant=tenant, limit=query.limit, cursor=query.cursor
    )
    items = [respond.dead_letter_view(letter) for letter in letters]
    return respond.json(DeadLetterPage(items=items, next_cursor=cursor))


async def get_dead_letter(call: Call[Nothing, Nothing]) -> Response:
    """The dead letter of a job."""
    letter = await call.queue.dead_letter(call.path("jobId"), tenant=call.caller.reach)
    return respond.json(respond.dead_letter_view(letter))


async def replay_dead_letter(call: Call[Nothing, Nothing]) -> Response:
    """Runs the job again, under the same id; the dead letter is gone."""
    letter = await call.queue.dead_letter(call.path("jobId"), tenant=call.caller.reach)
    reach, by = call.caller.reach, call.caller.name
    job = await call.queue.replay(letter.job_id, tenant=reach, by=by)
    message = "the job waits to run again, with all its attempts"
    return respond.json(RetriedJob(job_id=job.id, message=message, attempts=job.attempt))


async def purge_dead_letter(call: Call[Nothing, Nothing]) -> Response:
    """Removes the dead letter and its job."""
    letter = await call.queue.dead_letter(call.path("jobId"), tenant=call.caller.reach)
    await call.queue.purge_dead_letter(letter.job_id, tenant=call.caller.reach)
    message = "the dead letter and its job are gone"
    return respond.json(PurgedDeadLetter(job_id=letter.job_id, purged=True, message=message))


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET", path=PATH, handler=list_dead_letters, role=Role.ADMIN,
        body=Nothing, query=DeadLettersQuery, answer=DeadLetterPage,
        tag="dead letters", summary="List dead letters, newest first", faults=(403, 422),
    ),
    Operation(
        method="GET", path=ONE, handler=get_dead_letter, role=Role.ADMIN,
        body=Nothing, query=Nothing, answer=DeadLetterView,
        tag="dead letters", summary="Get the dead letter of a job", faults=(404,),
    ),
    Operation(
        method="DELETE", path=ONE, handler=purge_dead_letter, role=Role.ADMIN,
        body=Nothing, query=Nothing, answer=PurgedDeadLetter,
        tag="dead letters", summary="Throw a dead letter and its job away", faults=(404,),
    ),
    Operation(
        method="POST", path=f"{ONE}/replay", handler=replay_dead_letter, role=Role.ADMIN,
        body=Nothing, query=Nothing, answer=RetriedJob,
        tag="dead letters", summary="Run the job of a dead letter again", faults=(404, 409),
    ),
)  # fmt: skip
