# pyright: strict
"""What a program of ours might say about its jobs. Type checkers must object to exactly the lines
that are marked so; nothing here is run.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cotiza_queue import JobContext, JobType, NewJob, Queue, Worker
from cotiza_queue.batch import Batched, BatchItem
from cotiza_queue.jobtypes import EMAIL_NOTIFICATION, QUOTE_CALCULATION, FileAnalysis, QuoteResult
from cotiza_queue.testing import run_job


class Greeting(msgspec.Struct):
    """A payload."""

    name: str


class Card(msgspec.Struct):
    """A result."""

    text: str


GREET = JobType("greet", Greeting, result=Card)
NOTE = JobType("note", Greeting)
LOOSE = JobType("loose")
WORDS = JobType("words", dict[str, str], result=int)
NAMED: JobType[Greeting, Card] = GREET
WRONG: JobType[Card, Greeting] = GREET  # error


async def greet(payload: Greeting, context: JobContext) -> Card:
    context.progress(50, "writing", "half way")
    context.progress("half", "writing")  # error
    return Card(f"hello {payload.name}, attempt {context.attempt}")


async def count(payload: dict[str, str], context: JobContext) -> int:
    return len(payload)


async def greet_card(payload: Card, context: JobContext) -> Card:
    return payload


async def greet_badly(payload: Greeting, context: JobContext) -> str:
    return payload.name


async def greet_all(items: Sequence[BatchItem[Greeting]]) -> Sequence[Card | Exception]:
    return [Card(item.payload.name) for item in items]


async def count_all(items: Sequence[BatchItem[Greeting]]) -> Sequence[int | Exception]:
    return [1 for _ in items]


async def enqueueing(queue: Queue) -> None:
    await queue.enqueue(GREET, Greeting("ana"))
    await queue.enqueue(GREET, {"name": "ana"})
    await queue.enqueue("greet", 5)
    await queue.enqueue(LOOSE, 5)
    await queue.enqueue(WORDS, {"a": "b"})
    await queue.schedule(GREET, Greeting("ana"), 5_000)
    await queue.add_recurring(GREET, Greeting("ana"), "0 9 * * *")
    await queue.enqueue_many([GREET.job(Greeting("ana")), NewJob(type="loose", payload=1)])
    await queue.enqueue(GREET, Card("ana"))  # error
    await queue.enqueue(GREET, "ana")  # error
    await queue.enqueue(QUOTE_CALCULATION, FileAnalysis)  # error
    await queue.enqueue(GREET, Greeting(7))  # error
    await queue.schedule(GREET, Card("ana"), 5_000)  # error
    await queue.schedule(GREET, Greeting("ana"), "soon")  # error
    await queue.add_recurring(GREET, Card("ana"), "0 9 * * *")  # error
    await queue.enqueue_many([GREET.job(Card("ana"))])  # error
    await queue.enqueue(GREET, Greeting("ana"), tenant=5)  # error


async def results(queue: Queue) -> None:
    job = await queue.enqueue(GREET, Greeting("ana"))
    card: Card = await queue.result(job)
    text: str = (await queue.result(job)).text
    again: Card = await queue.result(job.job_id, job_type=GREET)
    number: int = await queue.result(await queue.enqueue(WORDS, {"a": "b"}))
    quote: QuoteResult = await queue.result("some id", job_type=QUOTE_CALCULATION)
    anything: float = await queue.result("some id")
    late = await queue.schedule(GREET, Greeting("ana"), 5_000)
    print(card, text, again, number, quote.summary.total, anything, (await queue.result(late)).text)
    wrong: Greeting = await queue.result(job)  # error
    print(wrong, (await queue.result(job)).name)  # error
    other: Card = await queue.result("some id", job_type=EMAIL_NOTIFICATION)  # error
    print(other, await queue.result(7))  # error


def workers() -> None:
    worker = Worker()
    worker.add(GREET, greet)
    worker.add(WORDS, count)
    worker.add(NOTE, greet)
    worker.add(LOOSE, greet)
    worker.add(GREET, Batched(greet_all, size=10))
    worker.add(GREET, greet_card)  # error
    worker.add(GREET, greet_badly)  # error
    worker.add(WORDS, greet)  # error
    worker.add(GREET, Batched(count_all, size=10))  # error
    worker.add("greet", greet)  # error


async def inline() -> None:
    card: Card = await run_job(greet, Greeting("ana"))
    print(card, await run_job(greet, {"name": "ana"}, job_type=GREET))
    await run_job(greet, Card("ana"))  # error
    await run_job(greet, {"name": "ana"}, job_type=WORDS)  # error
