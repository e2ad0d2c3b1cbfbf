"""Outcomes on their way to Redis. An outcome leaves only when the server has answered for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..model.outcome import Complete, Discard, Fail, Outcome, Release, Retry, Snooze
from ..store import codec
from ..store.commands import Delivery, Kind, Settlement
from ..store.ids import StoredId

PAGE = 100
"""Outcomes of one turn."""
PAGE_BYTES = 1024 * 1024
"""Bytes of results after which a turn takes no more along: it has to be answered in time."""


class Settler:
    """A line of outcomes. ``wake`` is called when one comes in."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._line: deque[Settlement] = deque()
        self._away: list[list[Settlement]] = []
        self._wake = wake

    def add(self, delivery: Delivery, outcome: Outcome, run_ms: int, notice: str = "") -> None:
        """Put an outcome in line. ``notice``: an event to announce with it, such as "stalled"."""
        if isinstance(outcome, (Retry, Fail)) and outcome.hold is not None:
            scope, span_ms = outcome.hold.scope, outcome.hold.span_ms
            hold = Settlement("hold", delivery.stored, delivery.token, scope.encode(), span_ms)
            self._line.append(hold)
        self._line.append(_settlement(delivery, outcome, run_ms, notice))
        self._wake()

    def page(self, most: int = PAGE) -> list[Settlement]:
        """The next outcomes to send, about ``most``; a hold and its outcome are never parted.
        ``answered`` or ``unanswered`` must follow.
        """
        page: list[Settlement] = []
        size, holds = 0, False
        while self._line and (holds or (len(page) < most and size < PAGE_BYTES)):
            settlement = self._line.popleft()
            page.append(settlement)
            size += len(settlement.value)
            holds = settlement.kind == "hold"
        if page:
            self._away.append(page)
        return page

    def answered(self, page: list[Settlement]) -> None:
        """The server has done, or refused, what is on the page."""
        if page:
            self._away.remove(page)

    def unanswered(self, page: list[Settlement]) -> None:
        """What is on the page goes to the head of the line again, in its order."""
        self.answered(page)
        self._line.extendleft(reversed(page))

    def ids(self) -> list[StoredId]:
        """Of all jobs whose outcomes the server has not answered for."""
        return [settlement.stored for page in (*self._away, self._line) for settlement in page]

    def __len__(self) -> int:
        """How many wait to be sent."""
        return len(self._line)


def _settlement(delivery: Delivery, outcome: Outcome, run_ms: int, notice: str) -> Settlement:
    kind: Kind
    match outcome:
        case Complete(result):
            kind, value, extra = "complete", result, run_ms
        case Retry(failure=failure, delay_ms=delay_ms):
            kind, value, extra = "retry", codec.encode_failure(failure), delay_ms
        case Fail(failure=failure):
            kind, value, extra = "fail", codec.encode_failure(failure), 0
        case Snooze(reason, delay_ms):
            told = {"reason": reason, "snoozed": delivery.snoozed + 1}
            kind, value, extra = "snooze", codec.encode_result(told), delay_ms
        case Discard(failure):
            kind, value, extra = "discard", codec.encode_failure(failure), 0
        case Release():
            kind, value, extra, notice = "release", b"", 0, ""
    return Settlement(
        kind,
        delivery.stored,
        delivery.token,
        value,
        extra,
        notice,
        delivery.tenant,
        delivery.attempt,
    )
