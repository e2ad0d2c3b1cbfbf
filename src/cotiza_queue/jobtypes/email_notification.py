"""email-notification: the four mails that a quote's life brings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from ..model.job import JobType
from ..model.policy import Defaults, RetryPolicy
from .common import Text, Wire

Language = Literal["en", "es"]
Address = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=254,
        pattern=r"^[^\s@,;:<>\"()\[\]\\\x00-\x1f\x7f]+@[^\s@,;:<>\"()\[\]\\\x00-\x1f\x7f]+$(?!\n)",
    ),
]


class Attachment(Wire, frozen=True, kw_only=True):
    """``content`` (base64) or ``key`` (a file of the blob store, as in ``file-store://<key>``), not
    both.
    """

    filename: Annotated[str, Meta(min_length=1, max_length=255)]
    content: Annotated[str, Meta(max_length=7_000_000)] | None = None
    key: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None


class EmailNotification(Wire, frozen=True, kw_only=True):
    """The payload. ``template_data``: what the template of ``type`` names; a missing field is a
    permanent error.
    """

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


EMAIL_NOTIFICATION: JobType[EmailNotification] = JobType(
    "email-notification",
    EmailNotification,
    Defaults(attempts=5, backoff=RetryPolicy("exponential", 10_000), timeout=30_000),
)
