"""The turn loop of one queue in one worker: report what has finished, take what there is room for,
start it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from ..clock import Clock
from ..errors import ConfigurationError, CotizaError, QueueDamaged
from ..model.outcome import Release
from ..model.policy import Defaults, JobOptions, rules_for
from ..store import codec
from ..store.commands import Commands, Delivery, Turn
from ..telemetry import Telemetry
from .gate import Hooks
from .isolation import Isolation
from .leases import Leases
from .loop import DAMAGED_PAUSE_S, FIRST_BACKOFF_S, MAX_BACKOFF_S, Background, wait_for
from .runner import Runner
from .running import Running
from .sandbox import Sandbox
from .servertime import ServerTime
from .settler import Settler
from .slots import Slots
from .units import Share, Ticket

LAST_PATIENCE_S = 1.0
POLL_S = 1.0
"""The longest that a waiting or due job can go unnoticed when a wake-up is lost."""
READY_WITHIN_S = 5.0
"""A loop that has not been around for so long serves nobody: the worker is not ready."""


class Taker:
    """Owns the tasks of the jobs that it starts."""

    def __init__(
        self,
        commands: Commands,
        job_type: str,
        worker: str,
        *,
        slots: Slots,
        share: Share,
        leases: Leases,
        sandbox: Sandbox,
        telemetry: Telemetry,
        hooks: Hooks,
        isolation: Isolation,
        clock: Clock,
        damage: Callable[[], Awaitable[list[str]]],
    ) -> None:
        self._commands = commands
        self._job_type = job_type
        self._worker = worker
        self._slots = slots
        self._share = share
        self._leases = leases
        self._sandbox = sandbox
        self._telemetry = telemetry
        self._hooks = hooks
        self._isolation = isolation
        isolation.when_opened(self.wake)
        self._attention = asyncio.Event()
        self._draining = False
        self._unsure = True
        self._jobs = Background()
        self.settler = Settler(self._attention.set)
        self.turned = asyncio.Event()
        self._clock = clock
        self._damage = damage
        self._turned_at = float("-inf")

    def wake(self) -> None:
        """There may be something to take."""
        self._attention.set()

    @property
    def ready(self) -> bool:
        """True while the loop goes round: it has talked to Redis within READY_WITHIN_S."""
        return self._clock.monotonic() - self._turned_at <= READY_WITHIN_S

    def drain(self) -> None:
        """Take nothing more; go on settling until all slots are free."""
        self._draining = True
        self._attention.set()

    async def run(self, runner: Runner) -> None:
        """Turn until drained and everything is settled. Ended from outside, it leaves the rest to
        other workers.
        """
        backoff, self._unsure = FIRST_BACKOFF_S, True
        try:
            while not (self._draining and not self._leases.running and len(self.settler) == 0):
                self._attention.clear()
                try:
                    turn = await self.turn(runner)
                    backoff = FIRST_BACKOFF_S
                except ConfigurationError:
                    raise
                except QueueDamaged as error:
                    self._unsure = True
                    await self._wait_for_repair(error)
                    continue
                except Exception as error:
                    self._unsure = True
                    unexpected = None if isinstance(error, CotizaError) else error
                    self._telemetry.warn(
                        "turn.failed", type=self._job_type, error=str(error), exc_info=unexpected
                    )
                    await asyncio.sleep(backoff)
                    backoff = min(MAX_BACKOFF_S, backoff * 2)
                    continue
                if not turn.deliveries and len(self.settler) == 0:
                    await wait_for(self._attention, self._pause(turn))
        finally:
            # What has not ended by now has been handed back; code that cannot be stopped is left.
            await self._jobs.close(LAST_PATIENCE_S)

    async def turn(self, runner: Runner) -> Turn:
        """Once: settle what has finished, take what there is room for, start it."""
        if self._unsure:
            await self._sweep()
        turn, tickets = await self._exchange(runner.version)
        self.turned.set()
        self._turned_at = self._clock.monotonic()
        time = ServerTime(turn.now_ms, runner.clock)
        for delivery, ticket in zip(turn.deliveries, tickets, strict=True):
            self._start(runner, delivery, time, ticket)
        return turn

    async def finished(self) -> None:
        """Wait until all that was started has really ended."""
        await self._jobs.finished()

    async def _wait_for_repair(self, error: QueueDamaged) -> None:
        """Stand still while keys of the queue are damaged, and say so again and again: each call
        on them could write a half of what it should.
        """
        keys: list[str] = []
        while True:
            with suppress(CotizaError):
                keys = await self._damage()
            self._telemetry.warn(
                "queue.damaged", type=self._job_type, error=error.message, keys=keys
            )
            await asyncio.sleep(DAMAGED_PAUSE_S)
            with suppress(CotizaError):
                if not await self._damage():
                    return

    async def _exchange(self, version: int) -> tuple[Turn, list[Ticket]]:
        """One turn, and a ticket for each job that came."""
        outcomes = self.settler.page()
        want, came = self._share.want(self._room, self.wake), 0
        try:
            turn = await self._commands.turn(
                self._job_type, self._worker, want, outcomes, version=version
            )
            came = len(turn.deliveries)
        finally:
            tickets = self._share.came(came)
        self.settler.sent(len(outcomes))
        for outcome, answer in zip(outcomes, turn.answers, strict=True):
            if answer == "lost":
                self._telemetry.warn(
                    "outcome.refused", job=outcome.id, type=self._job_type, token=outcome.token
                )
        self._hooks.turned(self._job_type, outcomes, turn)
        return turn, tickets

    async def _sweep(self) -> None:
        """A reply may have been lost: what was delivered without our knowing goes back at once."""
        known = [*self._leases.running, *self.settler.ids()]
        for returned in await self._commands.sweep(self._job_type, self._worker, known):
            self._telemetry.warn("job.returned", job=returned, type=self._job_type)
        self._unsure = False

    @property
    def _room(self) -> int:
        return 0 if self._draining or self._isolation.closed else self._slots.free

    def _pause(self, turn: Turn) -> float:
        if turn.next_due_ms is None or self._room == 0:
            return POLL_S
        return min(POLL_S, max(0, turn.next_due_ms - turn.now_ms) / 1000)

    def _start(self, runner: Runner, delivery: Delivery, time: ServerTime, ticket: Ticket) -> None:
        try:
            body = codec.decode_body(delivery.body)
        except (msgspec.MsgspecError, ValueError):
            # Not written by any version of us: the runner finds no payload in it, and it dies.
            body = codec.Body(b"", rules_for(JobOptions(attempts=1), Defaults()))
        job = Running(
            delivery,
            self._job_type,
            body.rules,
            commands=self._commands,
            sandbox=self._sandbox,
            time=time,
        )
        if not self._isolation.enter(job):
            ticket.close()
            self.settler.add(delivery, Release(), 0)
            return
        self._slots.hold()
        self._leases.hold(job)
        self._jobs.start(self._work(runner, job, body, ticket), name=delivery.id)

    async def _work(self, runner: Runner, job: Running, body: codec.Body, ticket: Ticket) -> None:
        try:
            await self._isolation.its_turn(job)
            if await ticket.wait(job):
                await runner.run(job, body)
            else:
                runner.drop(job)
        finally:
            ticket.close()
            self._isolation.leave(job)
            self._slots.give_back()
            self._attention.set()
