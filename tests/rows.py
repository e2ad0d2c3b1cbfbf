"""The rows that this project promises: what docs/features must explain and a test must show.

A test says which rows it shows with ``@pytest.mark.row("A3")``; ``./run rows`` prints the table.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One promised feature. ``group``: the file of docs/features that explains it."""

    id: str
    title: str
    group: str


_TITLES = {
    "enqueueing": {
        "A1": "Bulk enqueueing",
        "A3": "Unique keys",
        "A4": "Idempotency-Key over HTTP",
        "A5": "Throttle, debounce, keep the last",
        "A6": "Delayed jobs, on the moment",
        "A7": "Change a waiting or delayed job",
        "A8": "Priorities",
        "A9": "No starvation",
        "A10": "Bounded queues",
        "A11": "Payload limits, large payloads as files",
        "A15": "Tags and search",
    },
    "execution": {
        "C1": "Concurrency per job type in one worker",
        "C2": "Concurrency of a whole queue",
        "C3": "Concurrency per tenant",
        "C4": "Rate limits",
        "C5": "Weighted fair turns of tenants",
        "C6": "Batches",
        "C7": "Child processes for CPU work",
        "C8": "Memory and CPU caps per job",
        "C9": "Timeouts that really stop the code",
        "C10": "Cancelling a running job from anywhere",
        "C11": "Graceful shutdown and hand-back",
        "C12": "Snooze",
        "C13": "Deadlines",
        "C14": "Checkpoints",
        "C16": "Weighted slots",
    },
    "reliability": {
        "D1": "At least once through any crash",
        "D2": "Recovery tied to liveness",
        "D3": "Fencing of stale workers",
        "D4": "Retry policies",
        "D5": "Errors that are not retried, or at a given time",
        "D7": "Quarantine of jobs that kill their worker",
        "D8": "Audit of orphans and leaks",
        "D9": "Surviving reconnects",
    },
    "operations": {
        "G1": "Pause and resume",
        "G2": "Retention and cleaning",
        "G7": "Why is my job not running?",
        "G8": "Rolling deployments",
    },
    "results": {
        "F1": "Results with a lifetime",
        "F2": "Waiting for a result",
        "F3": "Progress",
        "F4": "Event stream with resume",
        "F8": "History of a job",
    },
    "developing": {
        "H1": "Types from end to end",
        "H2": "Validation at enqueueing and at taking",
        "H3": "Helpers for tests",
        "H4": "A clock of the test's own",
        "H6": "Hooks",
    },
    "clients": {
        "I4": "Round trips and server time per job",
        "I6": "Connections per process",
    },
}

ROWS = tuple(
    Row(id_, title, group) for group, titles in _TITLES.items() for id_, title in titles.items()
)
"""In the order of the table."""
