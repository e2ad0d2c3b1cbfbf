"""Files that travel with a mail: given or stored, the tenant's own, and not too large."""

from __future__ import annotations

import base64

import pytest

from cotiza_queue.errors import InvalidData
from cotiza_queue.jobtypes import EmailNotification
from cotiza_queue.jobtypes.email_notification import Attachment
from cotiza_queue.processors.email.attachments import MAX_TOTAL_BYTES

PDF = b"%PDF-1.7 not really\r\n\x00\xff"


def with_files(*files: Attachment) -> EmailNotification:
    return EmailNotification(
        type="quote-expired",
        recipient_email="ana@cliente.example",
        template_data={"quoteNumber": "Q-123"},
        attachments=files,
    )


def given(body: bytes, name: str = "a.pdf") -> Attachment:
    return Attachment(filename=name, content=base64.b64encode(body).decode())


async def test_given_and_stored_files_arrive_byte_for_byte(serve, sender, inbox, blobs, context):
    await blobs.put("acme/reports/r1.pdf", PDF, name="x.pdf", content_type="application/pdf")
    payload = with_files(
        given(PDF, "Cotización Ñ-1.pdf"),
        Attachment(filename="guardado.xlsx", key="acme/reports/r1.pdf"),
        Attachment(filename="sin tipo", key="file-store://acme/reports/r1.pdf"),
    )
    await sender(await serve())(payload, context)
    (message,) = inbox.mails()
    parts = list(message.iter_attachments())
    assert [part.get_filename() for part in parts] == [
        "Cotización Ñ-1.pdf",
        "guardado.xlsx",
        "sin tipo",
    ]
    assert [part.get_content_type() for part in parts] == [
        "application/pdf",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/octet-stream",
    ]
    assert all(part.get_content() == PDF for part in parts)
    assert all(not part.defects for part in message.walk())


@pytest.mark.parametrize(
    "key",
    [
        "other/reports/r1.pdf",
        "acme/reports/none.pdf",
        "acme/../other/reports/r1.pdf",
        "/etc/passwd",
        "acme/reports",
        "file-store://other/reports/r1.pdf",
    ],
)
async def test_another_tenants_file_looks_like_no_file_at_all(sender, blobs, context, key):
    await blobs.put("other/reports/r1.pdf", PDF, name="x.pdf", content_type="application/pdf")
    with pytest.raises(InvalidData) as caught:
        await sender(1)(with_files(Attachment(filename="x.pdf", key=key)), context)
    assert caught.value.message == "data.attachments[0].key: no such file"
    assert caught.value.code == "attachment_not_found"


@pytest.mark.parametrize("content", ["no base64!", "YQ", "YQ==\n", "ñ", "Y Q=="])
async def test_content_that_is_not_base64_is_refused(sender, context, content):
    with pytest.raises(InvalidData, match=r"data\.attachments\[1\]\.content: not base64"):
        await sender(1)(
            with_files(given(PDF), Attachment(filename="b.pdf", content=content)), context
        )


async def test_a_file_is_given_in_exactly_one_way(sender, context):
    for file in (
        Attachment(filename="a"),
        Attachment(filename="a", content="YQ==", key="acme/reports/r1.pdf"),
    ):
        with pytest.raises(InvalidData, match=r"data\.attachments\[0\]"):
            await sender(1)(with_files(file), context)


async def test_five_megabytes_together_are_the_limit(serve, sender, inbox, blobs, context):
    half = bytes(MAX_TOTAL_BYTES // 2)
    await blobs.put("acme/files/half", half, name="half", content_type="text/plain")
    stored = Attachment(filename="stored", key="acme/files/half")
    await sender(await serve())(with_files(given(half), stored), context)
    assert sum(len(part.get_content()) for part in inbox.mails()[0].iter_attachments()) == 2 * len(
        half
    )
    for files in ((given(half), given(b"x"), stored), (given(half), stored, given(b"x"))):
        with pytest.raises(InvalidData) as caught:
            await sender(1)(with_files(*files), context)
        assert caught.value.code == "attachments_too_large"
        assert "data.attachments[2]" in caught.value.message


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/x.pdf", "x.pdf"),
        ("C:\\temp\\x.pdf", "x.pdf"),
        ("x.pdf\r\nBcc: e@x.example", "x.pdfBcc_ e@x.example"),
        ("fdp.\u202eexe", "fdp.exe"),
        ("..", "file"),
    ],
)
async def test_a_file_name_is_one_visible_name(serve, sender, inbox, context, name, shown):
    await sender(await serve())(with_files(given(PDF, name)), context)
    (message,) = inbox.mails()
    (part,) = message.iter_attachments()
    assert part.get_filename() == shown
    assert message["Bcc"] is None
    assert part.defects == []
