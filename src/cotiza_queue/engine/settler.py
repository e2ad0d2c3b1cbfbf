"""Outcomes on their way to Redis. An outcome leaves only when the server has answered for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice

from ..model.outcome import Complete, Discard, Fail, Outcome, Release, Retry, Snooze
from ..store import codec
from ..store.commands import Delivery, Kind, Settlement

PAGE = 100
"""Outcomes of one turn."""
PAGE_BYTES = 1024 * 1024
"""Bytes of results after which a turn takes no more along: it has to be answered in time."""


class Settler:
    """A line of outcomes. ``wake`` is called when one comes in."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._line: deque[Settlement] = deque()
        self._wake = wake

    def add(self, delivery: Delivery, outcome: Outcome, run_ms: int, notice: str = "") -> None:
        """Put an outcome in line. ``notice``: an event to announce with it, such as "stalled"."""
        if isinstance(outcome, Retry | Fail) and outcome.hold is not None:
            scope, span_ms = outcome.hold.scope, outcome.hold.span_ms
            hold = Settlement("hold", delivery.id, delivery.token, scope.encode(), span_ms)
            self._line.append(hold)
        self._line.append(_settlement(delivery, outcome, run_ms, notice))
        self._wake()

    def page(self) -> list[Settlement]:
        """The next outcomes to send; they stay in line until ``sent``."""
        page: list[Settlement] = []
        size = 0
        for settlement in islice(self._line, PAGE):
            page.append(settlement)
            size += len(settlement.value)
            if size >= PAGE_BYTES:
                break
        return page

    def sent(self, count: int) -> None:
        for _ in range(count):
            self._line.popleft()

    def ids(self) -> list[str]:
        return [settlement.id for settlement in self._line]

    def __len__(self) -> int:
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
        kind, delivery.id, delivery.token, value, extra, notice, delivery.tenant, delivery.attempt
    )
