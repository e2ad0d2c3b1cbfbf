"""email-notification: the four mails that a quote's life brings, in Spanish and English.

``facts`` parses what a template needs, ``rendering`` writes subject, text and HTML, ``message``
puts the MIME message together, ``attachments`` fetches files, ``delivery`` talks SMTP,
``processor`` joins them. Only ``delivery`` does network I/O. Refused here: more than one recipient,
lines in headers, links that are not http(s), foreign files.
"""

from __future__ import annotations

from .processor import SendEmail

__all__ = ["SendEmail"]
