"""One MIME message per job: the same job gives the same bytes, so a retry after a crash is a
visible duplicate.

The structure is multipart/mixed (files) around multipart/alternative (text, then HTML). Header
values are typed objects or single clean lines; the ``email`` package encodes what is not ASCII and
refuses line breaks.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final, NamedTuple

from ...errors import ConfigurationError, InvalidData
from ..formats import one_line
from .attachments import AttachedFile
from .rendering import Written

MAX_LOCAL_PART: Final = 64
"""Octets before the @ (RFC 5321 §4.5.3.1.1)."""
MAX_DOMAIN: Final = 253

_ATOM: Final = r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+"
_LOCAL_PART: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
"""A dot-atom (RFC 5322 §3.2.3) with the letters that RFC 6531 adds; quoted parts are refused."""
_DOMAIN: Final = re.compile(r"(?!-)[0-9A-Za-z-]{1,63}(?:\.[0-9A-Za-z-]{1,63})*")


class Envelope(NamedTuple):
    """What the headers need beside the words. ``created_ms`` becomes the Date: stable over
    attempts.
    """

    job_id: str
    created_ms: int
    language: str
    sender: Address
    recipient: Address


def compose(written: Written, files: Sequence[AttachedFile], envelope: Envelope) -> EmailMessage:
    """The whole message. Raises InvalidData if a header can't be written."""
    message = EmailMessage(policy=SMTP)
    mark = hashlib.sha256(envelope.job_id.encode()).hexdigest()[:32]
    try:
        message["From"] = envelope.sender
        message["To"] = envelope.recipient
        message["Subject"] = written.subject
        message["Date"] = datetime.fromtimestamp(envelope.created_ms // 1000, UTC)
        message["Message-ID"] = f"<{mark}@{envelope.sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(written.text, cte="quoted-printable")
        message.add_alternative(written.html, subtype="html", cte="quoted-printable")
        message["Content-Language"] = envelope.language
        for file in files:
            maintype, subtype = file.content_type.split("/")
            message.add_attachment(
                file.body, maintype=maintype, subtype=subtype, filename=file.name
            )
    except (ValueError, MessageError) as error:
        raise InvalidData(f"the mail's headers can't be written: {error}") from None
    # The library would draw the boundaries at random when it writes the message out.
    for index, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_{mark}_{index}")
    return message


def sender_address(configured: str) -> Address:
    """The one address in SMTP_FROM (``Name <user@host>`` or ``user@host``). Raises
    ConfigurationError.
    """
    header = SMTP.header_factory("from", configured)
    addresses: tuple[Address, ...] = getattr(header, "addresses", ())
    if len(addresses) != 1 or header.defects or not addresses[0].domain:
        raise ConfigurationError(
            "SMTP_FROM is not one e-mail address", remedy="Write it as: Name <user@example.com>"
        )
    try:
        return _address(addresses[0].display_name, addresses[0].addr_spec)
    except ValueError as error:
        raise ConfigurationError(f"SMTP_FROM can't be used: {error}") from None


def recipient_address(name: str | None, address: str) -> Address:
    """The one recipient. Raises InvalidData before any connection is made."""
    try:
        return _address(one_line(name or ""), address)
    except ValueError:
        raise InvalidData(
            "data.recipientEmail: not one usable e-mail address",
            code="bad_address",
            remedy="Correct the address and send the job again.",
            details={"fields": ["data.recipientEmail"]},
        ) from None


def _address(name: str, address: str) -> Address:
    """A checked address; a domain beyond ASCII in its ASCII form (IDNA). Raises ValueError."""
    if one_line(address) != address:
        raise ValueError("the address holds control characters")
    local, _, domain = address.rpartition("@")
    if len(local.encode()) > MAX_LOCAL_PART or not _LOCAL_PART.fullmatch(local):
        raise ValueError("the part before the @ is not usable")
    ascii_domain = domain.encode("idna").decode("ascii")
    if len(ascii_domain) > MAX_DOMAIN or not _DOMAIN.fullmatch(ascii_domain):
        raise ValueError("the domain is not usable")
    return Address(name, username=local, domain=ascii_domain)
