"""Names of things: job ids that sort by time and say their queue. Nobody guesses one, unless who
knows its neighbour takes pains: an id is no secret that opens anything.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from functools import lru_cache
from typing import NewType

from ..errors import FieldError, InvalidInput

JobId = NewType("JobId", str)
TenantId = NewType("TenantId", str)
Token = NewType("Token", int)
"""The fence number of one delivery; a later delivery of any job of the queue has a higher one."""

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Of what we make: Crockford's base 32, five bits a character."""
PAIRS = [one + other for one in ALPHABET for other in ALPHABET]
"""Two characters, by the ten bits that they stand for."""
_TYPE = re.compile(r"[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?")
_NAME = re.compile(r"[0-9A-Za-z_-]{1,64}")
_TENANT = re.compile(r"[0-9A-Za-z_.:@-]{1,64}")
_ISSUED = re.compile(rf"[{ALPHABET}]{{34}}")
_TIME_CHARACTERS, _RANDOM_CHARACTERS, _MARK_CHARACTERS = 10, 14, 3
_CODE_CHARACTERS, _TENANT_CHARACTERS = 4, 12
MAX_ACTOR = 200
"""Characters of the name of who asked for something."""
RANDOM_BYTES = _RANDOM_CHARACTERS
"""Of chance in a job id, five bits of each: 70 bits, of which neighbours share 50 (engine/runs.py),
and that cost 2**15 guesses a millisecond of who knows one of them.
"""
_CHARACTER = (ALPHABET * 8).encode()
"""The character of each byte: as likely as any other."""
CUSTOM_ID_LENGTH = 46
"""The longest job id that a caller may choose: what 64 characters leave beside tenant and type."""


def new_job_id(now_ms: int, random_bytes: bytes, job_type: str, tenant: str) -> JobId:
    """10 characters of time, 14 random ones, 3 that mark the id as ours, 3 that mark it as its
    tenant's, 4 that name the type (Crockford base 32, like a ULID). ``random_bytes``: RANDOM_BYTES.
    """
    tail = random_bytes[:RANDOM_BYTES].translate(_CHARACTER).decode()
    return _marked(_moment(now_ms) + tail, type_code(job_type), tenant)


def custom_job_id(custom: str, tenant: str, job_type: str) -> JobId:
    """The job id for an id the caller chose: its own, then its tenant's and type's mark.

    Two tenants that choose the same id never meet. Raises InvalidInput for anything but 1–46 of
    ``0-9A-Za-z_-``.
    """
    if not _NAME.fullmatch(custom) or len(custom) > CUSTOM_ID_LENGTH:
        raise InvalidInput(
            "the job id is not usable",
            fields=[FieldError("options.jobId", f"1 to {CUSTOM_ID_LENGTH} of 0-9 A-Z a-z _ -")],
        )
    return JobId(f"{custom}-{_digest(tenant, _TENANT_CHARACTERS)}{type_code(job_type)}")


def occurrence_job_id(schedule_id: str, due_ms: int, job_type: str, tenant: str) -> JobId:
    """The id of one occurrence of a schedule: the same whoever fires it."""
    tail = _digest(f"{schedule_id}@{due_ms}", _RANDOM_CHARACTERS)
    return _marked(_moment(due_ms) + tail, type_code(job_type), tenant)


def was_issued(job_id: str, tenant: str | None) -> bool:
    """True if the id is one that we made, for that tenant or (None) for any.

    Nothing is remembered for it: an id carries its marks. They are no secret, so an id that
    somebody has made up on purpose may pass; one that is a guess does in 1 of 32,768 cases for any
    tenant, and in one of a thousand million for a given one.
    """
    if not _ISSUED.fullmatch(job_id):
        return False
    head, code = job_id[: _TIME_CHARACTERS + _RANDOM_CHARACTERS], job_id[-_CODE_CHARACTERS:]
    if tenant is not None:
        return _marked(head, code, tenant) == job_id
    ours = len(head) + _MARK_CHARACTERS
    return _marked(head, code, "")[:ours] == job_id[:ours]


@lru_cache(1024)
def type_code(job_type: str) -> str:
    """Four characters that tell a type among the few that a deployment has."""
    return _digest(job_type, _CODE_CHARACTERS)


def is_name(text: str) -> bool:
    """True for 1–64 of ``0-9A-Za-z_-``: what may become part of a Redis key."""
    return _NAME.fullmatch(text) is not None


def check_job_type(job_type: str) -> str:
    """The job type itself, or InvalidInput: lower-case letters, digits and hyphens, at most 48."""
    if not isinstance(job_type, str) or not _TYPE.fullmatch(job_type):
        raise InvalidInput(
            f"{job_type!r:.80} is not a job type",
            fields=[FieldError("type", "1 to 48 of a-z 0-9 -, not starting or ending with -")],
        )
    return job_type


def check_tenant(tenant: str) -> TenantId:
    """The tenant itself, or InvalidInput: 1–64 of ``0-9A-Za-z_.:@-``."""
    if not isinstance(tenant, str) or not _is_tenant(tenant):
        raise InvalidInput(
            f"{tenant!r:.80} is not a tenant id",
            fields=[FieldError("tenantId", "1 to 64 of 0-9 A-Z a-z _ . : @ -")],
        )
    return TenantId(tenant)


@lru_cache(1024)
def _is_tenant(text: str) -> bool:
    return _TENANT.fullmatch(text) is not None


def check_actor(by: str) -> str:
    """Who asked for something, as a history keeps it, or InvalidInput."""
    if len(by) > MAX_ACTOR or not by.isprintable():
        raise InvalidInput(
            "the name of who asks is not usable",
            fields=[FieldError("by", f"at most {MAX_ACTOR} printable characters")],
        )
    return by


def _marked(head: str, code: str, tenant: str) -> JobId:
    """The head, its mark, its mark together with the tenant, and the code of the type."""
    ours = zlib.crc32(f"{head}{code}".encode())
    theirs = zlib.crc32(tenant.encode(), ours)
    # Three characters for 15 bits of each.
    return JobId(
        f"{head}{PAIRS[ours >> 5 & 1023]}{ALPHABET[ours & 31]}"
        f"{PAIRS[theirs >> 5 & 1023]}{ALPHABET[theirs & 31]}{code}"
    )


def ten(bits: int) -> str:
    """The ten characters of fifty bits."""
    return (
        f"{PAIRS[bits >> 40]}{PAIRS[bits >> 30 & 1023]}{PAIRS[bits >> 20 & 1023]}"
        f"{PAIRS[bits >> 10 & 1023]}{PAIRS[bits & 1023]}"
    )


_moment = lru_cache(64)(ten)
"""Of a time in milliseconds."""


def _digest(text: str, length: int) -> str:
    return _encode(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"), 26)[-length:]


def _encode(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        characters.append(ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(characters))
