"""One message over one SMTP connection (RFC 5321), and what each failure means.

    no connection, a broken one, a timeout           RetryableError   smtp_unreachable
    4yz                                              RetryableError   smtp_deferred
    a certificate that can't be verified             RetryableError   smtp_tls
    535 and other refusals of the sign-in            PermanentError   smtp_auth
    another 5yz, with the server's line              PermanentError   smtp_rejected
    TLS, sign-in or SMTPUTF8 needed but not offered  PermanentError   smtp_unsupported

A password goes only over TLS unless SMTP_TLS=none says otherwise, and never into an error's text:
what the server says about a sign-in is left out. Once the server has accepted the message nothing
that follows can fail the job.
"""

from __future__ import annotations

import ssl
from email.message import EmailMessage
from typing import Final

import aiosmtplib
from aiosmtplib import errors as smtp

from ...errors import PermanentError, ProcessingError, RetryableError
from ...settings import Settings
from ..formats import one_line

TIMEOUT_S: Final = 15.0
"""For the connection and for each answer: well inside the job's 30 s."""
QUIT_TIMEOUT_S: Final = 1.0
"""A server that dawdles over QUIT after it took the mail must not make the job run again."""
IMPLICIT_TLS_PORT: Final = 465
"""RFC 8314 §3.3."""
MAX_LINE: Final = 500


async def deliver(settings: Settings, message: EmailMessage, sender: str, recipient: str) -> str:
    """Hand the message over and return the server's last line. Raises PermanentError or
    RetryableError.
    """
    if settings.smtp_host is None:
        raise PermanentError(
            "no mail server is set",
            code="smtp_not_configured",
            remedy="Set SMTP_HOST, then replay the dead letter.",
        )
    use_tls, start_tls = _tls(settings)
    client = aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_user,
        password=settings.smtp_password,
        timeout=TIMEOUT_S,
        use_tls=use_tls,
        start_tls=start_tls,
    )
    try:
        await client.connect()
        _, response = await client.send_message(message, sender=sender, recipients=[recipient])
    except (smtp.SMTPException, OSError) as error:
        client.close()
        raise _meaning(error) from None
    except BaseException:
        client.close()
        raise
    await _leave(client)
    return _line(response)


def _tls(settings: Settings) -> tuple[bool, bool | None]:
    """TLS from the first byte; and STARTTLS: True = or not at all, None = where it is offered."""
    match settings.smtp_tls:
        case "tls":
            return True, False
        case "starttls":
            return False, True
        case "none":
            return False, False
        case "auto" if settings.smtp_port == IMPLICIT_TLS_PORT:
            return True, False
        case "auto":
            return False, True if settings.smtp_user else None


async def _leave(client: aiosmtplib.SMTP) -> None:
    try:
        await client.quit(timeout=QUIT_TIMEOUT_S)
    except (smtp.SMTPException, OSError):
        pass  # The mail is the server's now; how it says goodbye changes nothing.
    finally:
        client.close()


def _meaning(error: Exception) -> ProcessingError:
    if isinstance(error, smtp.SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, smtp.SMTPAuthenticationError):
        return _sign_in(error.code)
    if isinstance(error, smtp.SMTPResponseException):
        return _answer(error.code, error.message)
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return RetryableError(
            "the mail server's TLS can't be trusted",
            code="smtp_tls",
            remedy="Check its certificate, the host name in SMTP_HOST, and SMTP_TLS.",
            details={"reason": _line(str(error))},
        )
    if isinstance(error, OSError):
        return RetryableError(
            f"the mail server can't be reached: {_line(str(error)) or type(error).__name__}",
            code="smtp_unreachable",
            remedy="Check SMTP_HOST and SMTP_PORT, and that the server is up.",
        )
    return PermanentError(
        f"the mail server lacks what this mail needs: {_line(str(error))}",
        code="smtp_unsupported",
        remedy="Check SMTP_PORT, SMTP_TLS and SMTP_USER against what the server offers.",
    )


def _sign_in(code: int) -> ProcessingError:
    sentence = f"the mail server refused the sign-in with {code}"
    if 400 <= code < 500:
        return RetryableError(sentence, code="smtp_deferred", details={"smtpCode": code})
    return PermanentError(
        sentence,
        code="smtp_auth",
        remedy="Check SMTP_USER and SMTP_PASS, then replay the dead letter.",
        details={"smtpCode": code},
    )


def _answer(code: int, text: str) -> ProcessingError:
    line = _line(f"{code} {text}")
    if 500 <= code < 600:
        return PermanentError(
            f"the mail server refused the mail: {line}",
            code="smtp_rejected",
            remedy="Read the server's line; correct the address or the server's rules.",
            details={"smtpCode": code},
        )
    return RetryableError(
        f"the mail server put the mail off: {line}",
        code="smtp_deferred",
        details={"smtpCode": code},
    )


def _line(text: str) -> str:
    return one_line(text)[:MAX_LINE]
