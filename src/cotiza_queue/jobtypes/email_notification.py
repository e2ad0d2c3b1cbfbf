"""email-notification: the four mails that a quote's life brings."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from typing import Annotated, Any, Literal

from msgspec import Meta

from ..errors import FieldError, InvalidInput
from ..model.job import JobType
from ..model.policy import Defaults, RetryPolicy
from . import template_data
from .common import Text, Wire

MAX_CONTENT_BYTES = 180 * 1024
"""Of a file within the payload: base64 makes it 240 KiB, and the whole payload may have 256 KiB."""
MAX_CONTENT = MAX_CONTENT_BYTES // 3 * 4
MAX_LOCAL_PART = 64
"""Octets before the @ (RFC 5321 §4.5.3.1.1)."""
MAX_DOMAIN = 253

_LOCAL_PART = re.compile(r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~.\u00a1-\U0010ffff-]+")
"""The characters of a dot-atom (RFC 5322 §3.2.3) with the letters that RFC 6531 adds."""
_DOMAIN = re.compile(r"(?!-)[0-9A-Za-z-]{1,63}(?:\.[0-9A-Za-z-]{1,63})*")

Language = Literal["en", "es"]
_WORD = r"[^\s@,;:<>\"()\[\]\\.\x00-\x1f\x7f]+"
Address = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=254,
        pattern=rf"^{_WORD}(\.{_WORD})*@{_WORD}(\.{_WORD})*$(?!\n)",
        description="an e-mail address such as ana@example.com",
    ),
]


class Attachment(Wire, frozen=True, kw_only=True):
    """``content`` (base64 of at most 180 KiB) or ``key`` (a file of the blob store of any size, as
    in ``file-store://<key>``), not both.
    """

    filename: Annotated[str, Meta(min_length=1, max_length=255)]
    content: Annotated[str, Meta(extra_json_schema={"maxLength": MAX_CONTENT})] | None = None
    key: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None


class EmailNotification(Wire, frozen=True, kw_only=True):
    """The payload. ``template_data``: what the mail of ``type`` says; see ``template_data.py``."""

    type: Literal["quote-ready", "quote-accepted", "quote-expired", "order-shipped"]
    recipient_email: Address
    template_data: dict[str, Any]
    recipient_name: Text | None = None
    language: Language = "es"
    attachments: Annotated[tuple[Attachment, ...], Meta(max_length=10)] = ()


class EmailResult(Wire, frozen=True, kw_only=True):
    """``response``: the SMTP server's last line."""

    message_id: str
    accepted: tuple[str, ...]
    rejected: tuple[str, ...]
    response: str


def check(payload: EmailNotification) -> None:
    """Refuse at intake what could never be sent. Raises InvalidInput."""
    _check_address(payload.recipient_email)
    template_data.parse(payload.type, payload.template_data)
    for index, attachment in enumerate(payload.attachments):
        _check_attachment(attachment, f"data.attachments[{index}]")


def _check_address(address: str) -> None:
    local, _, domain = address.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_domain = ""
    usable = (
        unicodedata.is_normalized("NFC", address)
        and len(local.encode()) <= MAX_LOCAL_PART
        and len(ascii_domain) <= MAX_DOMAIN
        and _LOCAL_PART.fullmatch(local)
        and _DOMAIN.fullmatch(ascii_domain)
    )
    if not usable:
        raise _refuse("data.recipientEmail", "must be an e-mail address such as ana@example.com")


def _check_attachment(attachment: Attachment, path: str) -> None:
    if (attachment.content is None) == (attachment.key is None):
        raise _refuse(path, "must have either content (base64) or key, and not both")
    if attachment.content is None:
        return
    if len(attachment.content) > MAX_CONTENT:
        limit = f"{MAX_CONTENT_BYTES // 1024} KiB ({MAX_CONTENT:,} characters of base64)"
        reason = f"must be at most {limit}; send the key of a stored file instead"
        raise _refuse(f"{path}.content", reason)
    try:
        base64.b64decode(attachment.content, validate=True)
    except (binascii.Error, ValueError):
        raise _refuse(f"{path}.content", "must be base64") from None


def _refuse(path: str, reason: str) -> InvalidInput:
    return InvalidInput(
        f"the payload does not fit email-notification: {path} {reason}",
        fields=[FieldError(path, reason)],
    )


EMAIL_NOTIFICATION: JobType[EmailNotification, EmailResult] = JobType(
    "email-notification",
    EmailNotification,
    Defaults(attempts=5, backoff=RetryPolicy("exponential", 10_000), timeout=30_000),
    check=check,
    result=EmailResult,
)
