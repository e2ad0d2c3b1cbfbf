"""Unique keys as the model sees them: who holds which, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from cotiza_queue.model.policy import JobOptions
from cotiza_queue.model.status import UNIQUE_WHILE
from cotiza_queue.store.asked import Intake

from .nouns import Job

USUAL = ("blocked", "delayed", "waiting", "active")


def sensible(asked: JobOptions) -> JobOptions:
    """Options as a caller may give them: what is said of a key needs one."""
    changes: dict[str, Any] = {}
    if asked.unique_key is None:
        changes = {"unique_while": UNIQUE_WHILE, "unique_for": None, "on_duplicate": "keep"}
    elif asked.on_duplicate == "next":
        changes = {"unique_for": None}
    elif asked.unique_for is not None:
        changes = {"unique_while": UNIQUE_WHILE}
    return msgspec.structs.replace(asked, **changes)


class UniqueKeys(dict[str, str]):
    """Key → id of the job that holds it."""

    def __init__(self) -> None:
        super().__init__()
        self.until: dict[str, int] = {}
        """When those that are held for a span lapse."""
        self.gone: dict[str, tuple[str, int]] = {}
        """Last status and age of a holder that is gone before its span."""
        self.latest = 0
        """The latest moment at which one has lapsed."""

    def claim(self, asked: Intake, id_: str, now: int) -> None:
        self[asked.unique] = id_
        self.gone.pop(asked.unique, None)
        self.until.pop(asked.unique, None)
        if asked.span_ms:
            self.until[asked.unique] = now + asked.span_ms

    def moved(self, job: Job, status: str) -> None:
        """A job has come to a status; "" if it is gone."""
        asked, key = job.intake, job.intake.unique
        if not key:
            return
        # What its own earlier life holds for a span is not this one's.
        mine = self.get(key) == job.id and key not in self.gone
        if asked.span_ms:
            if mine and not status:
                self.gone[key] = (job.status, job.created)
        elif status not in (asked.hold.split() or USUAL):
            if mine:
                del self[key]
        elif status != "active":
            self.setdefault(key, job.id)

    def lapse(self, now: int) -> None:
        """What was held until now is free."""
        for key in [k for k, moment in self.until.items() if now > moment]:
            self.latest = max(self.latest, self.until.pop(key))
            self.gone.pop(key, None)
            del self[key]

    def wrong(self, there: dict[str, str], expiring: set[str]) -> Iterator[tuple[str, str]]:
        """What is not right about the keys on the server."""
        wanted = {k: " ".join(map(str, (*self.gone.get(k, ()), i))) for k, i in self.items()}
        if there != wanted:
            yield "I15", f"unique keys {there} instead of {wanted}"
        if expiring != set(self.until):
            yield "I15", f"unique keys that lapse: {expiring}, not {set(self.until)}"
