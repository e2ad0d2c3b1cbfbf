"""What the model holds: jobs, dead letters, schedules."""

from __future__ import annotations

from dataclasses import dataclass, field

from cotiza_queue.store.asked import Intake

from .snapshot import options_text

FINAL = ("completed", "failed", "cancelled")
UNSTARTED = ("blocked", "delayed", "waiting")


@dataclass
class Job:
    """What the model knows of a job. Times in milliseconds."""

    intake: Intake
    created: int
    seq: int
    status: str = ""
    lane: int = 0
    deadline: int | None = None
    place: int = 0
    """Its turn among the waiting of its lane and tenant."""
    due: int | None = None
    worker: str = ""
    token: int | None = None
    """None: given anew by the server, and nobody was told."""
    leased: int = 0
    attempt: int = 0
    stalls: int = 0
    snoozed: int = 0
    starts: int = 0
    """Deliveries since the last replay."""
    spared: int = 0
    """Those of them that were handed back and count as no attempt."""
    failures: int = 0
    finished: int | None = None
    expires: int = 0
    result: bytes | None = None
    progress: bytes | None = None
    next: str = ""
    """The job that is blocked behind it."""
    behind: str = ""
    delay: int = 0
    """Of a blocked job, once it is released."""
    apart: bool = False
    """Too new for the worker that met it; see version_model.py."""
    revived: bool = False
    """Replayed once; it may find its old place in a line again."""
    saved: dict[str, bytes] = field(default_factory=dict)
    """Checkpoints."""
    runs: list[tuple[str, int]] = field(default_factory=list)
    """(worker, token) of every delivery."""
    walked: list[str] = field(default_factory=list)
    """Every status that it has had, in order."""

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name == "status" and value and self.walked[-1:] != [value]:
            self.walked.append(str(value))
        if name == "status" and value in ("completed", "cancelled"):
            self.saved.clear()
        if name == "token" and isinstance(value, int):
            self.runs.append((self.worker, value))

    @property
    def id(self) -> str:
        return self.intake.id

    @property
    def options(self) -> str:
        """What the server keeps of what was asked beside the usual."""
        return options_text(self.intake.kept_options())

    @property
    def home(self) -> int:
        return self.lane - self.lane % 2 + 1

    @property
    def before(self) -> int:
        return self.lane - self.lane % 2

    def keep(self, status: str) -> tuple[int, int | None]:
        kept = self.intake.keep_completed if status == "completed" else self.intake.keep_failed
        return kept.age or 0, kept.count


@dataclass
class Letter:
    """A dead letter. ``entry``: its id on the server, once it was seen."""

    intake: Intake
    lane: int
    entry: str = ""


@dataclass
class Schedule:
    """``due``: None while paused. ``last``: the latest occurrence that fired."""

    due: int | None
    last: int = 0
    fired: int = 0
