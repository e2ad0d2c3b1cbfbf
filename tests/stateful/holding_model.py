"""The model's part of pauses, rests and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cap import Cap
from .lane_model import Lanes
from .violation import Violation

if TYPE_CHECKING:
    from .oracle import Job

FOREVER = 2**53 - 1


class Holds:
    """Part of Model."""

    caps: dict[str, Cap]
    lanes: Lanes
    limited: set[str]

    def pause(self, who: str, paused: bool, for_ms: int | None, now: int) -> bool:
        """True if that changes anything."""
        cap = self.caps[who]
        if paused or who:
            cap.lapse(now)
        before = cap.until > 0
        if not paused:
            cap.until = 0
            return before
        cap.until = FOREVER if for_ms is None else now + for_ms
        if who:
            self.limited.add(who)
        return not before

    def hold(self, who: str, moment: int) -> None:
        """The longest word counts."""
        cap = self.caps[who]
        cap.held = max(cap.held, moment)
        if who:
            self.limited.add(who)

    def forget(self, hashes: dict[str, dict[str, str]], now: int) -> None:
        """What the server has forgotten must be over, and stays so if the clock goes back."""
        self.lanes.coming = int(hashes.get("meta", {}).get("spare", 1))
        for name, cap in self.caps.items():
            there = hashes.get(f"tenant:{name}" if name else "meta", {})
            if ("until" if name else "paused") not in there and cap.until:
                if cap.until > now:
                    raise Violation("I1", f"the pause of {name!r} ended early")
                cap.until = 0
            if "rested" not in there:
                if cap.held > now:
                    raise Violation("I17", f"what {name!r} was told to wait for is forgotten")
                cap.held = 0

    def rests(self, who: str, now: int) -> bool:
        """It may be saving for a dear job, so that others wait though they could be paid for."""
        cap = self.caps[who]
        return cap.period is not None and cap.dear

    def hold_back(self, job: Job, fields: dict[str, str]) -> None:
        """What the queue can't pay for waits before its lane."""
        dear = self.caps[""].period is not None and self.caps[""].dear
        if dear and fields.get("entry") and fields.get("lane") == str(job.before):
            job.lane, job.revived = job.before, True

    def halted(self, now: int) -> set[str]:
        """Who is paused."""
        return {name for name, cap in self.caps.items() if cap.until > now}
