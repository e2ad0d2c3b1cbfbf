"""The rule of the game about the doctor: a sound queue is found sound; a repair leaves it alone."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from cotiza_queue.store.audit import Audit, Page, Row

from .invariants import Violation
from .play import Play


class DoctorRules:
    """Part of Game."""

    play: Play

    @rule(fix=st.booleans())
    def audit(self, fix: bool) -> None:
        """Every page, with what is said of it."""
        play = self.play
        said = play._call(f"audit, fix={fix}", _said(Audit(play.bench.connection), fix))
        if wrong := [(page.part, row) for page, row in said if not row.code.startswith("?")]:
            play._fail(Violation("I20", f"the doctor says {wrong}"))


async def _said(audit: Audit, fix: bool) -> list[tuple[Page, Row]]:
    said: list[tuple[Page, Row]] = []
    async for page, rows in audit.pages():
        again = await audit.judge(page, fix=True) if fix else []
        said += [(page, row) for row in (*rows, *again)]
    return said
