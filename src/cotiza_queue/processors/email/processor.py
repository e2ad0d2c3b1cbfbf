"""The processor: payload → facts → words → message → SMTP, once per job as far as SMTP allows.

SMTP can't tell "accepted, answer lost" from "not accepted", so a mail may arrive twice after a
crash or a timeout; both copies then carry the same Message-ID.
"""

from __future__ import annotations

from ...clock import Clock
from ...jobtypes import EmailNotification, EmailResult
from ...model.context import JobContext
from ...settings import Settings
from ...storage import BlobStore
from . import attachments, facts, rendering
from .delivery import deliver
from .message import Envelope, compose, recipient_address, sender_address


class SendEmail:
    """Sends one mail. Raises ConfigurationError at once if ``smtp_from`` is not one address."""

    def __init__(self, settings: Settings, blobs: BlobStore, clock: Clock) -> None:
        self._settings = settings
        self._blobs = blobs
        self._clock = clock
        self._sender = sender_address(settings.smtp_from)

    async def __call__(self, payload: EmailNotification, context: JobContext) -> EmailResult:
        """Everything is checked before the first connection.

        Raises InvalidData (payload, template data, attachments), PermanentError (server refuses, or
        none is set), RetryableError (server away or deferring).
        """
        recipient = recipient_address(payload.recipient_name, payload.recipient_email)
        written = rendering.write(
            payload.type,
            facts.parse(payload.type, payload.template_data),
            payload.language,
            sender=self._sender.display_name or self._sender.domain,
            greeted=payload.recipient_name,
        )
        files = await attachments.load(payload.attachments, self._blobs, context.tenant)
        envelope = Envelope(
            context.job_id, context.created_ms, payload.language, self._sender, recipient
        )
        message = compose(written, files, envelope)
        context.progress(30, "written", written.subject)
        started = self._clock.monotonic()
        response = await deliver(
            self._settings, message, self._sender.addr_spec, recipient.addr_spec
        )
        spent_ms = round((self._clock.monotonic() - started) * 1000)
        context.progress(100, "sent", response, smtpMs=spent_ms)
        return EmailResult(
            message_id=str(message["Message-ID"]),
            accepted=(recipient.addr_spec,),
            rejected=(),
            response=response,
        )
