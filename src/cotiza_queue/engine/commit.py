"""Group commit: callers who enqueue at the same time share calls to the server.

A caller alone makes its own call at once and pays nothing for this. Who comes while calls are under
way waits for the next one, which takes all of them along: fifty callers pay a fiftieth each. A
caller that is cancelled disturbs no other.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

from ..errors import QueueUnavailable
from ..store.commands import Answered, Intake
from .loop import Background

Send = Callable[[str, Sequence[Intake]], Awaitable[Sequence[Answered]]]
PAGE = 100
"""Jobs of one call."""
PAGE_BYTES = 1024 * 1024
"""Payload bytes after which a call takes no further job along."""
CALLS = 2
"""Calls of one job type under way at once: the server works on one while we prepare the next."""


class _Caller(NamedTuple):
    intake: Intake
    answer: asyncio.Future[Answered]


class _Line:
    """The callers of one job type that wait for a call."""

    def __init__(self) -> None:
        self.under_way = 0
        self.waiting: deque[_Caller] = deque()

    def page(self) -> list[_Caller]:
        """Who goes with the next call; whoever was cancelled meanwhile is left out."""
        page: list[_Caller] = []
        size = 0
        while self.waiting and len(page) < PAGE and size < PAGE_BYTES:
            caller = self.waiting.popleft()
            if not caller.answer.done():
                page.append(caller)
                size += len(caller.intake.body)
        return page


class GroupCommit:
    """``send`` takes jobs of one type in, in one call. ``tasks`` owns the calls that are shared."""

    def __init__(self, send: Send, tasks: Background) -> None:
        self._send = send
        self._tasks = tasks
        self._lines: defaultdict[str, _Line] = defaultdict(_Line)

    async def enqueue(self, job_type: str, intake: Intake) -> Answered:
        """Take one job in. Raises what ``send`` raises, the same to all who share a call."""
        line = self._lines[job_type]
        if line.under_way < CALLS and not line.waiting:
            line.under_way += 1
            try:
                return (await self._send(job_type, [intake]))[0]
            finally:
                self._go_on(job_type, line)
        caller = _Caller(intake, asyncio.get_running_loop().create_future())
        line.waiting.append(caller)
        return await caller.answer

    def _go_on(self, job_type: str, line: _Line) -> None:
        """A call is over; what waits goes with further ones."""
        if line.waiting:
            self._tasks.start(self._carry(job_type, line), f"enqueue:{job_type}")
        else:
            line.under_way -= 1

    async def _carry(self, job_type: str, line: _Line) -> None:
        try:
            while page := line.page():
                await self._send_page(job_type, page)
        except asyncio.CancelledError:
            _fail(line.waiting, QueueUnavailable("the queue was closed"))
            raise
        finally:
            line.under_way -= 1

    async def _send_page(self, job_type: str, page: list[_Caller]) -> None:
        try:
            answers = await self._send(job_type, [caller.intake for caller in page])
        except Exception as error:
            _fail(page, error)
        except asyncio.CancelledError:
            _fail(page, QueueUnavailable("the queue was closed", indeterminate=True))
            raise
        else:
            for caller, answer in zip(page, answers, strict=True):
                if not caller.answer.done():
                    caller.answer.set_result(answer)


def _fail(page: Iterable[_Caller], error: Exception) -> None:
    for caller in page:
        if not caller.answer.done():
            caller.answer.set_exception(error)
