"""Unique keys as the model sees them: who holds which."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cotiza_queue.model.policy import JobOptions
from cotiza_queue.model.status import UNIQUE_WHILE
from cotiza_queue.store.commands import Intake

USUAL = ("blocked", "delayed", "waiting", "active")


def keyless(asked: JobOptions) -> JobOptions:
    """Options as a caller may give them: what is said of a key needs one."""
    if asked.unique_key is not None:
        return asked
    return msgspec.structs.replace(asked, unique_while=UNIQUE_WHILE)


class UniqueKeys(dict[str, str]):
    """Key → id of the job that holds it."""

    def moved(self, asked: Intake, status: str) -> None:
        """A job has come to a status; "" if it is gone."""
        key = asked.unique
        holds = status in (asked.hold.split() or USUAL)
        if not key or (holds and status == "active"):
            return
        if holds:
            self.setdefault(key, asked.id)
        elif self.get(key) == asked.id:
            del self[key]

    def wrong(self, there: dict[str, str], statuses: dict[str, str]) -> Iterator[tuple[str, str]]:
        """What is not right about the keys on the server, given each job's status."""
        if there != self:
            yield "I15", f"unique keys {there} instead of {dict(self)}"
        for key, holder in there.items():
            if holder not in statuses:
                yield "I15", f"the unique key {key} is held by {holder}, which is gone"
