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
_MARK_BITS, _CODE_BITS = 15, 20
_CODE_CHARACTERS, _TENANT_CHARACTERS = 4, 12
_CHANCE = (1 << CHANCE_BITS) - 1
_MARK = (1 << _MARK_BITS) - 1
_CODE = (1 << _CODE_BITS) - 1
_FIFTY = (1 << 50) - 1
_OURS, _THEIRS = 32_749, 32_719
"""The largest primes that a mark has room for: what is left of an id divided by one, as in the
check digits of ISO 7064. Whatever character of an id is changed, it no longer fits.
"""
MAX_ACTOR = 200
"""Characters of the name of who asked for something."""
CUSTOM_ID_LENGTH = 46
"""The longest job id that a caller may choose: what 64 characters leave beside tenant and type."""


def new_job_id(now_ms: int, chance: int, job_type: str, tenant: str) -> JobId:
    """10 characters of time, 14 of chance (the last CHANCE_BITS of that), 3 that mark the id as
    ours, 3 that mark it as its tenant's, 4 that name the type (Crockford base 32, like a ULID).
    """
    return spelt(new_number(now_ms, chance & _CHANCE, job_type, tenant), job_type)


def new_number(now_ms: int, chance: int, job_type: str, tenant: str) -> int:
    """The same as a number, without what names the type. ``chance``: CHANCE_BITS and no more."""
    head = now_ms << CHANCE_BITS | chance
    return head << 2 * _MARK_BITS | _marks(head << _CODE_BITS | _code(job_type), tenant)


def spelt(number: int, job_type: str) -> JobId:
    """The id of that number."""
    first, middle, last = number >> 100, number >> 50 & _FIFTY, number & _FIFTY
    return JobId(f"{_ten(first)}{_ten(middle)}{_ten(last)}{type_code(job_type)}")


def number_of(job_id: str) -> int:
    """The number of an id of ours, whatever type it names. Raises ValueError for any other."""
    return int(job_id[:CHARACTERS].encode().translate(_DIGITS), 32)


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
    number, code = number_of(job_id), int(job_id[CHARACTERS:].encode().translate(_DIGITS), 32)
    whole = number >> 2 * _MARK_BITS << _CODE_BITS | code
    marks = _marks(whole, tenant or "")
    if tenant is None:
        return marks >> _MARK_BITS == number >> _MARK_BITS & _MARK
    return marks == number & (1 << 2 * _MARK_BITS) - 1


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
    return whole % _OURS << _MARK_BITS | (whole ^ _mask(tenant)) % _THEIRS


@lru_cache(1024)
def _mask(tenant: str) -> int:
    """Makes an id another number for each tenant."""
    return _number(tenant)


def _ten(bits: int) -> str:
    """The ten characters of fifty bits."""
    return (
        f"{PAIRS[bits >> 40]}{PAIRS[bits >> 30 & 1023]}{PAIRS[bits >> 20 & 1023]}"
        f"{PAIRS[bits >> 10 & 1023]}{PAIRS[bits & 1023]}"
    )


def _digest(text: str, length: int) -> str:
    """So many characters that stand for a text; at most 25."""
    number = _number(text)
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(length)))


def _number(text: str) -> int:
    """128 bits that stand for a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
