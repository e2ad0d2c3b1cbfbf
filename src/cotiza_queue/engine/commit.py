"""Group commit: callers who enqueue at the same time share calls to the server.

A caller alone makes its own call at once and pays nothing for this. Of a crowd, one half goes with
one call while the other half prepares its jobs, so that the server and this process work at the
same time. A caller that is cancelled disturbs no other.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

from ..errors import QueueUnavailable
from ..model.job import Enqueued
from ..store.asked import Intake
from ..store.commands import Answered
from .loop import Background

Send = Callable[[str, Sequence[Intake]], Awaitable[Sequence[Answered]]]
PAGE = 100
"""What the jobs of one call weigh, in plain ones."""
PAGE_BYTES = 1024 * 1024
"""Payload bytes after which a call takes no further job along."""
CALLS = 2
"""Calls of one job type under way at once: the server works on one while we prepare the next."""


class _Caller(NamedTuple):
    intake: Intake
    answer: asyncio.Future[Answered]


class _Line:
    """The callers of one job type."""

    def __init__(self) -> None:
        self.waiting: deque[_Caller] = deque()
        self.calls = 0
        """Under way."""
        self.served = 0
        """Callers that they serve."""
        self.crowd = 0
        """Callers served and waiting when one of the last two calls ended, whichever had more: of
        two that end together, the second one misses those whom the first one has answered.
        """
        self._at_last_end = 0
        self.carriers = 0
        """Tasks that make calls."""

    @property
    def ready(self) -> bool:
        """True if it is worth a call: no other is under way, or half the crowd waits."""
        return self.calls == 0 or len(self.waiting) >= min(PAGE, self.served)

    def page(self) -> list[_Caller]:
        """Half the crowd; whoever was cancelled meanwhile is left out."""
        crowd = max(self.crowd, self.served + len(self.waiting))
        most = min(PAGE, (crowd + 1) // 2)
        page: list[_Caller] = []
        weight = size = 0
        while self.waiting and len(page) < most and weight < PAGE and size < PAGE_BYTES:
            caller = self.waiting.popleft()
            if not caller.answer.done():
                page.append(caller)
                weight += caller.intake.weight
                size += len(caller.intake.body)
        return page

    def begin(self, callers: int) -> None:
        """A call that serves so many is under way. ``end`` must follow."""
        self.calls += 1
        self.served += callers

    def end(self, callers: int) -> None:
        now = self.served + len(self.waiting)
        self.crowd, self._at_last_end = max(now, self._at_last_end), now
        self.calls -= 1
        self.served -= callers


class GroupCommit:
    """``send`` takes jobs of one type in, in one call. ``tasks`` owns the calls that are shared."""

    def __init__(self, send: Send, tasks: Background) -> None:
        self._send = send
        self._tasks = tasks
        self._lines: defaultdict[str, _Line] = defaultdict(_Line)

    async def enqueue(self, job_type: str, intake: Intake) -> Enqueued:
        """Take one job in. Raises what ``send`` raises, the same to all who share a call, and what
        it answers if that is an error.
        """
        line = self._lines[job_type]
        if line.crowd <= 1 and line.calls == 0 and not line.waiting:
            line.begin(1)
            try:
                (answer,) = await self._send(job_type, (intake,))
            finally:
                line.end(1)
                if line.waiting:
                    self._look(job_type, line)
        else:
            caller = _Caller(intake, asyncio.get_running_loop().create_future())
            line.waiting.append(caller)
            self._look(job_type, line)
            answer = await caller.answer
        if isinstance(answer, Enqueued):
            return answer
        raise answer

    def close(self) -> None:
        """Nobody is left waiting. Whoever comes later finds new lines: tasks that were ended before
        they had begun are still counted in the old ones.
        """
        for line in self._lines.values():
            _fail(line.waiting, QueueUnavailable("the queue was closed"))
        self._lines.clear()

    def _look(self, job_type: str, line: _Line) -> None:
        if line.waiting and line.carriers < CALLS and line.ready:
            line.carriers += 1
            self._tasks.start(self._carry(job_type, line), f"enqueue:{job_type}")

    async def _carry(self, job_type: str, line: _Line) -> None:
        """Calls, one after the other, for as long as callers come."""
        try:
            while line.ready and (page := line.page()):
                line.begin(len(page))
                try:
                    self._look(job_type, line)
                    await self._send_page(job_type, page)
                finally:
                    line.end(len(page))
                # Those who have just been answered ask again now, and go with the next call.
                await asyncio.sleep(0)
        finally:
            line.carriers -= 1

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
