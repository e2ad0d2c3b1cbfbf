"""Planted bugs of the doctor: it finds fault with what is sound. (name, file, old, new)"""

from __future__ import annotations

DOCTOR_MUTATIONS = (
    (
        "a doctor that counts what has no place", "lib/87_audit_counts",
        "if number % 2 == 1 then", "if true then",
    ),
    (
        "a doctor that takes the last for wrong", "lib/82_audit_job",
        "j.status == status and counted", "j.status == status",
    ),
    (
        "a doctor that sees the active as lost", "lib/82_audit_job", "and handed_out and not held",
        "and handed_out",
    ),
)  # fmt: skip
