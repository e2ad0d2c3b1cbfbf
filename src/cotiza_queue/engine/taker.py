"""The turn loop of one queue in one worker: report what has finished, take what there is room for,
start it. Two turns may be under way, see ``pace.py``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from ..clock import Clock
from ..errors import ConfigurationError, CotizaError, QueueDamaged
from ..model.outcome import Release
from ..model.policy import Defaults, JobOptions, rules_for
from ..store import codec
from ..store.commands import Commands, Delivery, Settlement, Turn
from ..store.ids import public
from ..telemetry import Telemetry
from .gate import Hooks
from .isolation import Isolation
from .leases import Leases
from .loop import DAMAGED_PAUSE_S, FIRST_BACKOFF_S, Background, step_aside, wait_for
from .pace import Pace
from .runner import Runner
from .running import Running
from .sandbox import Sandbox
from .servertime import ServerTime
from .settler import PAGE, Settler
from .slots import Slots
from .standby import Standby
from .turning import Asked, Brought
from .units import ONE, Grant, Share, Ticket

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
        share.when_free(self.wake)
        self._pace = Pace(slots.limit)
        self._leases = leases
        self._sandbox = sandbox
        self._telemetry = telemetry
        self._hooks = hooks
        self._isolation = isolation
        isolation.when_opened(self.wake)
        self._attention = asyncio.Event()
        self._draining = False
        self._unsure = True
        self._swept = 0
        self._jobs = Background()
        self._turns = Background()
        self._brought: deque[Brought] = deque()
        self._failure: Exception | None = None
        self._backoff, self._failing = FIRST_BACKOFF_S, False
        self.settler = Settler(self._heed)
        self.turned = asyncio.Event()
        self._clock = clock
        self._damage = damage
        self._turned_at = float("-inf")
        self._due_at, self._due_known = float("inf"), 0
        self._standby = Standby()

    def wake(self) -> None:
        """There may be something to take."""
        self._pace.wake()
        self._attention.set()

    @property
    def ready(self) -> bool:
        """True while the loop goes round: it has talked to Redis within READY_WITHIN_S."""
        return self._clock.monotonic() - self._turned_at <= READY_WITHIN_S

    def drain(self) -> None:
        """Take nothing more; go on settling until all slots are free."""
        self._draining = True
        if self._standby.possible:
            self._pace.look()
        self._attention.set()

    def handed(self, runner: Runner, delivery: Delivery, now_ms: int) -> None:
        """The call that has brought a job has handed it to this worker, which had nothing to do."""
        if self._unsure or not self._standby.hear(delivery):
            return
        self._slots.came(1, 0)
        (ticket,) = self._share.came(1, ONE)
        self._start(runner, delivery, ticket, ServerTime(now_ms, self._clock))
        # Once it has begun: nobody waits for the rest.
        asyncio.get_running_loop().call_soon(self._say_handed, delivery, now_ms)

    def _say_handed(self, delivery: Delivery, now_ms: int) -> None:
        """The next turn gives the job its place; if it has ended by then, that goes along."""
        # Who has brought it is answered after us, and may wait for this very core.
        step_aside(self._clock.monotonic() - self._turned_at)
        self._pace.look()
        self._attention.set()
        try:
            self._tell([], Turn(now_ms, None, [], [delivery]))
        except Exception as error:
            self._failure = self._failure or error

    async def run(self, runner: Runner) -> None:
        """Turn until drained and everything is settled. Ended from outside, it leaves the rest to
        other workers.
        """
        self._backoff, self._unsure = FIRST_BACKOFF_S, True
        try:
            while not self._over:
                try:
                    await self._go_round(runner)
                except ConfigurationError:
                    raise
                except QueueDamaged as error:
                    await self._wait_for_repair(error)
                except Exception as error:
                    await self._wait_after(error)
        finally:
            self._standby.end()
            await asyncio.sleep(0)  # A turn that has not begun could not give back what it holds.
            await self._turns.close()
            # What has not ended by now has been handed back; code that cannot be stopped is left.
            await self._jobs.close(LAST_PATIENCE_S)

    async def turn(self, runner: Runner) -> Turn:
        """Once, by hand: settle what has finished, take what there is room for, start it."""
        if self._unsure:
            await self._sweep()
        self._pace.sent()
        asked = self._ask(PAGE, self._slots.limit)
        brought = await self._exchange(asked, runner.version)
        self._begin(runner, brought)
        self._tell(asked.outcomes, brought.turn)
        return brought.turn

    async def finished(self) -> None:
        """Wait until all that was started has really ended."""
        await self._jobs.finished()

    @property
    def _over(self) -> bool:
        # Where a sweep must come first, nothing that is handed over is heard: that need not end.
        stands = self._standby.possible and not self._unsure
        left = self._busy or self._pace.under_way or stands
        return self._draining and not left

    @property
    def _busy(self) -> bool:
        return bool(self._leases.running or len(self.settler) or self._brought)

    @property
    def _elsewhere(self) -> bool:
        """Calls have begun anew: a server may have forgotten that we have ended what it gave us."""
        return self._commands.begun != self._swept

    @property
    def _room(self) -> int:
        return 0 if self._draining or self._isolation.closed else self._slots.free

    def _heed(self) -> None:
        """An outcome has come in."""
        if not self._attention.is_set() and self._pace.worth(len(self.settler), 0):
            self._attention.set()

    async def _go_round(self, runner: Runner) -> None:
        """Send what is worth a turn; then start what one has brought, or wait for either."""
        if self._unsure or (self._elsewhere and not (self._pace.under_way or self._brought)):
            await self._sweep()
        self._attention.clear()
        sent = self._send(runner.version)
        if self._failure is not None:
            await self._fail(runner, self._failure)
        elif self._brought:
            # One at a time, and what settles the first goes out before the second begins: else both
            # turns would go and come together, and worker and server would wait for each other.
            if sent:
                await asyncio.sleep(0)
            self._begin(runner, self._brought.popleft())
            await asyncio.sleep(0)
        elif self._pace.under_way:
            await self._attention.wait()
        elif not await wait_for(self._attention, self._pause()):
            self._pace.look()

    async def _fail(self, runner: Runner, failure: Exception) -> None:
        """Raise what a turn has met with. Not before all are over: the sweep that follows would
        hand back what another one brings.
        """
        await self._turns.finished()
        while self._brought:
            self._begin(runner, self._brought.popleft())
        self._failure, self._unsure = None, True
        raise failure

    async def _wait_after(self, error: Exception) -> None:
        self._failing = True
        unexpected = None if isinstance(error, CotizaError) else error
        self._telemetry.warn(
            "turn.failed", type=self._job_type, error=str(error), exc_info=unexpected
        )
        longest_s = self._leases.longest_backoff_s
        await asyncio.sleep(min(longest_s, self._backoff))
        self._backoff = min(longest_s, self._backoff * 2)

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

    async def _sweep(self) -> None:
        """A reply may have been lost: what was delivered without our knowing goes back at once. No
        turn is under way.
        """
        self._unsure, self._swept = True, self._commands.begun
        brought = [delivery.stored for each in self._brought for delivery in each.turn.deliveries]
        known = [*self._leases.running, *self.settler.ids(), *brought]
        for returned in await self._commands.sweep(self._job_type, self._worker, known):
            self._telemetry.warn("job.returned", job=returned, type=self._job_type)
        self._unsure = False

    def _pause(self) -> float:
        """Seconds until the next look, if nothing happens before."""
        due_at = self._due_at if self._room > 0 else float("inf")
        return min(self._turned_at + POLL_S, due_at) - self._clock.monotonic()

    def _send(self, version: int) -> bool:
        """Send the turns that are worth it; False if none is."""
        sent = False
        while (
            self._failure is None
            and not (self._standby.asking or self._elsewhere)
            and self._pace.worth(len(self.settler), self._room)
        ):
            asked = self._ask(self._pace.page, self._pace.page)
            if not (asked.outcomes or asked.grant.jobs or self._pace.looks):
                break  # Units are short: who gives some back wakes us.
            stand = self._standby.turn(self._idle(asked))
            asked = asked._replace(stand=stand)
            if stand is not None and stand.idle:
                self._jobs.prepare()
            self._pace.sent()
            self._turns.start(self._turn(asked, version), name=f"turn:{self._job_type}")
            sent = True
        return sent

    def _ask(self, outcomes: int, jobs: int) -> Asked:
        """Up to so many outcomes from the line, and slots and units for up to so many jobs."""
        grant = self._share.want(min(jobs, self._room))
        self._slots.reserve(grant.jobs)
        return Asked(self.settler.page(outcomes), grant, self._pace.reasons)

    def _idle(self, asked: Asked) -> bool:
        """Whether nothing is to be done here if the turn that is to be sent brings nothing."""
        alone = self._pace.under_way == 0 and self._share.pool is None
        return alone and asked.grant.jobs > 0 and not self._busy

    async def _turn(self, asked: Asked, version: int) -> None:
        try:
            brought = await self._exchange(asked, version)
            self._brought.append(brought)
            self._tell(asked.outcomes, brought.turn)
        except Exception as error:
            if self._failure is None or isinstance(error, ConfigurationError):
                self._failure = error

    async def _exchange(self, asked: Asked, version: int) -> Brought:
        """One turn. Everything that was reserved for it is used or free again afterwards."""
        outcomes, want = asked.outcomes, asked.grant.jobs
        try:
            turn = await self._commands.turn(
                self._job_type, self._worker, want, outcomes, version=version, stand=asked.stand
            )
        except BaseException:
            self._standby.failed(for_good=self._draining)
            self.settler.unanswered(outcomes)
            self._admit(0, asked.grant)
            self._pace.look()
            raise
        finally:
            self._pace.over()
            self._attention.set()
        self.settler.answered(outcomes)
        turn = self._standby.answered(asked.stand, turn)
        self._pace.came(len(turn.deliveries), want, asked.reasons)
        self._note(turn, asked.reasons)
        tickets = self._admit(len(turn.deliveries), asked.grant)
        return Brought(turn, tickets, ServerTime(turn.now_ms, self._clock))

    def _admit(self, jobs: int, grant: Grant) -> list[Ticket]:
        """So many came for what was granted: a ticket for each."""
        self._slots.came(jobs, grant.jobs)
        return self._share.came(jobs, grant)

    def _note(self, turn: Turn, reasons: int) -> None:
        """The server has answered, and said what is due next. What a turn says that was sent before
        the last wake-up is older than what a later one has said.
        """
        if self._failing:
            self._failing, self._backoff = False, FIRST_BACKOFF_S
            self._telemetry.say("turn.recovered", type=self._job_type)
        self._turned_at = self._clock.monotonic()
        self.turned.set()
        if reasons >= self._due_known:
            due = turn.next_due_ms
            left_s = float("inf") if due is None else max(0, due - turn.now_ms) / 1000
            self._due_at, self._due_known = self._turned_at + left_s, reasons

    def _tell(self, outcomes: list[Settlement], turn: Turn) -> None:
        """Log and hooks may fail: what the turn has brought is in our hands before."""
        self._hooks.turned(self._job_type, outcomes, turn)
        for outcome, answer in zip(outcomes, turn.answers, strict=True):
            if answer == "lost":
                self._telemetry.warn(
                    "outcome.refused",
                    job=public(outcome.stored, self._job_type),
                    type=self._job_type,
                    token=outcome.token,
                )

    def _begin(self, runner: Runner, brought: Brought) -> None:
        for delivery, ticket in zip(brought.turn.deliveries, brought.tickets, strict=True):
            self._start(runner, delivery, ticket, brought.time)

    def _start(self, runner: Runner, delivery: Delivery, ticket: Ticket, time: ServerTime) -> None:
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
            self._slots.give_back()
            self.settler.add(delivery, Release(), 0)
            return
        self._leases.hold(job)
        job.task = self._jobs.start(
            self._work(runner, job, body, ticket), name=f"job:{delivery.token}"
        )

    async def _work(self, runner: Runner, job: Running, body: codec.Body, ticket: Ticket) -> None:
        try:
            if self._isolation.waits(job):
                await self._isolation.its_turn(job)
            if ticket.ready or await ticket.wait(job):
                await runner.run(job, body)
            else:
                runner.drop(job)
        finally:
            ticket.close()
            self._isolation.leave(job)
            self._slots.give_back()
            if self._pace.under_way == 0:
                self._attention.set()
