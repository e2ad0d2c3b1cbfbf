"""Names of things: job ids that sort by time and say their queue. Nobody guesses one, unless who
knows its neighbour takes pains: an id is no secret that opens anything.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import NewType

from ..errors import FieldError, InvalidInput

JobId = NewType("JobId", str)
Parts = tuple[int, int, int]
"""A job id of ours, without what names its type, in three numbers of fifty bits: its time; the
chance that it shares with its neighbours; 20 bits of its own and its two marks of 15.
"""
TenantId = NewType("TenantId", str)
Token = NewType("Token", int)
"""The fence number of one delivery; a later delivery of any job of the queue has a higher one."""

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Of what we make: Crockford's base 32, five bits a character."""
PAIRS = [one + other for one in ALPHABET for other in ALPHABET]
"""Two characters, by the ten bits that they stand for."""
_DIGITS = bytes(
    b"0123456789abcdefghijklmnopqrstuv"[ALPHABET.index(chr(byte))] if chr(byte) in ALPHABET else 33
    for byte in range(256)
)
"""The digits that int() knows, for those of our alphabet; an exclamation mark for all else."""
_TYPE = re.compile(r"[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?")
_NAME = re.compile(r"[0-9A-Za-z_-]{1,64}")
_TENANT = re.compile(r"[0-9A-Za-z_.:@-]{1,64}")
_ISSUED = re.compile(rf"[{ALPHABET}]{{34}}")
CHARACTERS = 30
"""Of a job id of ours, five bits each, before those that name its type."""
CHANCE_BITS = 70
"""Of chance in a job id, of which neighbours share 50 (engine/runs.py): that costs 2**15 guesses a
millisecond of who knows one of them.
"""
CHANCE_BYTES = 9
"""In which so many bits have room."""
_CODE_CHARACTERS, _TENANT_CHARACTERS = 4, 12
_CHANCE, _OWN, _CODE = (1 << CHANCE_BITS) - 1, (1 << 20) - 1, (1 << 20) - 1
_MARK, _MARKS = (1 << 15) - 1, (1 << 30) - 1
_OURS, _THEIRS = 32_749, 32_719
"""The largest primes that a mark has room for. A mark is what is missing to the next multiple of
one, as in the check digits of ISO 7064. Whatever character of an id is changed, the first mark no
longer fits (the second one is not looked at where no tenant is given).
"""
MAX_ACTOR = 200
"""Characters of the name of who asked for something."""
CUSTOM_ID_LENGTH = 46
"""The longest job id that a caller may choose: what 64 characters leave beside tenant and type."""


def new_job_id(now_ms: int, chance: int, job_type: str, tenant: str) -> JobId:
    """10 characters of time, 14 of chance (the last CHANCE_BITS of that), 3 that mark the id as
    ours, 3 that mark it as its tenant's, 4 that name the type (Crockford base 32, like a ULID).
    """
    return spelt(new_parts(now_ms, chance & _CHANCE, job_type, tenant), job_type)


def new_parts(now_ms: int, chance: int, job_type: str, tenant: str) -> Parts:
    """The same in numbers. ``chance``: CHANCE_BITS and no more."""
    marks = _marks(now_ms << 90 | chance << 20 | _code(job_type), tenant)
    return now_ms, chance >> 20, (chance & _OWN) << 30 | marks


def spelt(parts: Parts, job_type: str) -> JobId:
    """The id of these numbers."""
    moment, shared, own = parts
    return JobId(f"{_common(moment)}{_common(shared)}{_ten(own)}{type_code(job_type)}")


def parts_of(job_id: str) -> Parts:
    """The numbers of an id of ours, whatever type it names. Raises ValueError for any other."""
    digits = job_id[:CHARACTERS].encode().translate(_DIGITS)
    return int(digits[:10], 32), int(digits[10:20], 32), int(digits[20:], 32)


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
    return new_job_id(due_ms, _number(f"{schedule_id}@{due_ms}"), job_type, tenant)


def was_issued(job_id: str, tenant: str | None) -> bool:
    """True if the id is one that we made, for that tenant or (None) for any.

    Nothing is remembered for it: an id carries its marks. They are no secret, so an id that
    somebody has made up on purpose may pass; one that is a guess does in 1 of 32,749 cases for any
    tenant, and in one of a thousand million for a given one.
    """
    if not _ISSUED.fullmatch(job_id):
        return False
    moment, shared, own = parts_of(job_id)
    code = int(job_id[CHARACTERS:].encode().translate(_DIGITS), 32)
    marks = _marks(moment << 90 | shared << 40 | own >> 30 << 20 | code, tenant or "")
    if tenant is None:
        return marks >> 15 == own >> 15 & _MARK
    return marks == own & _MARKS


@lru_cache(1024)
def type_code(job_type: str) -> str:
    """Four characters that tell a type among the few that a deployment has."""
    return _digest(job_type, _CODE_CHARACTERS)


@lru_cache(1024)
def _code(job_type: str) -> int:
    """The same as a number."""
    return _number(job_type) & _CODE


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


def _marks(whole: int, tenant: str) -> int:
    """Of an id with its type's code: that it is ours, and its tenant's."""
    return _OURS - whole % _OURS << 15 | _THEIRS - (whole ^ _mask(tenant)) % _THEIRS


@lru_cache(16_384)
def _mask(tenant: str) -> int:
    """Makes an id another number for each tenant."""
    return _number(tenant)


def _ten(bits: int) -> str:
    """The ten characters of fifty bits."""
    return (
        f"{PAIRS[bits >> 40]}{PAIRS[bits >> 30 & 1023]}{PAIRS[bits >> 20 & 1023]}"
        f"{PAIRS[bits >> 10 & 1023]}{PAIRS[bits & 1023]}"
    )


_common = lru_cache(256)(_ten)
"""Of what neighbours have in common."""


def _digest(text: str, length: int) -> str:
    """So many characters that stand for a text; at most 25."""
    number = _number(text)
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(length)))


def _number(text: str) -> int:
    """128 bits that stand for a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
