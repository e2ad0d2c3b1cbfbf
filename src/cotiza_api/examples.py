"""A runnable example of each job type, for the documentation. A test holds them to the payloads'
structs.
"""

from __future__ import annotations

from typing import Any

JOBS: dict[str, dict[str, Any]] = {
    "file-analysis": {
        "fileId": "file-123",
        "fileUrl": "s3://bucket/file.stl",
        "fileName": "part.stl",
        "fileType": "stl",
        "analysisOptions": {"processType": "fff"},
    },
    "quote-calculation": {
        "quoteId": "Q-123",
        "items": [
            {"fileId": "file-123", "quantity": 10, "material": "pla", "process": "fff"},
        ],
        "currency": "MXN",
    },
    "email-notification": {
        "type": "quote-ready",
        "recipientEmail": "customer@example.com",
        "templateData": {
            "quoteNumber": "Q-123",
            "total": "1234.50",
            "currency": "MXN",
            "validUntil": "2030-01-31",
        },
        "language": "es",
    },
    "report-generation": {
        "reportType": "quote",
        "entityId": "Q-123",
        "format": "pdf",
        "options": {"language": "es"},
    },
}
"""Job type → its ``data``."""

BODIES: dict[str, dict[str, Any]] = {
    "CreateJobs": {
        "jobs": [{"type": name, "data": data} for name, data in list(JOBS.items())[2:]],
    },
    "ChangeJob": {"priority": 1, "delay": 60_000},
    "CleanQueue": {"grace": 86_400_000, "status": "completed", "limit": 1000},
    "PauseQueue": {"forMs": 1_800_000, "reason": "moving to another printer park"},
}
"""Bodies that are not about one job."""

EXTRAS: dict[str, dict[str, Any]] = {
    "CreateJob": {"options": {"priority": 1, "attempts": 3}},
    "ScheduleJob": {"delay": 300_000},
    "CreateSchedule": {"cronExpression": "0 2 * * *", "timezone": "America/Mexico_City"},
}
"""What a request about one job has beside ``type`` and ``data``."""


def of_body(name: str) -> dict[str, dict[str, Any]]:
    """Examples of a body struct, by name; empty if it has none."""
    if name in BODIES:
        return {"example": BODIES[name]}
    if name in EXTRAS:
        return {kind: {"type": kind, "data": data, **EXTRAS[name]} for kind, data in JOBS.items()}
    return {}
