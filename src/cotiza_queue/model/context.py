"""What a processor sees of the job it is running. The engine implements it; tests may do so in five
lines.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

R = TypeVar("R")


class JobContext(Protocol):
    """Handed to ``async def processor(payload, context) -> result``.

    Cancellation and timeouts arrive as ``asyncio.CancelledError``; let it pass after cleaning up.
    Its ``args[0]`` says why: "timeout", "deadline", "drain" (the worker is leaving), "lost" (the
    job was cancelled, or is another worker's now).
    """

    @property
    def job_id(self) -> str: ...

    @property
    def job_type(self) -> str: ...

    @property
    def tenant(self) -> str: ...

    @property
    def attempt(self) -> int:
        """This attempt's number, from 1."""
        ...

    @property
    def max_attempts(self) -> int: ...

    @property
    def token(self) -> int:
        """The fence number of this delivery: higher than any earlier delivery's. Use it in
        conditional writes.
        """
        ...

    @property
    def created_ms(self) -> int:
        """When the job was enqueued, milliseconds since the epoch. Stable over attempts."""
        ...

    @property
    def snoozed(self) -> int:
        """How often the job was put off before (``errors.Snooze``)."""
        ...

    @property
    def deadline_left_ms(self) -> int | None:
        """Milliseconds until the job's deadline, when the attempt is stopped; None without one.

        Hand it on to jobs that this one makes: ``options={"deadline": context.deadline_left_ms}``.
        """
        ...

    def progress(self, percentage: float, step: str, message: str = "", **metadata: Any) -> None:
        """Tell how far the job is: 0–100, a stable word for the step, a sentence for people.

        Returns at once; writes are coalesced, the last value is never lost, and a lost lease writes
        nothing.
        """
        ...

    async def step(self, name: str, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """The result of ``await function(*args)`` as JSON has it, saved before it is returned.

        A later attempt gets the saved value and does not call: not after a failure, a timeout, a
        crash or a replay. At most once saved, at least once called: a crash between the two calls
        it again. Raises PermanentError: a name twice in one attempt (``step_used_twice``), no
        JSON (``invalid_checkpoint``), over 64 KiB (``checkpoint_too_large``), more than 64 names
        (``too_many_checkpoints``).
        """
        ...

    async def cursor(self, name: str, default: Any = None) -> Any:
        """The value last saved under a cursor's name, by this attempt or an earlier one."""
        ...

    async def save_cursor(self, name: str, value: Any, every: int = 1) -> None:
        """Save how far a loop has come: at each ``every``-th call of this name, and when the
        attempt ends in any way but death. Raises PermanentError as ``step`` does.
        """
        ...

    async def run_in_process(
        self, function: Callable[..., R], *args: Any, memory_bytes: int | None = None
    ) -> R:
        """Run ``function(report, *args)`` in a child process, so that the event loop stays free.

        ``function`` must be importable (a module-level function); ``report(percentage, step,
        message)`` in it does what ``progress`` does here. Arguments and the return value are
        pickled between our own processes. The child is killed when this attempt is cancelled or
        times out. ``memory_bytes`` caps its address space.

        Arguments and result may have 64 MiB each; a function of the main script is refused.

        Raises what the function raised, MemoryLimitExceeded, or ProcessDied when the child crashed.
        """
        ...


Processor = Callable[[Any, JobContext], Awaitable[Any]]
"""The code for a job type: ``async def processor(payload, context) -> result``."""
